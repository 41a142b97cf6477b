"""Queries end when they must, and wait in a line that has an end."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mallard.engine.cancellation import AdmissionQueue, Cancellation
from mallard.errors import QueryBusyError, QueryStoppedError, QueryTooLongError


def test_cancellation_interrupts_a_running_query() -> None:
    stop, interrupted = Cancellation(), []
    with stop.interrupting(lambda: interrupted.append("first")):
        stop.stop()
    # More than once, maybe: a statement that begins just then forgets the first.
    assert set(interrupted) == {"first"}


def test_finished_query_is_not_interrupted() -> None:
    stop, interrupted = Cancellation(), []
    with stop.interrupting(lambda: interrupted.append("over")):
        pass
    stop.stop()
    assert interrupted == []


def test_query_started_after_cancellation_ends_at_once() -> None:
    stop = Cancellation()
    stop.stop(QueryTooLongError)
    with pytest.raises(QueryTooLongError, match="MALLARD_QUERY_SECONDS"), stop.interrupting(lambda: None):
        pytest.fail("it was begun")


def test_cancellation_keeps_its_first_reason() -> None:
    stop = Cancellation()
    stop.stop(QueryTooLongError)
    stop.stop()
    with pytest.raises(QueryTooLongError):
        stop.check()


def test_admission_queue_limits_concurrent_turns() -> None:
    line, inside, most = AdmissionQueue(at_once=2, waiting=6), [], []
    lock, everybody = threading.Lock(), threading.Barrier(2)

    def visit() -> None:
        with line.turn(Cancellation()):
            with lock:
                inside.append(1)
                most.append(len(inside))
            everybody.wait(10)
            with lock:
                inside.pop()

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(visit) for _ in range(8)]:
            each.result(10)
    assert max(most) == 2


def test_full_admission_queue_refuses_queries() -> None:
    line = AdmissionQueue(at_once=1, waiting=0)
    with line.turn(Cancellation()), pytest.raises(QueryBusyError), line.turn(Cancellation()):
        pytest.fail("there was no place")
    with line.turn(Cancellation()):
        pass


def test_cancelled_query_leaves_the_admission_queue_and_frees_its_place() -> None:
    line, gone = AdmissionQueue(at_once=1, waiting=1), Cancellation()
    with line.turn(Cancellation()):
        with ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(lambda: line.turn(gone).__enter__())
            gone.stop()
            with pytest.raises(QueryStoppedError):
                waiting.result(10)
        free = Cancellation()
        free.stop()
        with pytest.raises(QueryStoppedError), line.turn(free):
            pytest.fail("it was not its turn")


def test_early_interrupt_is_repeated() -> None:
    stop, interrupted = Cancellation(), threading.Semaphore(0)
    with stop.interrupting(interrupted.release):
        stop.stop()
        for _ in range(3):
            assert interrupted.acquire(timeout=10)
