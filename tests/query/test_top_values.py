"""Values of a visitor query that no report shows are left out before they become Python rows."""

import pyarrow as pa

from mallard.engine.visitor_query import TopOfGroups, TopValues, VisitorQuery
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


def test_values_without_a_row_to_weigh_come_last_by_value() -> None:
    asked = VisitorQuery(QUERY, "", keys=("value", "step"), top=TopValues(2, "visitors", ("step", 1)))
    found = asked.added_up([rows(("/c", 2, 9), ("/b", 2, 1), ("/a", 1, 1))])
    assert [row["value"] for row in found] == ["/a", "/b"]


def test_visitor_query_keeps_the_top_rows_of_each_group_and_those_without_a_value() -> None:
    given = [
        {"way": way, "page": page, "visitors": visitors}
        for way, page, visitors in (
            ("/x", "/c", 2), ("/x", "/b", 2), ("/x", "/a", 1), ("/x", None, 1), ("/y", "/d", 1), ("/z", None, 7),
        )
    ]  # fmt: skip
    asked = VisitorQuery(QUERY, "", keys=("way", "page"), top=TopOfGroups(2, "visitors", "page", ("way",)))
    found = {tuple(row.values()) for row in asked.added_up([pa.Table.from_pylist(given)])}
    assert found == {("/x", "/b", 2), ("/x", "/c", 2), ("/x", None, 1), ("/y", "/d", 1), ("/z", None, 7)}
    alone = VisitorQuery(QUERY, "", keys=("page",), top=TopOfGroups(1, "visitors", "page"))
    assert [row["page"] for row in alone.added_up([pa.Table.from_pylist(given).drop_columns(["way"])])] == ["/b", None]


def test_visitor_query_keeps_the_row_of_exits_where_nothing_else_is() -> None:
    asked = VisitorQuery(QUERY, "", keys=("way", "page"), top=TopOfGroups(2, "visitors", "page", ("way",)))
    exits = pa.table({"way": ["/x"], "page": pa.array([None], pa.string()), "visitors": [3]})
    assert asked.added_up([exits]) == [{"way": "/x", "page": None, "visitors": 3}]
