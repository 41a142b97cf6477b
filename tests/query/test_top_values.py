"""Values of a visitor query that no report shows are left out before they become Python rows."""

import pyarrow as pa

from mallard.engine.visitor_query import TopValues, VisitorQuery
from mallard.stats.date_range import FIRST_DATE, DateRange
from mallard.stats.query import Query

QUERY = Query("example.com", DateRange(FIRST_DATE, FIRST_DATE), ("visitors",), "pages")


def rows(*given: tuple[str, int, int]) -> pa.Table:
    return pa.Table.from_pylist([{"value": value, "step": step, "visitors": count} for value, step, count in given])


def test_visitor_query_keeps_the_values_with_most_visitors_at_the_first_step() -> None:
    asked = VisitorQuery(QUERY, "", keys=("value", "step"), top=TopValues(2, "visitors", ("step", 1)))
    portions = [
        rows(("/a", 1, 2), ("/a", 2, 1), ("/b", 1, 3), ("/c", 1, 3), ("/d", 2, 90)),
        rows(("/a", 1, 1), ("/b", 2, 1)),
    ]
    found = [tuple(row.values()) for row in asked.added_up(portions)]
    assert found == [("/a", 1, 3), ("/a", 2, 1), ("/b", 1, 3), ("/b", 2, 1)]


def test_visitor_query_weighs_all_rows_of_a_value_by_default() -> None:
    asked = VisitorQuery(QUERY, "", keys=("value", "step"), top=TopValues(1, "visitors"))
    assert [row["value"] for row in asked.added_up([rows(("/a", 1, 2), ("/b", 1, 1), ("/b", 2, 2))])] == ["/b"] * 2
