"""Damaged segments: writers stop before them, erasures and repairs replace them, and later writes work."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mallard.errors import ConflictError, DamagedSegmentError
from mallard.flush.drain import DAMAGED_PAUSE_SECONDS, flush, settle
from mallard.queue.base import Message
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.table.append_report import AppendReport
from mallard.table.layout import parse_aside
from mallard.table.partition_eraser import RemovedRows, count_remaining_rows, erase_partition
from mallard.table.segment_repair import DamagedSegment, damaged_in, set_aside
from mallard.table.writer import TableWriter
from support.damage import KINDS, damage
from support.faults import FaultyStore
from support.memory import MemoryQueue, MemoryStore
from support.moto import moto_server
from support.rows import HERE, NOON_MS, deliveries, event, events, noon, segments, stored_ids
from support.s3 import Server

SEALED, TAIL = HERE.segment(0), HERE.segment(1)
PLACES = {"sealed": SEALED, "tail": TAIL}
LATER_MS = NOON_MS + 1000


@pytest.fixture(scope="session")
def bucket() -> Iterator[Server]:
    with moto_server() as address:
        yield Server(address)


@pytest.fixture(params=["memory", "local", pytest.param("bucket", marks=pytest.mark.heavy)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    found: Store = MemoryStore() if request.param == "memory" else LocalStore(tmp_path)
    if request.param == "bucket":
        found = request.getfixturevalue("bucket").new_store()
    writer(found).append(HERE, deliveries(events(1, 2, 3, 4, 5)))
    return found


def writer(store: Store) -> TableWriter:
    return TableWriter(store, seal_rows=3, sleep=lambda _: None, jitter=lambda: 0.0)


def repair(store: Store, mark: int | None = None) -> list[str]:
    return [set_aside(store, each, mark) for each in list(damaged_in(store, HERE))]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_append_to_a_damaged_partition_names_the_file_and_writes_no_object(store: Store, kind: str, place: str) -> None:
    damage(store, PLACES[place], kind)
    before = {row.key: row.version for row in store.list("")}
    with pytest.raises(DamagedSegmentError, match=PLACES[place]):
        writer(store).append(HERE, deliveries(events(6)))
    assert {row.key: row.version for row in store.list("")} == before


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_set_aside_keeps_the_bytes_and_later_writes_work(store: Store, kind: str, place: str) -> None:
    damage(store, PLACES[place], kind)
    held = store.get(PLACES[place])
    assert held is not None
    (aside,) = repair(store)
    kept = store.get(aside)
    assert kept is not None
    assert kept.data == held.data
    assert parse_aside(aside) == HERE
    left = [4, 5] if place == "sealed" else [1, 2, 3]
    assert stored_ids(store) == left
    # What was in the damaged file comes again, and is written once.
    report = writer(store).append(HERE, deliveries(events(1, 2, 3, 4, 5, 6)))
    assert (report.written, report.duplicates) == (6 - len(left), len(left))
    assert stored_ids(store) == [1, 2, 3, 4, 5, 6]
    assert all(each.sealed for each in segments(store)[:-1])
    assert repair(store) == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_erase_partition_removes_a_damaged_file(store: Store, kind: str, place: str) -> None:
    damage(store, PLACES[place], kind)
    assert erase_partition(store, HERE, LATER_MS, sleep=lambda _: None) == RemovedRows(
        2 if place == "sealed" else 3, damaged=1
    )
    assert count_remaining_rows(store, HERE, LATER_MS) == 0
    old, new = event(1), event(9, accepted_ms=LATER_MS)
    assert writer(store).append(HERE, deliveries([old, new])) == AppendReport(written=1, erased=1)
    assert stored_ids(store) == [9]


def test_erase_partition_marks_the_number_above_a_damaged_tail(store: Store) -> None:
    """A writer that read the tail as sealed, before it was damaged, may have its write of the next number prepared."""
    damage(store, TAIL, "cut")
    erase_partition(store, HERE, LATER_MS, sleep=lambda _: None)
    with pytest.raises(ConflictError):
        store.put_if_absent(HERE.segment(2), b"prepared")


def test_set_aside_conflicts_with_a_faster_writer(store: Store) -> None:
    good = damage(store, TAIL, "cut")
    (found,) = damaged_in(store, HERE)
    held = store.get(TAIL)
    assert held is not None
    store.put_if_match(TAIL, good, held.etag)
    with pytest.raises(ConflictError):
        set_aside(store, found)
    assert stored_ids(store) == [1, 2, 3, 4, 5]


def test_append_conflicts_with_a_repair_in_between_and_opens_the_next_number(store: Store) -> None:
    faulty, table = FaultyStore(store), writer(store)
    table.append(HERE, deliveries(events(1)))

    def meanwhile() -> None:
        damage(store, TAIL, "cut")
        repair(store)

    slow = TableWriter(faulty, seal_rows=3, sleep=lambda _: None, jitter=lambda: 0.0)
    faulty.before_write.append(meanwhile)
    assert slow.append(HERE, deliveries(events(6))).written == 1
    assert stored_ids(store) == [1, 2, 3, 6]
    assert len(segments(store)) == 3


@pytest.mark.parametrize("mark", [None, LATER_MS])
def test_set_aside_keeps_the_mark_of_an_erasure(store: Store, mark: int | None) -> None:
    if mark is None:
        # The segments below still say so.
        erase_partition(store, HERE, LATER_MS)
        damage(store, HERE.segment(len(segments(store)) - 1), "empty")
    else:
        damage(store, TAIL, "empty")
    repair(store, mark)
    assert writer(store).append(HERE, deliveries([event(7)])).erased == 1


def test_flush_holds_the_messages_of_a_damaged_partition_and_writes_the_others(store: Store) -> None:
    damage(store, TAIL, "cut")
    queue = MemoryQueue()
    other = event(7, site_id="other.example")
    queue.send([each.to_message() for each in (event(6), other)])
    held: list[tuple[Message, int]] = []
    hold: Callable[[list[tuple[Message, int]]], None] = held.extend
    queue.hold = hold  # type: ignore[method-assign,assignment]
    report = flush(queue.receive(10), writer(store), noon())
    settle(queue, report)
    assert (len(report.blocked), report.failed, report.rows.written) == (1, (), 1)
    assert [seconds for _, seconds in held] == [DAMAGED_PAUSE_SECONDS]
    assert queue.depth() == 1
    repair(store)
    assert flush([each for each, _ in held], writer(store), noon()).rows.written == 1


def test_flush_log_names_the_damaged_file(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    damage(store, TAIL, "empty")
    flush([Message("1", event(6).to_message())], writer(store), noon())
    assert f"{TAIL} is damaged and not a segment of the table: it is empty." in caplog.text


@pytest.mark.parametrize("number", [0, 1, 2])
def test_set_aside_moves_a_folder_with_the_name_of_a_segment(tmp_path: Path, number: int) -> None:
    store = LocalStore(tmp_path)
    writer(store).append(HERE, deliveries(events(1, 2, 3, 4, 5, 8)))
    path = Path(store.location(HERE.segment(number)))
    path.unlink(missing_ok=True)
    path.mkdir()
    (path / "part-0.parquet").write_bytes(b"of somebody else")
    with pytest.raises(DamagedSegmentError, match=HERE.segment(number)):
        writer(store).append(HERE, deliveries(events(6)))
    repair(store)
    assert 6 not in stored_ids(store)
    assert writer(store).append(HERE, deliveries(events(6))).written == 1
    (moved,) = [row for row in store.list("damaged/") if row.key.endswith("part-0.parquet")]
    assert parse_aside(moved.key) == HERE


def test_damaged_segment_names_its_partition() -> None:
    assert DamagedSegment(TAIL, b"", "1", "it is empty").partition == HERE
