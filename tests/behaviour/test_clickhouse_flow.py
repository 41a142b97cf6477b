"""ClickHouse is the referee: what sequenceNextNode says of random streams of page views, our statements say.

``MALLARD_TEST_CASES`` asks for more of them than a day's check. Repeats of a page are collapsed before ClickHouse
sees them, and each event has a second of its own: of one second it would take the pages by name.
"""

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from random import Random

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from bench.peer_chdb import Session, chdb_session

from mallard.reports.behaviour.flow import FlowQuery, flow_sql, read_flow
from mallard.reports.behaviour.steps import parse_steps
from support.behaviour_flow import BEGINS

pytestmark = pytest.mark.heavy

CASES = int(os.environ.get("MALLARD_TEST_CASES", "1200"))
PAGES = ["/a", "/a/b", "/b", "/c"]
ANCHOR, ANCHOR_SQL = "/a", "event.pathname = '/a'"
EVENT, EVENT_SQL = "signup", "event.event_name = 'signup'"

Viewed = tuple[int, str, str]
"""Its millisecond, the event's name, and its page."""


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[Session]:
    with chdb_session() as session:
        yield session


def random_views(random: Random, most: int, *, one_event: bool) -> list[Viewed]:
    """In order: equal moments, repeats, and the event between the page views, once or not at all."""
    views, moment = list[Viewed](), 0
    for _ in range(random.randint(1, most)):
        moment += random.choice([0, 0, 1, 500, 5000])
        views.append((moment, "pageview", random.choice(PAGES)))
    if one_event and random.random() < 0.7:
        place = random.randrange(len(views))
        views.insert(place, (views[place][0], EVENT, random.choice(PAGES)))
    return views


def ours(
    visitors: Sequence[Sequence[Viewed]], asked: FlowQuery, ways: Sequence[tuple[str, ...]]
) -> Counter[tuple[str, ...]]:
    """Visitors by their pages, without those after whom nothing comes; all these ways are equally long."""
    rows = [
        {"visitor_id": visitor, "timestamp": ms, "ordinal": number, "event_name": name, "pathname": page}
        for visitor, views in enumerate(visitors)
        for number, (ms, name, page) in enumerate(views)
    ]
    names = {"visitor_id": pa.int64(), "ordinal": pa.int64(), "event_name": pa.string(), "pathname": pa.string()}
    table = pa.Table.from_pylist(rows, schema=pa.schema({**names, "timestamp": pa.timestamp("ms")}))
    number = len(ways[0]) + 1
    values = {f"pages_{each}": [way[each - 1] for way in ways] for each in range(1, number)}
    with duckdb.connect() as database:
        database.register("sorted", table)
        database.execute("CREATE TABLE visitor_events AS SELECT * FROM sorted ORDER BY hash(ordinal, visitor_id)")
        sql = flow_sql(asked, ANCHOR_SQL if asked.of_page else EVENT_SQL, number)
        found = database.execute(sql, values).fetchall()
    return Counter(
        {tuple(pages): count for *pages, count in found if pages[-1] is not None and tuple(pages[:-1]) in ways}
    )


def theirs(
    session: Session,
    file: Path,
    visitors: Sequence[Sequence[Viewed]],
    asked: FlowQuery,
    ways: Sequence[tuple[str, ...]],
) -> Counter[tuple[str, ...]]:
    rows = []
    for visitor, views in enumerate(visitors):
        nodes = [page if name == "pageview" else EVENT for _, name, page in views]
        rows += [{"v": visitor, "second": n, "page": page} for n, (page, _) in enumerate(groupby(nodes))]
    names = {"v": pa.int64(), "second": pa.uint32(), "page": pa.string()}
    pq.write_table(pa.Table.from_pylist(rows, schema=pa.schema(names)), file)
    found: Counter[tuple[str, ...]] = Counter()
    for way in ways:
        node = ANCHOR if asked.of_page else EVENT
        chain = ", ".join(f"ifNull(page = '{page}', 0)" for page in (node, *way))
        is_node = f"ifNull(page = '{node}', 0)"
        answer = session.query(
            f"""
            SELECT next, count() FROM (
                SELECT sequenceNextNode('{asked.direction}', '{asked.base}')(
                    assumeNotNull(second), assumeNotNull(page), {is_node}, {chain}
                ) AS next
                FROM file('{file}', Parquet) GROUP BY v
            ) WHERE next IS NOT NULL GROUP BY next
            SETTINGS max_threads = 1, allow_experimental_funnel_functions = 1,
                output_format_json_quote_64bit_integers = 0""",
            "JSONCompactEachRow",
        )
        for page, count in map(json.loads, str(answer).splitlines()):
            found[(*way, page)] += count
    return found


@pytest.mark.parametrize(("direction", "base"), BEGINS)
@pytest.mark.parametrize("of_page", [True, False], ids=["page", "event"])
def test_flow_equals_clickhouse(tmp_path: Path, clickhouse: Session, direction: str, base: str, of_page: bool) -> None:
    kind = "page" if of_page else "event"
    (step,) = parse_steps(f"{kind}:{ANCHOR if of_page else EVENT}")
    asked = read_flow(step, of_page, direction, base)
    random, most = Random(f"{kind} {direction} {base}"), 12
    # A case is a visitor's stream and a way: each round has twenty of the one, and up to four of the other.
    for _ in range(-(-CASES // (20 * 3 * 2 * len(BEGINS)))):
        visitors = [random_views(random, most, one_event=not of_page) for _ in range(20)]
        ways: list[tuple[str, ...]] = [()]
        for _ in range(3):
            found = ours(visitors, asked, ways)
            assert found == theirs(clickhouse, tmp_path / "views.parquet", visitors, asked, ways), (visitors, ways)
            ways = random.sample(sorted(found), min(4, len(found)))
            if not ways:
                break


@pytest.mark.parametrize(("direction", "base"), BEGINS)
def test_flow_of_thousands_of_visitors_equals_clickhouse(
    tmp_path: Path, clickhouse: Session, direction: str, base: str
) -> None:
    random, (step,) = Random(base), parse_steps(f"page:{ANCHOR}")
    visitors = [random_views(random, 40, one_event=False) for _ in range(3000)]
    asked = read_flow(step, True, direction, base)  # of a page
    found = ours(visitors, asked, [()])
    assert found == theirs(clickhouse, tmp_path / "views.parquet", visitors, asked, [()])
    assert found.total() > 500
