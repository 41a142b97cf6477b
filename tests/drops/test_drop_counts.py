"""Counts of drops: through the queue, one object a day, told by site and reason, gone after a week."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from mallard.drops.drop_counts import KEPT, DropCount, add_notes, delete_old_rejections, rejections
from mallard.drops.drop_note import NOTES_PER_MINUTE, DropNote, DropNotes, is_note, read_note
from mallard.engine.duckdb.pending_events import LocalPending
from mallard.flush.drain import drain
from mallard.maintenance.erasure import carry_out, request_erasure
from mallard.queue.local import LocalQueue
from mallard.table.writer import TableWriter
from support.faults import Fault, FaultyStore
from support.memory import MemoryQueue, MemoryStore
from support.rows import event, stored_ids

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
TODAY = NOW.date()
SITE = "example.com"


def note(reason: str = "bot", site_id: str = SITE, day: date = TODAY, at: int = 1000) -> DropNote:
    return DropNote(site_id, day.isoformat(), at, reason)


def told(store: MemoryStore, site_id: str = SITE) -> list[DropCount]:
    return list(rejections(store, site_id, TODAY - timedelta(days=30), TODAY + timedelta(days=1)))


def test_drop_note_round_trips_and_is_no_event() -> None:
    body = note().to_message()
    assert is_note(body)
    assert read_note(body) == note()
    assert not is_note(event(1).to_message())
    assert set(json.loads(body)) == {"rejected", "site_id", "date", "accepted_ms"}


def test_drop_notes_among_events_are_counted_and_the_events_written() -> None:
    store, queue = MemoryStore(), MemoryQueue()
    queue.send([event(1).to_message(), note(at=5).to_message(), event(2).to_message(), note(at=9).to_message()])
    report = drain(queue, TableWriter(store), clock=lambda: NOW)
    assert (report.rows.written, report.poison, queue.depth()) == (2, (), 0)
    assert stored_ids(store) == [1, 2]
    assert told(store) == [DropCount(TODAY, "bot", 2, 5, 9)]


def test_drop_counts_are_separate_by_day_site_and_reason() -> None:
    store = MemoryStore()
    yesterday = TODAY - timedelta(days=1)
    add_notes(store, [note(), note("rate"), note("rate"), note(day=yesterday), note(site_id="other.org")])
    assert [(each.date, each.reason, each.count) for each in told(store)] == [
        (yesterday, "bot", 1),
        (TODAY, "rate", 2),
        (TODAY, "bot", 1),
    ]
    assert len(told(store, "other.org")) == 1


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.UNAVAILABLE])
def test_drop_notes_stay_queued_when_the_store_fails(fault: Fault) -> None:
    store, queue = FaultyStore(MemoryStore()), MemoryQueue()
    queue.send([note().to_message()])
    store.faults.append(fault)
    drain(queue, TableWriter(store), clock=lambda: NOW)
    queue.expire()
    drain(queue, TableWriter(store), clock=lambda: NOW)
    assert queue.depth() == 0
    assert sum(each.count for each in rejections(store, SITE, TODAY, TODAY + timedelta(days=1))) == 1


def test_broken_drop_note_is_a_dead_letter() -> None:
    store, queue = MemoryStore(), MemoryQueue()
    queue.send([b'{"rejected":"bot"}'])
    assert len(drain(queue, TableWriter(store), clock=lambda: NOW).poison) == 1


def test_damaged_day_of_drop_counts_is_restarted() -> None:
    store = MemoryStore()
    add_notes(store, [note()])
    (key,) = store.objects
    store.delete(key)
    store.put_if_absent(key, b"damaged")
    add_notes(store, [note()])
    assert [each.count for each in told(store)] == [1]


def test_drop_counts_are_deleted_after_a_week() -> None:
    store = MemoryStore()
    add_notes(store, [note(), note(day=TODAY - KEPT), note(day=TODAY - KEPT - timedelta(days=1))])
    assert delete_old_rejections(store, NOW) == 1
    assert [each.date for each in told(store)] == [TODAY - KEPT, TODAY]


def test_erasure_deletes_the_drop_counts_of_its_site_only() -> None:
    store = MemoryStore()
    add_notes(store, [note(), note(site_id="other.org")])
    carry_out(store, request_erasure(store, SITE, TODAY, TODAY, NOW))
    assert told(store) == []
    assert len(told(store, "other.org")) == 1


def test_drop_notes_are_limited_during_a_flood() -> None:
    notes = DropNotes()
    made = [notes.make(SITE, "bot", NOW) for _ in range(NOTES_PER_MINUTE + 5)]
    assert [each is None for each in made].count(True) == 5
    assert notes.make(SITE, "bot", NOW + timedelta(minutes=1)) is not None


def test_waiting_drop_note_is_no_pending_event(tmp_path_factory: pytest.TempPathFactory) -> None:
    queue = LocalQueue(tmp_path_factory.mktemp("queue") / "queue.sqlite")
    queue.send([note().to_message(), event(1).to_message()])
    assert LocalPending(queue).rows(SITE)["event_id"].to_pylist() == [1]
    queue.close()
