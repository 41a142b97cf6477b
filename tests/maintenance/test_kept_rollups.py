"""Counts of days whose events are gone: the answers say from when events are there, and rates have one base."""

import json
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.data_retention import DataRetention, retain
from mallard.reports.behaviour.sequences import read_sequence, sequences, sequences_by
from mallard.reports.report_export import days_table
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import DateRange
from mallard.stats.filters import parse_filters
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.open_access import auth_off, one_address
from support.place import DAYS, NOW, SITE, TODAY, Place, noon_ms
from support.rows import deliveries, event

KEEPING = DataRetention(days=1, keep_rollups=True)
PAST, FIRST_WHOLE = DAYS[0], DAYS[0] + timedelta(days=1)
RANGE = DateRange(DAYS[0] - timedelta(days=2), TODAY + timedelta(days=1))
ANYBODY = '[["is_not", "visit:country", ["ZZ"]]]'


@pytest.fixture
def kept(place: Place) -> Place:
    """The first day's counts are kept, its events gone."""
    place.build()
    assert retain(place.store, KEEPING, NOW) == 3
    return place


def asked(place: Place, filters: Any = None, period: DateRange = RANGE) -> tuple[Stats, Scope]:
    return Stats(place.engine, NOW), Scope(SITE, period, parse_filters(json.dumps(filters) if filters else None))


def events_of(place: Place, filters: Any = None, period: DateRange = RANGE) -> tuple[int, Any]:
    stats, scope = asked(place, filters, period)
    return stats.main(scope)["events"], stats.events_from


def test_report_states_the_first_day_with_events(kept: Place) -> None:
    assert events_of(kept) == (40, FIRST_WHOLE)
    assert events_of(kept, json.loads(ANYBODY)) == (30, FIRST_WHOLE)
    for filters in (None, json.loads(ANYBODY)):
        assert events_of(kept, filters, DateRange(FIRST_WHOLE, RANGE.end)) == (30, None)
    stats, scope = asked(kept)
    assert stats.overview(scope).main["events"] == 40
    assert stats.events_from == FIRST_WHOLE
    stats, scope = asked(kept)
    days_table(stats, scope)
    assert stats.events_from == FIRST_WHOLE


def test_cached_response_includes_the_events_from_note(kept: Place) -> None:
    engine = DuckDBEngine(kept.store, kept.engine._pending, memory_mb=256, threads=1, cache_seconds=60)
    for _ in range(2):
        stats = Stats(engine, NOW)
        stats.main(Scope(SITE, RANGE))
        assert stats.events_from == FIRST_WHOLE
    engine.close()


def test_earlier_range_of_a_comparison_includes_the_events_from_note(kept: Place) -> None:
    stats, scope = asked(kept, period=DateRange(FIRST_WHOLE, RANGE.end))
    before = DateRange(PAST - timedelta(days=3), FIRST_WHOLE)
    stats.main(Scope(SITE, scope.period, before=before))
    assert stats.events_from == FIRST_WHOLE


def test_conversion_rate_counts_both_sides_over_the_same_days(kept: Place) -> None:
    wanted = read_sequence("page:/1,page:/2", None)
    stats, scope = asked(kept)
    found = sequences(stats, scope, wanted)
    assert found["total_visitors"] == 9
    assert stats.events_from == FIRST_WHOLE
    filtered = sequences(*asked(kept, json.loads(ANYBODY)), wanted)
    assert filtered == found
    assert sequences_by(*asked(kept), wanted, "pages", 10) == sequences_by(
        *asked(kept, json.loads(ANYBODY)), wanted, "pages", 10
    )


def test_partly_deleted_day_is_excluded_under_a_filter(place: Place) -> None:
    place.build()
    for _ in range(2):
        assert retain(place.store, KEEPING, NOW, max_deletes=1) == 1
        for period in (RANGE, DateRange(PAST, RANGE.end)):
            assert events_of(place, None, period) == (40, FIRST_WHOLE)
            assert events_of(place, json.loads(ANYBODY), period) == (30, FIRST_WHOLE)


def test_day_with_spanning_visitors_is_complete_during_its_deletion(place: Place) -> None:
    spanning = [event(800 + n, date=PAST.isoformat(), timestamp=noon_ms(PAST) + n, visitor_id=7) for n in range(9)]
    TableWriter(place.store, seal_rows=4).append(Partition(SITE, PAST), deliveries(spanning), spans_days=True)
    place.build()
    expected = events_of(place)[0]
    while retain(place.store, KEEPING, NOW, max_deletes=1):
        assert events_of(place) == (expected, FIRST_WHOLE)


def test_range_without_kept_rollups_has_no_note(place: Place) -> None:
    place.build()
    assert events_of(place) == (40, None)
    assert retain(place.store, DataRetention(days=1), NOW) == 3
    assert events_of(place) == (30, None)
    assert events_of(place, json.loads(ANYBODY)) == (30, None)


def nothing_erased(*_: Any) -> Any:
    raise AssertionError


REPORTS = {
    "main": {},
    "overview": {},
    "timeseries": {},
    "breakdown/pages": {},
    "sessions": {},
    "funnel": {"steps": "page:/1"},
    "retention": {},
    "sequences": {"steps": "page:/1,page:/2"},
    "flow": {"page": "/1"},
    "export": {},
}


def test_events_from_note_is_in_the_header_of_every_report(kept: Place) -> None:
    app = create_app(
        engine=lambda: kept.engine,
        sites=lambda: [SITE],
        clock=lambda: NOW,
        erase=nothing_erased,
        auth=auth_off(),
        address_of=one_address,
    )
    client = TestClient(app)
    for name, more in REPORTS.items():
        for start, said in ((PAST, str(FIRST_WHOLE)), (FIRST_WHOLE, None)):
            dates = {"start_date": str(start), "end_date": str(RANGE.end)}
            answer = client.get(f"/api/stats/{name}", params={"site_id": SITE, **dates, **more})
            assert (answer.status_code, answer.headers.get("x-mallard-events-from")) == (200, said), name
            if name in ("main", "overview"):
                assert answer.json().get("events_from") == said
            if etag := answer.headers.get("etag"):
                again = client.get(answer.url, headers={"if-none-match": etag})
                assert (again.status_code, again.headers.get("x-mallard-events-from")) == (304, said)
