"""The one way into the table: each row once, tails swapped whole, whatever the store answers."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from mallard.errors import StoreError
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.table.append_report import AppendReport
from mallard.table.schema import EVENTS
from mallard.table.segment import Segment, decode, encode
from mallard.table.writer import ATTEMPTS, TableWriter
from support.faults import Fault, FaultyStore
from support.memory import MemoryStore
from support.rows import HERE, deliveries, event, events, rows_of, segments


@pytest.fixture(params=["memory", "local"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return MemoryStore() if request.param == "memory" else LocalStore(tmp_path)


def writer(store: Store, seal_rows: int = 100) -> TableWriter:
    return TableWriter(store, seal_rows=seal_rows, sleep=lambda seconds: None, jitter=lambda: 0.0)


def ids(store: Store) -> list[int]:
    return sorted(number for segment in segments(store) for number in segment.rows["event_id"].to_pylist())


def shapes(store: Store) -> list[tuple[int, bool]]:
    return [(segment.rows.num_rows, segment.sealed) for segment in segments(store)]


def test_an_empty_partition_gets_its_first_segment(store: Store) -> None:
    assert writer(store).append(HERE, deliveries(events(1, 2))) == AppendReport(written=2)
    assert shapes(store) == [(2, False)]


def test_tail_is_extended_by_a_swap(store: Store) -> None:
    table = writer(store)
    table.append(HERE, deliveries(events(1)))
    table.append(HERE, deliveries(events(2)))
    assert (ids(store), shapes(store)) == ([1, 2], [(2, False)])


@pytest.mark.parametrize("together", [True, False])
def test_segments_of_large_rows_are_sealed_by_their_bytes(store: Store, together: bool) -> None:
    table = TableWriter(store, seal_bytes=100_000)
    fat = [event(number, props='{"k":"' + "x" * 8000 + '"}') for number in range(1, 41)]
    parts = [fat] if together else [fat[start : start + 4] for start in range(0, 40, 4)]
    for part in parts:
        table.append(HERE, deliveries(part))
    assert ids(store) == list(range(1, 41))
    assert all(segment.rows.nbytes < 140_000 for segment in segments(store))
    assert len(shapes(store)) in (3, 4)
    assert [sealed for _, sealed in shapes(store)][:3] == [True] * 3


def test_append_reaching_the_seal_size_seals_the_segment(store: Store) -> None:
    table = writer(store, seal_rows=3)
    for number in range(1, 8):
        table.append(HERE, deliveries(events(number)))
    assert (ids(store), shapes(store)) == (list(range(1, 8)), [(3, True), (3, True), (1, False)])


def test_append_of_a_large_batch_fills_several_segments(store: Store) -> None:
    writer(store, seal_rows=3).append(HERE, deliveries(events(*range(1, 9))))
    assert (ids(store), shapes(store)) == (list(range(1, 9)), [(3, True), (3, True), (2, False)])


def test_append_of_redelivered_events_writes_no_object(store: Store) -> None:
    given = deliveries(events(*range(1, 9)))
    writer(store, seal_rows=3).append(HERE, given)
    before = {row.key: row.version for row in store.list("")}
    assert writer(store, seal_rows=3).append(HERE, given) == AppendReport(duplicates=8)
    assert {row.key: row.version for row in store.list("")} == before


def test_writers_with_different_seal_sizes_leave_one_unsealed_segment(store: Store) -> None:
    small, large = writer(store, seal_rows=2), writer(store, seal_rows=5)
    for number in range(1, 21):
        (small if number % 3 else large).append(HERE, deliveries(events(number)))
    assert ids(store) == list(range(1, 21))
    assert all(sealed for _, sealed in shapes(store)[:-1])


def test_segment_file_has_the_schema_of_events_and_no_unsigned_type(store: Store) -> None:
    writer(store).append(HERE, deliveries(events(1)))
    (segment,) = segments(store)
    assert segment.rows.schema.equals(EVENTS)
    assert not any(pa.types.is_unsigned_integer(field.type) for field in segment.rows.schema)


def test_append_keeps_unknown_columns_and_the_erasure_mark(store: Store) -> None:
    newer = rows_of(events(1)).append_column("colour", pa.array(["green"]))
    store.put_if_absent(HERE.segment(0), encode(Segment(newer, erased_before=7)))
    writer(store).append(HERE, deliveries(events(2)))
    (segment,) = segments(store)
    assert segment.rows["colour"].to_pylist() == ["green", None]
    assert segment.erased_before == 7


def test_erasure_mark_is_carried_to_the_segment_after_a_sealed_one(store: Store) -> None:
    old = event(1)
    erased = Segment(EVENTS.empty_table(), sealed=True, erased_before=old.accepted_ms + 1)
    store.put_if_absent(HERE.segment(0), encode(erased))
    report = writer(store).append(HERE, deliveries([old, event(2)]))
    assert report == AppendReport(written=1, erased=1)
    assert [segment.erased_before for segment in segments(store)] == [old.accepted_ms + 1] * 2


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.UNAVAILABLE, Fault.LOST_ANSWER])
def test_append_neither_loses_nor_doubles_events_after_a_failed_write(store: Store, fault: Fault) -> None:
    faulty = FaultyStore(store)
    faulty.faults.extend([fault, Fault.NONE, fault])
    table = writer(faulty, seal_rows=3)
    table.append(HERE, deliveries(events(1, 2)))
    table.append(HERE, deliveries(events(3, 4, 5)))
    assert ids(store) == [1, 2, 3, 4, 5]


def test_append_retries_after_another_writer_without_overwriting(store: Store) -> None:
    faulty = FaultyStore(store)

    def meanwhile() -> None:
        writer(store).append(HERE, deliveries(events(1, 2)))

    faulty.before_write.append(meanwhile)
    assert writer(faulty).append(HERE, deliveries(events(2, 3))) == AppendReport(written=1, duplicates=1)
    assert ids(store) == [1, 2, 3]


def test_append_tolerates_a_stale_listing(store: Store) -> None:
    writer(store, seal_rows=2).append(HERE, deliveries(events(1, 2, 3)))
    faulty = FaultyStore(store)
    faulty.stale.append(2)
    report = writer(faulty, seal_rows=2).append(HERE, deliveries(events(2, 3, 4)))
    assert report == AppendReport(written=1, duplicates=2)
    assert ids(store) == [1, 2, 3, 4]


def test_append_gives_up_after_its_attempts_with_growing_pauses() -> None:
    faulty, pauses = FaultyStore(MemoryStore()), list[float]()
    faulty.faults.extend([Fault.CONFLICT] * ATTEMPTS)
    table = TableWriter(faulty, sleep=pauses.append, jitter=lambda: 0.5)
    with pytest.raises(StoreError):
        table.append(HERE, deliveries(events(1)))
    assert len(pauses) == ATTEMPTS - 1
    assert pauses == sorted(set(pauses))


def test_append_writes_different_bytes_each_time(store: Store) -> None:
    segment = Segment(rows_of(events(1)))
    first, second = encode(segment), encode(segment)
    assert first != second
    assert decode(first, "a").rows.equals(decode(second, "b").rows)


def test_a_plain_duckdb_glob_reads_each_event_once(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    writer(store, seal_rows=3).append(HERE, deliveries(events(*range(1, 12))))
    sql = (
        "SELECT event_id, site_id, CAST(date AS VARCHAR)"
        " FROM read_parquet(?, hive_partitioning = true, union_by_name = true) ORDER BY event_id"
    )
    found = duckdb.execute(sql, [f"{tmp_path}/events/**/*.parquet"]).fetchall()
    assert found == [(number, HERE.site_id, HERE.date.isoformat()) for number in range(1, 12)]


@pytest.mark.parametrize(
    ("salt", "spans"), [("2026-01-02", False), ("2026-01-04.week", True), ("2026-01-31.month", True)]
)
def test_salt_spanning_days_marks_the_segment_permanently(store: Store, salt: str, spans: bool) -> None:
    table = writer(store, seal_rows=3)
    table.append(HERE, deliveries([event(1, salt=salt)]))
    table.append(HERE, deliveries(events(2)))
    assert [segment.spans_days for segment in segments(store)] == [spans]
