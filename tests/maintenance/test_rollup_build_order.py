"""A build of rollups begins with the newest day, loses seconds at most, and a day that fails leaves others alone."""

from datetime import date, timedelta
from itertools import count
from pathlib import Path

import pytest

from mallard.engine.day_counter import DayCounts
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.sql.local_hours import LocalHours
from mallard.errors import MallardError, QueryStoppedError, QueryTooLargeError
from mallard.maintenance import day_builder, rollup_builder
from mallard.maintenance.rollup_builder import BuildReport, build_rollups
from mallard.store.base import Listed
from mallard.store.local import LocalStore
from mallard.table.layout import date_in
from mallard.table.rollup import rollup_key
from support.faults import FaultyStore
from support.place import DAYS, NOW, SITE, TODAY, Place, spoil
from support.portions import count_each_day_alone
from support.rollups import decode_rollup

KEY = rollup_key(SITE, TODAY.replace(day=1))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    count_each_day_alone(monkeypatch)
    place = Place(LocalStore(tmp_path))
    for number, day in enumerate(DAYS):
        place.write(day, number * 2 + 1, number * 2 + 2)
    return place


def build(place: Place, seconds_of_a_day: float = 0, failing: dict[date, MallardError] | None = None) -> BuildReport:
    """A build in which each look at the clock finds it later by so much; days of ``failing`` are not counted."""
    ticks, counted = count(), DuckDBEngine.count_day

    class Engine(DuckDBEngine):
        def count_day(self, segments: tuple[Listed, ...], hours: LocalHours, fingerprint: str = "") -> DayCounts:
            day = date_in(segments[0].key)
            if failing and day in failing:
                raise failing[day]
            return counted(self, segments, hours, fingerprint)

    place.engine.__class__ = Engine
    return build_rollups(place.store, place.engine, NOW, clock=lambda: next(ticks) * seconds_of_a_day)


def rolled_up(place: Place) -> list[date]:
    stored = place.store.get(KEY)
    rows = decode_rollup(stored.data) if stored else None
    return sorted(set(rows["date"].to_pylist())) if rows is not None else []


@pytest.mark.parametrize(
    ("seconds_of_a_day", "swaps"), [(0, 1), (rollup_builder.SWAP_SECONDS / 2, 2), (rollup_builder.SWAP_SECONDS, 3)]
)
def test_month_is_swapped_after_seconds_of_work(place: Place, seconds_of_a_day: float, swaps: int) -> None:
    place.store = store = FaultyStore(place.store)
    assert build(place, seconds_of_a_day).days == 3
    assert [key for _, key in store.writes].count(KEY) == swaps
    assert rolled_up(place) == DAYS[:3]
    place.engine.close()


def test_newest_days_of_all_months_are_counted_first(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = TODAY.replace(day=1) - timedelta(days=3)
    for site_id in (SITE, "other.example"):
        place.write(earlier, 100, site_id=site_id)
        place.write(DAYS[0], 101, site_id=site_id)
    counted: list[tuple[str, date]] = []
    count_day = DuckDBEngine.count_day

    def noted(engine: DuckDBEngine, segments: tuple[Listed, ...], hours: LocalHours, made_of: str = "") -> DayCounts:
        day = date_in(segments[0].key)
        assert day
        counted.append((segments[0].key.split("/")[1], day))
        return count_day(engine, segments, hours, made_of)

    monkeypatch.setattr(DuckDBEngine, "count_day", noted)
    place.build()
    for site_id in (SITE, "other.example"):
        days = [day for folder, day in counted if folder.endswith(site_id)]
        assert days == sorted(days, reverse=True)
    months = [day.replace(day=1) for _, day in counted]
    assert months == sorted(months, reverse=True)
    place.engine.close()


def test_day_that_fails_leaves_the_rest_of_its_month_alone(place: Place) -> None:
    report = build(place, failing={DAYS[1]: QueryTooLargeError("Too large.")})
    assert (report.days, report.complete) == (2, False)
    assert rolled_up(place) == [DAYS[0], DAYS[2]]
    assert build(place).days == 1
    assert rolled_up(place) == DAYS[:3]
    place.engine.close()


@pytest.mark.parametrize("together", [0, 1 << 20])
def test_day_with_a_damaged_file_leaves_the_rest_of_its_month_alone(
    place: Place, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(day_builder, "SMALL_DAYS_BYTES", together)
    (row,) = place.store.list(f"events/site_id={SITE}/date={DAYS[1]}/")
    spoil(Path(place.store.location(row.key)))
    build(place)
    assert rolled_up(place) == [DAYS[0], DAYS[2]]
    place.engine.close()


def test_stopped_build_keeps_the_days_that_were_counted(place: Place) -> None:
    report = build(place, failing={DAYS[0]: QueryStoppedError("Stopped.")})
    assert not report.complete
    assert rolled_up(place) == DAYS[1:3]
    place.engine.close()
