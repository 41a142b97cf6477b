"""What reports may rely on: one suite over every engine, whose class inherits it and has a fixture ``lying``."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from mallard.engine.base import Engine
from mallard.engine.omitted_files import noting
from mallard.engine.visitor_query import VisitorQuery
from mallard.errors import DamagedSegmentError, QueryError
from mallard.event import ENGAGEMENT
from mallard.reports.preset_counts import count_presets
from mallard.stats.date_range import DateRange
from mallard.stats.filters import Leaf
from mallard.stats.grouping import Grouping, GroupQuery, Order
from mallard.stats.query import DAY, Query
from mallard.table.reader import list_days
from support.damage import damage
from support.random_events import SITE, random_rows
from support.reference import Row, counts, day_of, matched, pageviews_of, visitors_of

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
TODAY = NOW.date()
RANGE = DateRange(TODAY - timedelta(days=5), TODAY + timedelta(days=1))
GERMANY = Leaf("is", "visit:country", ("DE",))

STORED, WAITING = 200, 100
"""Of ROWS the first are in the table and the last in the queue; those between, flushed but unsettled, are in both."""


def contract_rows() -> list[Row]:
    return random_rows(Random("engine"), 250, NOW)


@dataclass(frozen=True)
class Lying:
    """An engine over a table and a queue, and all the events that are in one of them or in both."""

    engine: Engine
    rows: list[Row]

    @property
    def events(self) -> list[Row]:
        return [row for row in self.rows if row["event_name"] != ENGAGEMENT]


def by_value(rows: Sequence[dict[str, Any]]) -> dict[Any, tuple[int, int]]:
    return {row["value"]: (row["visitors"], row["pageviews"]) for row in rows}


class EngineContract:
    """All of ``engine.base.Engine``."""

    def test_count_has_each_event_once_wherever_it_lies(self, lying: Lying) -> None:
        query = Query(SITE, RANGE, ("visitors", "pageviews", "events"))
        (row,) = count_presets(lying.engine, [query]).rows[0]
        assert (row["visitors"], row["pageviews"], row["events"]) == (
            visitors_of(lying.events),
            pageviews_of(lying.events),
            len(lying.events),
        )

    def test_count_answers_several_queries_in_their_order(self, lying: Lying) -> None:
        queries = [Query(SITE, RANGE, ("visitors", "pageviews"), name) for name in ("pages", DAY)]
        pages, days = map(by_value, count_presets(lying.engine, queries).rows)
        assert pages == counts(lying.events, lambda row: row["pathname"])
        assert days == counts(lying.events, lambda row: str(day_of(row)))

    def test_count_under_a_filter_has_whole_visits(self, lying: Lying) -> None:
        query = Query(SITE, RANGE, ("visitors", "events"), filters=GERMANY)
        passing = [row for row, _ in matched(lying.events, [["is", "visit:country", ["DE"]]])]
        (row,) = count_presets(lying.engine, [query]).rows[0]
        assert (row["visitors"], row["events"]) == (visitors_of(passing), len(passing))

    def test_count_keeps_limit_and_order(self, lying: Lying) -> None:
        whole = count_presets(lying.engine, [Query(SITE, RANGE, ("visitors",), "pages")]).rows[0]
        assert whole == sorted(whole, key=lambda row: (-row["visitors"], row["value"]))
        assert count_presets(lying.engine, [Query(SITE, RANGE, ("visitors",), "pages", limit=2)]).rows[0] == whole[:2]

    def test_count_says_which_way_the_days_went(self, lying: Lying) -> None:
        counted = count_presets(lying.engine, [Query(SITE, RANGE, ("visitors",))]).counted
        assert counted["rollup_days"] + counted["visit_days"] + counted["event_days"] == 6

    def test_count_of_another_site_is_empty(self, lying: Lying) -> None:
        (row,) = count_presets(lying.engine, [Query("other.example", RANGE, ("visitors",))]).rows[0]
        assert row["visitors"] == 0

    def test_group_has_rows_of_several_dimensions_and_their_number(self, lying: Lying) -> None:
        dimensions = ("event:page", "time:day")
        order = (Order("visitors", descending=True),)
        page = Grouping(dimensions, ("visitors",), order, (("visitors", "visitors"),), limit=3)
        found = lying.engine.group(GroupQuery(SITE, RANGE, (page, Grouping())))
        expected = counts(lying.events, lambda row: f"{row['pathname']} {day_of(row)}")
        assert found.totals == (len(expected), 1)
        assert [row["visitors"] for row in found.rows[0]] == sorted(
            (each[0] for each in expected.values()), reverse=True
        )[:3]
        assert {f"{row['key_0']} {row['key_1']}" for row in found.rows[0]} <= expected.keys()
        assert found.rows[1] == [{"visitors": visitors_of(lying.events)}]

    def test_group_reads_weeks_within_the_range(self, lying: Lying) -> None:
        weeks = Grouping(("time:week",), ("events",), (Order("time:week", descending=False),))
        rows = lying.engine.group(GroupQuery(SITE, RANGE, (weeks,))).rows[0]
        # The range begins on a Thursday.
        assert [row["key_0"] for row in rows] == ["2026-03-05", "2026-03-09"]
        assert sum(row["events"] for row in rows) == len(lying.events)

    def test_explain_names_the_way_of_each_day(self, lying: Lying) -> None:
        found = lying.engine.explain(GroupQuery(SITE, RANGE, (Grouping(),), GERMANY))
        days = [day for days in found.days.values() for day in days]
        assert sorted(days) == [RANGE.start + timedelta(days=number) for number in range(6)]
        assert found.pending_events > 0
        assert found.sql

    def test_visitor_query_adds_up_rows_of_visitors(self, lying: Lying) -> None:
        query = Query(SITE, RANGE, ("visitors",))
        sql = "SELECT date, count(*) AS events FROM visitor_events GROUP BY date"
        rows = lying.engine.visitor_query(VisitorQuery(query, sql, keys=("date",))).rows[0]
        known = [row for row in lying.events if row["visitor_id"] is not None]
        assert {str(row["date"]): row["events"] for row in rows} == {
            day: len([row for row in known if str(day_of(row)) == day]) for day in {str(day_of(row)) for row in known}
        }

    def test_rows_are_handed_over_in_order_of_time_with_pings(self, lying: Lying) -> None:
        taken: list[Row] = []
        days = list(lying.engine.rows(Query(SITE, RANGE, ("events",)), lambda batch: taken.extend(batch.to_pylist())))
        assert days == sorted({day_of(row) for row in lying.rows})
        assert sorted(row["event_id"] for row in taken) == sorted(row["event_id"] for row in lying.rows)
        assert [row["timestamp"] for row in taken] == sorted(row["timestamp"] for row in taken)

    def test_first_date_is_that_of_the_first_event(self, lying: Lying) -> None:
        assert lying.engine.first_date(SITE, TODAY) == min(map(day_of, lying.rows))
        assert lying.engine.first_date("other.example", TODAY) == TODAY

    def test_site_is_new_until_its_first_event(self, lying: Lying) -> None:
        assert (lying.engine.is_new(SITE), lying.engine.is_new("other.example")) == (False, True)

    def test_wrong_pattern_is_a_query_error(self, lying: Lying) -> None:
        broken = Leaf("matches", "event:page", ("(",))
        with pytest.raises(QueryError, match="regular expression"):
            lying.engine.group(GroupQuery(SITE, RANGE, (Grouping(),), broken))

    def test_damaged_file_is_left_out_and_named(self, lying: Lying) -> None:
        day, segments = next(iter(list_days(lying.engine.store, SITE).items()))
        damage(lying.engine.store, segments[0].key, "cut")
        filtered = GroupQuery(SITE, RANGE, (Grouping(("event:props:plan",)),))
        with noting() as omitted:
            lying.engine.group(filtered)
        assert [each.date for each in omitted] == [day]
        with pytest.raises(DamagedSegmentError):
            list(lying.engine.rows(Query(SITE, RANGE, ("events",)), lambda _: None))
