"""Eight assembled statements, whole, in ``golden/``: for reading, and against changes by accident.

``python tests/query/test_golden_sql.py`` writes them anew.
"""

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from mallard.engine.sql.conditions import Conditions, compile_filter
from mallard.engine.sql.day_statement import day_sql
from mallard.engine.sql.group_statement import GroupStatement
from mallard.engine.sql.statement import CountStatement, rows_sql, visitor_events_sql
from mallard.engine.sql.visits_grouping import visits_grouping_sql
from mallard.stats.date_range import DateRange
from mallard.stats.filters import parse_filters
from mallard.stats.grouping import HOUR, Grouping
from mallard.stats.metrics import METRICS
from mallard.stats.query import DAY, Query

GOLDEN = Path(__file__).with_name("golden")

WEEK = DateRange(date(2026, 1, 1), date(2026, 1, 8))
OVERVIEW = [
    Query("example.com", WEEK, tuple(METRICS)).grouping,
    *(Query("example.com", WEEK, ("visitors", "pageviews"), name).grouping for name in (DAY, "pages", "sources")),
]


def conditions(*filters: list[object]) -> Conditions:
    asked = parse_filters(json.dumps(filters))
    assert asked is not None
    return compile_filter(asked, [])


def statements() -> Mapping[str, str]:
    germans_on_the_blog = conditions(["is", "visit:country", ["DE"]], ["contains", "event:page", ["/blog"]])
    of_page = CountStatement({"entry_pages": ()}, conditions(["is", "event:page", ["/a"]]), also=("pathname",))
    by_page = Grouping(("event:page", "visit:country", HOUR), ("active_visits", "bounces", "scroll_total", "visitors"))
    overview = GroupStatement(OVERVIEW, germans_on_the_blog)
    grouped = GroupStatement([by_page, Grouping()], germans_on_the_blog, [])
    return {
        "overview": GroupStatement(OVERVIEW, None).sql(has_files=True, has_waiting=True)[0],
        "overview_filtered": overview.sql(has_files=True, has_waiting=False)[0],
        "overview_of_visits": visits_grouping_sql(overview),
        "visit_spans": GroupStatement([Grouping((), ("visits", "duration_ms"))], None).sql(
            has_files=True, has_waiting=False
        )[0],
        "rows_filtered": rows_sql(germans_on_the_blog, ("timestamp", "pathname"), has_files=True),
        "visitor_events": "WITH\n" + visitor_events_sql(of_page, has_files=True, has_waiting=False),
        "groupings": grouped.sql(has_files=True, has_waiting=False)[0],
        "day_of_a_rollup": "\n;\n".join([*day_sql().tables, day_sql().total, day_sql().most_seen["sources"]]),
    }


@pytest.mark.parametrize("name", statements())
def test_statement_equals_its_golden_text(name: str) -> None:
    expected = (GOLDEN / f"{name}.sql").read_text("utf-8")
    assert statements()[name] + "\n" == expected, f"if this is meant: python {Path(__file__).name}"


def test_golden_folder_has_no_other_files() -> None:
    assert {each.stem for each in GOLDEN.glob("*.sql")} == set(statements())


if __name__ == "__main__":
    for golden_name, text in statements().items():
        (GOLDEN / f"{golden_name}.sql").write_text(text + "\n", "utf-8")
