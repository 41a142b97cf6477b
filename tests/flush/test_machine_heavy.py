"""The flush machine for longer, and the proof that it bites: with a rule of the protocol left out it fails."""

from collections.abc import Sequence

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from mallard.queue.base import Message
from support.flush_machine import FlushMachine
from support.memory import MemoryQueue, MemoryStore

pytestmark = pytest.mark.heavy

LONG = settings(max_examples=400, stateful_step_count=15, deadline=None, derandomize=True)
SHORT = settings(
    max_examples=200, stateful_step_count=15, deadline=None, derandomize=True, print_blob=False, report_multiple_bugs=False
)


class BlindStore(MemoryStore):
    """A server that ignores ``If-Match``, as some do."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        """Overwrite whatever is there."""
        self.delete(key)
        return self.put_if_absent(key, data)


class HastyQueue(MemoryQueue):
    """Acknowledges at delivery."""

    def receive(self, limit: int) -> list[Message]:
        """Hand out and forget."""
        messages = super().receive(limit)
        self.acknowledge(messages)
        return messages

    def release(self, messages: Sequence[Message]) -> None:
        """Too late."""


def test_many_schedules_lose_nothing_and_double_nothing() -> None:
    run_state_machine_as_test(FlushMachine, settings=LONG)


def test_the_machine_fails_where_the_condition_of_a_write_is_ignored() -> None:
    class Blind(FlushMachine):
        make_objects = BlindStore

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Blind, settings=SHORT)


def test_the_machine_fails_where_messages_are_acknowledged_before_they_are_written() -> None:
    class Hasty(FlushMachine):
        make_queue = HastyQueue

    with pytest.raises(AssertionError):
        run_state_machine_as_test(Hasty, settings=SHORT)
