"""Rollups may be absent or old, never wrong: whatever happens to them, the numbers are those of the events."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.errors import ConflictError
from mallard.maintenance.month_file import swap
from mallard.maintenance.rollup_builder import build_month, build_rollups, months_before
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.table.layout import Partition
from mallard.table.reader import list_days
from mallard.table.rollup import rollup_key
from mallard.table.writer import TableWriter
from support.faults import FaultyStore
from support.place import DAYS, NOW, SITE, TODAY, Place, noon_ms, spoil
from support.portions import count_each_day_alone
from support.rollups import decode_rollup, encode_rollup
from support.rows import deliveries, event

KEY = rollup_key(SITE, TODAY.replace(day=1))


def replace(place: Place, data: bytes) -> None:
    """Put bytes under the rollup's name, as a person with access could."""
    place.store.delete(KEY)
    place.store.put_if_absent(KEY, data)


def rollup_bytes(place: Place) -> bytes:
    stored = place.store.get(KEY)
    assert stored is not None
    return stored.data


def rolled_rows(place: Place) -> pa.Table:
    rows = decode_rollup(rollup_bytes(place))
    assert rows is not None
    return rows


def test_closed_days_are_counted_once_and_today_is_not(place: Place) -> None:
    assert place.build() == 3
    assert sorted(set(rolled_rows(place)["date"].to_pylist())) == DAYS[:3]
    before = rollup_bytes(place)
    assert place.build() == 0
    assert rollup_bytes(place) == before


def test_numbers_are_the_same_with_and_without_rollups(place: Place) -> None:
    without = place.numbers()
    place.build()
    assert place.numbers() == without


def test_a_rolled_up_range_is_answered_without_its_events(place: Place) -> None:
    before = place.numbers(period="yesterday"), place.numbers(period="7d")["main"]["events"]
    place.build()
    for day in DAYS[:3]:
        for row in place.store.list(Partition(SITE, day).prefix):
            spoil(Path(place.store.location(row.key)))
    assert (place.numbers(period="yesterday"), place.numbers(period="7d")["main"]["events"]) == before


def test_changed_day_is_counted_from_events_until_its_rollup_is_rebuilt(place: Place) -> None:
    place.build()
    place.write(DAYS[1], 500)
    late = place.numbers()
    assert late["main"]["events"] == 41
    assert place.build() == 1
    assert place.numbers() == late
    place.delete_rollups()
    assert place.numbers() == late


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-8],
        lambda data: b"PAR1" + data[8:],
        lambda data: b"no Parquet at all",
    ],
    ids=["empty", "half", "without its end", "shifted", "junk"],
)
def test_damaged_rollup_is_not_used_and_is_rebuilt(place: Place, damage: Callable[[bytes], bytes]) -> None:
    true = place.numbers()
    place.build()
    replace(place, damage(rollup_bytes(place)))
    assert place.numbers() == true
    assert place.build() == 3
    assert decode_rollup(rollup_bytes(place)) is not None


def test_rollup_with_one_flipped_bit_is_rejected(place: Place) -> None:
    place.build()
    data = rollup_bytes(place)
    assert decode_rollup(data) is not None
    for position in range(0, len(data), max(1, len(data) // 400)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        assert decode_rollup(bytes(flipped)) is None, position


def test_rollup_of_another_site_under_this_key_is_not_used(place: Place) -> None:
    true = place.numbers()
    for day in DAYS:
        place.write(day, *range(1, 6), site_id="other.example")
    place.build()
    other = place.store.get(rollup_key("other.example", TODAY.replace(day=1)))
    assert other is not None
    replace(place, other.data)
    assert place.numbers() == true


def test_restored_old_rollup_is_not_used_for_a_changed_day(place: Place) -> None:
    place.build()
    old = rollup_bytes(place)
    place.write(DAYS[0], 600, 601)
    true = place.numbers()
    place.build()
    replace(place, old)
    assert place.numbers() == true


def test_rollup_of_other_sql_is_not_used_and_is_rebuilt(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    true = place.numbers()
    with monkeypatch.context() as patched:
        for module in ("maintenance.rollup_builder", "maintenance.day_builder", "engine.duckdb.rollup_reader"):
            patched.setattr(f"mallard.{module}.rollup_made_by", lambda zone: "another version")
        assert place.build() == 3
    lying = rolled_rows(place)
    index = lying.column_names.index("visitors")
    replace(place, encode_rollup(lying.set_column(index, "visitors", pa.array([999] * lying.num_rows, pa.int64()))))
    assert place.numbers() == true
    assert place.build() == 3
    assert place.numbers() == true


def test_rollup_build_is_refused_when_another_builder_wins(place: Place) -> None:
    true = place.numbers()
    store = FaultyStore(place.store)
    engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)

    def meanwhile() -> None:
        place.build()

    store.before_write.append(meanwhile)
    months = months_before(store, lambda _: TODAY)
    with pytest.raises(ConflictError):
        build_month(store, engine, SITE, TODAY.replace(day=1), months[SITE, TODAY.replace(day=1)])
    engine.close()
    assert place.numbers() == true


def test_rollup_is_not_used_when_a_late_event_arrived_during_its_build(place: Place) -> None:
    store = FaultyStore(place.store)
    engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    store.before_write.append(lambda: place.write(DAYS[2], 700))
    build_rollups(store, engine, NOW)
    engine.close()
    assert place.numbers()["main"]["events"] == 41
    assert place.build() == 1
    assert place.numbers()["main"]["events"] == 41


def test_spanning_visitors_are_counted_once_over_the_range(place: Place) -> None:
    for day in DAYS[:2]:
        spanning = [
            event(number, date=day.isoformat(), timestamp=noon_ms(day) + number, visitor_id=7) for number in (800, 801)
        ]
        TableWriter(place.store, seal_rows=4).append(Partition(SITE, day), deliveries(spanning), spans_days=True)
    true = place.numbers()
    place.build()
    assert place.numbers() == true
    # Three visitors a day of ten events, and one who is the same on two of the days.
    assert true["main"]["unique_visitors"] == 4 * 3 + 1


def test_a_day_with_pending_events_is_counted_from_events(place: Place) -> None:
    place.build()
    waiting = deliveries([event(900, date=DAYS[1].isoformat(), timestamp=noon_ms(DAYS[1]), visitor_id=1)])
    dates = pa.array([DAYS[1]], pa.date32())
    pending = waiting.select(PENDING.names[1:]).add_column(0, PENDING.field("date"), dates)
    engine = DuckDBEngine(place.store, lambda _: pending, memory_mb=256, threads=1)
    assert Stats(engine, NOW).main(Scope(SITE, read_period("7d", None, None, NOW)))["events"] == 41
    engine.close()


def test_rollup_of_a_day_is_built_once_it_is_over(place: Place) -> None:
    assert place.build() == 3
    assert place.build(NOW + timedelta(days=1)) == 1
    assert sorted(set(rolled_rows(place)["date"].to_pylist())) == DAYS
    assert sorted(list_days(place.store, SITE)) == DAYS


def test_interrupted_rollup_build_resumes_within_its_month(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    count_each_day_alone(monkeypatch)
    place.build()
    past = [day - timedelta(days=30) for day in DAYS[:3]]
    for day in past:
        place.write(day, 1, 2)
    place.age(*past)
    # The newer month, whose days are counted already, the older one, and one day of it.
    turns = iter([True, True, True])
    broken_off = build_rollups(place.store, place.engine, NOW, may_go_on=lambda: next(turns, False))
    assert (broken_off.days, broken_off.complete) == (1, False)
    assert place.build() == 2
    assert place.build() == 0


def test_rollup_build_that_lost_a_race_is_repeated_next_time(place: Place) -> None:
    place.build()
    past = DAYS[0] - timedelta(days=30)
    place.write(past, 1, 2)
    place.age(past)
    store = FaultyStore(place.store)
    engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    # An erasure of another day swaps the file too, and counts nothing.

    def erase() -> None:
        swap(place.store, rollup_key(SITE, past.replace(day=1)), None, [])

    store.before_write.append(erase)
    assert not build_rollups(store, engine, NOW).complete
    engine.close()
    assert place.build() == 1


def test_rollup_build_skips_a_day_too_large_for_memory(place: Place) -> None:
    past = DAYS[0] - timedelta(days=30)
    rows = deliveries(
        event(
            number,
            date=past.isoformat(),
            timestamp=noon_ms(past) + number,
            visitor_id=number,
            pathname=f"/{number}" * 9,
        )
        for number in range(60_000)
    )
    TableWriter(place.store).append(Partition(SITE, past), rows)
    narrow = DuckDBEngine(place.store, lambda _: PENDING.empty_table(), memory_mb=24, threads=1)
    report = build_rollups(place.store, narrow, NOW)
    narrow.close()
    assert (report.days, report.complete) == (3, False)
