"""Visits files may be absent or old, never wrong: whatever happens to them, the numbers are those of the events."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.errors import ConflictError
from mallard.maintenance.data_retention import DataRetention, retain
from mallard.maintenance.erasure import carry_out, request_erasure
from mallard.maintenance.rollup_builder import build_rollups
from mallard.maintenance.visits_builder import VisitsPlace
from mallard.reports.preset_counts import count_presets
from mallard.reports.standard_reports import Scope, Stats
from mallard.sites.settings_store import SiteSettingsStore
from mallard.stats.date_range import DateRange, read_period
from mallard.stats.dimensions import FIRST_COLUMNS
from mallard.stats.filters import parse_filters
from mallard.stats.query import HOUR, Query
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.visits_file import (
    FIRST_EVENT,
    SCHEMA,
    VISITS,
    VisitsFacts,
    no_visits,
    parse_visits,
    read_facts,
    visits_key,
    write_visits,
)
from support.place import DAYS, NOW, SITE, Place, spoil
from support.random_events import random_rows, store_rows
from support.visits import decode_steps, delete_visits, rewrite, rows_of

KEY = visits_key(SITE, DAYS[0])
FILTER: list[Any] = [["is", "visit:entry_page", ["/1", "/2"]]]
ENTERED = Scope(SITE, read_period("7d", None, None, NOW), parse_filters(json.dumps(FILTER)))


def counted(place: Place, filters: list[Any] | None = None, period: str = "7d") -> dict[str, int]:
    """The ways that the days of a filtered overview are counted."""
    engine = DuckDBEngine(place.store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    scope = Scope(SITE, read_period(period, None, None, NOW), parse_filters(json.dumps(filters or FILTER)))
    try:
        return Stats(engine, NOW).overview(scope, 10, ("pages",)).counted
    finally:
        engine.close()


def visits_bytes(place: Place, key: str = KEY) -> bytes:
    stored = place.store.get(key)
    assert stored is not None
    return stored.data


def put(place: Place, data: bytes, key: str = KEY) -> None:
    """Put bytes under the file's name, as a person with access could."""
    place.store.delete(key)
    place.store.put_if_absent(key, data)


def days_with_visits(place: Place) -> list[Any]:
    return [parsed[1] for row in place.store.list(VISITS) if (parsed := parse_visits(row.key))]


def test_first_event_columns_are_those_of_dimensions() -> None:
    assert set(FIRST_EVENT) == set(FIRST_COLUMNS.values())


def test_closed_days_have_visits_and_today_has_none(place: Place) -> None:
    assert place.build() == 3
    assert days_with_visits(place) == DAYS[:3]
    before = visits_bytes(place)
    assert place.build() == 0
    assert visits_bytes(place) == before


def test_filtered_numbers_are_the_same_with_and_without_visits(place: Place) -> None:
    without = place.numbers(filters=FILTER)
    place.build()
    assert (counted(place)["visit_days"], counted(place)["event_days"]) == (3, 1)
    assert place.numbers(filters=FILTER) == without


def test_filtered_range_is_answered_without_its_events(place: Place) -> None:
    before = place.numbers(period="yesterday", filters=FILTER), place.numbers(filters=FILTER)["main"]["events"]
    place.build()
    for day in DAYS[:3]:
        for row in place.store.list(Partition(SITE, day).prefix):
            spoil(Path(place.store.location(row.key)))
    after = place.numbers(period="yesterday", filters=FILTER), place.numbers(filters=FILTER)["main"]["events"]
    assert after == before


@pytest.mark.parametrize(
    ("condition", "visit_days"),
    [
        (["is", "event:page", ["/1"]], 3),
        (["has_done", ["is", "event:page", ["/1"]]], 3),
        (["is", "event:props:plan", ["pro"]], 0),
        (["has_not_done", ["is", "event:props:plan", ["pro"]]], 0),
    ],
)
def test_only_filters_on_properties_count_events(place: Place, condition: list[Any], visit_days: int) -> None:
    place.build()
    assert counted(place, [condition])["visit_days"] == visit_days


def test_changed_day_is_counted_from_events_until_its_visits_are_rebuilt(place: Place) -> None:
    place.build()
    place.write(DAYS[1], 500)
    late = place.numbers(filters=FILTER)
    assert counted(place)["visit_days"] == 2
    assert place.build() == 1
    assert counted(place)["visit_days"] == 3
    assert place.numbers(filters=FILTER) == late
    delete_visits(place.store)
    assert place.numbers(filters=FILTER) == late


def test_deleted_visits_are_built_again(place: Place) -> None:
    place.build()
    assert delete_visits(place.store) == 3
    assert place.build() == 3
    assert days_with_visits(place) == DAYS[:3]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-8],
        lambda data: b"no Parquet at all",
        lambda data: data[:100] + bytes([data[100] ^ 1]) + data[101:],
        lambda data: no_visits(),
    ],
    ids=["empty", "half", "without its end", "junk", "flipped bit", "of no day"],
)
def test_damaged_visits_are_not_used(place: Place, damage: Callable[[bytes], bytes]) -> None:
    true = place.numbers(filters=FILTER)
    place.build()
    put(place, damage(visits_bytes(place)))
    assert place.numbers(filters=FILTER) == true
    assert counted(place)["visit_days"] == 2


def test_visits_with_one_flipped_bit_are_rejected(place: Place) -> None:
    place.build()
    data = visits_bytes(place)
    assert read_facts(data) is not None
    for position in range(0, len(data), max(1, len(data) // 400)):
        flipped = bytearray(data)
        flipped[position] ^= 1 << position % 8
        assert read_facts(bytes(flipped)) is None, position


def test_visits_of_another_site_or_day_are_not_used(place: Place) -> None:
    true = place.numbers(filters=FILTER)
    place.write(DAYS[0], *range(1, 6), site_id="other.example")
    place.build()
    for key in (visits_key("other.example", DAYS[0]), visits_key(SITE, DAYS[1])):
        put(place, visits_bytes(place, key))
        assert place.numbers(filters=FILTER) == true
        assert counted(place)["visit_days"] == 2


@pytest.mark.parametrize("column", ["duration_ms", "pageviews", "events", "entry_page", "visitor_id", "pathnames"])
def test_wrong_visits_with_a_right_digest_change_the_numbers(place: Place, column: str) -> None:
    # Else no test of numbers would look at them.
    true = place.numbers(filters=FILTER)
    place.build()
    data = visits_bytes(place)
    rows = rows_of(data)
    values = pa.array([_other(column, each) for each in rows[column].to_pylist()], SCHEMA.field(column).type)
    put(place, rewrite(data, rows.set_column(rows.column_names.index(column), SCHEMA.field(column), values)))
    assert place.numbers(filters=FILTER) != true


def _other(column: str, value: Any) -> Any:
    if isinstance(value, list):
        return [f"{name}/other" for name in value]
    return {"entry_page": "/1", "visitor_id": None}[column] if column in ("entry_page", "visitor_id") else value + 1


def test_visits_of_a_replaced_file_are_read_anew(place: Place) -> None:
    place.build()
    stats = Stats(place.engine, NOW)
    before = stats.overview(ENTERED, 10, ("pages",))
    put(place, b"junk")
    after = stats.overview(ENTERED, 10, ("pages",))
    assert (after.main, after.breakdowns) == (before.main, before.breakdowns)
    assert (before.counted["visit_days"], after.counted["visit_days"]) == (3, 2)


def test_file_over_its_limit_is_one_without_visits(place: Place) -> None:
    place.build()
    rows, facts = rows_of(visits_bytes(place)), VisitsFacts("made of", spans_days=False)
    assert read_facts(write_visits([rows], facts)) == facts
    assert read_facts(write_visits([rows], facts, max_bytes=100)) == VisitsFacts("", spans_days=False)


def erase(place: Place, *days: Any) -> None:
    key = request_erasure(place.store, SITE, min(days), max(days), NOW)
    assert carry_out(place.store, key, sleep=lambda _: None, clock=lambda: NOW).done


def test_erasure_removes_visits_of_its_days_and_fails_prepared_writes(place: Place) -> None:
    place.build()
    prepared, other = (VisitsPlace.of(place.store, SITE, DAYS[number]) for number in (0, 2))
    data = visits_bytes(place)
    erase(place, DAYS[0], DAYS[1])
    with pytest.raises(ConflictError):
        prepared.write(data)
    assert decode_steps(visits_bytes(place)) == decode_steps(visits_bytes(place, visits_key(SITE, DAYS[1]))) == []
    other.write(visits_bytes(place, visits_key(SITE, DAYS[2])))
    left = place.numbers(filters=FILTER)
    place.build()
    assert place.numbers(filters=FILTER) == left
    assert decode_steps(visits_bytes(place)) == []


def test_erasure_fails_a_prepared_write_of_a_day_without_visits(place: Place) -> None:
    prepared = VisitsPlace.of(place.store, SITE, DAYS[0])
    erase(place, DAYS[0])
    with pytest.raises(ConflictError):
        prepared.write(b"visits of erased events")


@pytest.mark.parametrize("keep_rollups", [False, True])
def test_retention_deletes_visits_with_their_day(place: Place, keep_rollups: bool) -> None:
    place.build()
    retain(place.store, DataRetention(days=1, keep_rollups=keep_rollups), NOW + timedelta(days=1))
    assert days_with_visits(place) == [DAYS[2]]
    assert place.build() == 0
    assert days_with_visits(place) == [DAYS[2]]


def test_retention_deletes_visits_of_deleted_days_only(place: Place) -> None:
    place.build()
    later = NOW + timedelta(days=2)
    # Each day has three segments.
    assert retain(place.store, DataRetention(days=1), later, max_deletes=3) == 3
    assert days_with_visits(place) == DAYS[1:3]
    place.store.put_if_absent(KEY, no_visits())
    retain(place.store, DataRetention(days=1), later)
    assert days_with_visits(place) == []


def test_visits_of_spanning_visitors_answer_single_days_only(tmp_path: Path) -> None:
    place = Place(LocalStore(tmp_path))
    rows = random_rows(Random(1), 200, NOW)
    spanning = [{**row, "visitor_id": row["visitor_id"] and row["visitor_id"] % 100} for row in rows]
    store_rows(place.store, spanning, 50, spans_days=True)
    filters = [["is", "visit:country", ["DE"]]]
    true = [place.numbers(period=period, filters=filters) for period in ("7d", "yesterday")]
    place.build()
    assert [place.numbers(period=period, filters=filters) for period in ("7d", "yesterday")] == true
    assert counted(place, filters)["visit_days"] == 0
    assert counted(place, filters, "yesterday")["visit_days"] == 1
    place.engine.close()


def test_visits_have_the_hours_of_the_zone_they_were_built_in(place: Place) -> None:
    settings = SiteSettingsStore(place.store, ttl_seconds=0)
    settings.change(SITE, {"timezone": "Asia/Kolkata"}, NOW - timedelta(days=30))
    engine = DuckDBEngine(
        place.store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1, site_settings=settings
    )
    period = DateRange(DAYS[0], DAYS[3])
    question = [Query(SITE, period, ("visitors", "pageviews"), HOUR, ENTERED.filters)]
    try:
        from_events = count_presets(engine, question)
        assert build_rollups(place.store, engine, NOW).days == 3
        from_visits = count_presets(engine, question)
        assert (from_events.counted["visit_days"], from_visits.counted["visit_days"]) == (0, 3)
        assert from_visits.rows == from_events.rows
        assert {row["value"][11:] for row in from_visits.rows[0]} == {"11:30"}
        for row in list(place.store.list("config/sites/")):
            place.store.delete(row.key)
        in_utc = count_presets(engine, question)
        assert in_utc.counted["visit_days"] == 0
        assert {row["value"][11:] for row in in_utc.rows[0]} == {"12:00"}
    finally:
        engine.close()
