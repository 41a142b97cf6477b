"""Waiting events as rows: bounded in memory, the oldest first."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from mallard.engine.duckdb.pending_events import LocalPending
from mallard.queue.local import LocalQueue
from support.rows import event

SITE = "example.com"


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[LocalQueue]:
    with closing(LocalQueue(tmp_path / "queue.sqlite")) as opened:
        yield opened


def ids(pending: LocalPending) -> list[int]:
    return list(pending.rows(SITE)["event_id"].to_pylist())


def test_pending_rows_are_bounded_in_bytes_and_advance_as_rows_are_written(
    queue: LocalQueue, caplog: pytest.LogCaptureFixture
) -> None:
    fat = '{"k":"' + "x" * 4000 + '"}'
    queue.send([event(number, props=fat).to_message() for number in range(1, 101)])
    pending = LocalPending(queue, most_bytes=100_000)
    seen: list[int] = []
    while found := ids(pending):
        assert len(found) < 30
        seen += found
        assert pending.left == 100 - len(seen)
        queue.acknowledge(queue.receive(len(found)))
    assert seen == list(range(1, 101))
    assert [record.message for record in caplog.records if "are in no answer" in record.message]


def test_pending_takes_a_large_queue_in_parts(queue: LocalQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mallard.engine.duckdb.pending_events.DECODED_BYTES", 2000)
    queue.send([event(number).to_message() for number in range(1, 101)])
    pending = LocalPending(queue)
    assert ids(pending) == list(range(1, 101))
    queue.acknowledge(queue.receive(40))
    queue.send([event(number).to_message() for number in range(101, 151)])
    assert ids(pending) == list(range(41, 151))
    assert pending.left == 0
