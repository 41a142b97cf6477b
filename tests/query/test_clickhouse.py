"""ClickHouse, asked in its own SQL, is the referee of the overview: so the benchmark compares equal work."""

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest
from bench.panels import check_equal, of_overview
from bench.peer_chdb import Chdb, Condition, Session, chdb_session, merge_tree_source, parquet_source

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import DateRange
from mallard.stats.filters import parse_filters
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.schema import EVENTS
from mallard.table.writer import TableWriter

pytestmark = pytest.mark.heavy

SITE = "example.com"
START, DAYS = date(2026, 3, 1), 4
CONDITIONS = {
    None: None,
    '[["is", "visit:country", ["US"]]]': Condition("country_code = 'US'"),
    '[["is", "visit:country", ["US"]], ["is", "visit:browser", ["Chrome"]]]': Condition(
        "country_code = 'US' AND browser = 'Chrome'"
    ),
    '[["is", "event:page", ["/a"]]]': Condition("pathname = '/a'", of_events=True, of_pages=True),
    '[["is", "event:name", ["signup"]]]': Condition("event_name = 'signup'", of_events=True),
    '[["is", "event:props:plan", ["pro"]]]': Condition("JSONExtractString(props, 'plan') = 'pro'", of_events=True),
}


@pytest.fixture(scope="module")
def clickhouse() -> Iterator[Session]:
    """One for all tests: a process can have one at a time."""
    with chdb_session() as session:
        yield session


def random_day(random: Random, day: date, events: int) -> pa.Table:
    """Few visitors and whole minutes, so that gaps of exactly 30 minutes and equal moments occur."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  # the table's timestamps are naive UTC
    rows: list[dict[str, Any]] = [
        {
            "event_id": day.toordinal() * 1000 + number,
            "visitor_id": None if random.random() < 0.1 else day.toordinal() * 100 + random.randrange(10),
            "timestamp": midnight + timedelta(minutes=random.randrange(1440)),
            "event_name": random.choice(["pageview", "pageview", "pageview", "signup", "engagement"]),
            "pathname": random.choice(["/", "/a", "/b"]),
            "referrer_source": random.choice([None, "Google"]),
            "browser": random.choice(["Firefox", "Chrome", None]),
            "os": random.choice(["Linux", None]),
            "device_type": random.choice(["desktop", "mobile"]),
            "country_code": random.choice(["DE", "US", "US", None]),
            "props": random.choice([None, '{"plan":"pro"}', '{"plan":"team"}']),
        }
        for number in range(events)
    ]
    return pa.Table.from_pylist(rows, schema=EVENTS)


@pytest.mark.sampled(2, 0)
@pytest.mark.parametrize("filters", CONDITIONS)
@pytest.mark.parametrize("seed", range(4))
def test_overview_equals_clickhouse(tmp_path: Path, clickhouse: Session, seed: int, filters: str | None) -> None:
    random, store = Random(seed), LocalStore(tmp_path)
    # The third day has no events.
    for day in (START, START + timedelta(days=1), START + timedelta(days=3)):
        TableWriter(store).append(Partition(SITE, day), as_deliveries(random_day(random, day, 300)))
    scope = Scope(SITE, DateRange(START, START + timedelta(days=DAYS)), parse_filters(filters))
    nothing = PENDING.empty_table()
    now = datetime.fromisoformat("2026-03-10T12:00+00:00")
    with closing(DuckDBEngine(store, lambda _: nothing, memory_mb=256, threads=2)) as engine:
        ours = of_overview(Stats(engine, now).overview(scope))
    parquet = parquet_source(tmp_path)
    for source in (parquet, merge_tree_source(clickhouse, parquet)):
        peer = Chdb(clickhouse, source, scope.period.start, scope.period.end)
        check_equal(ours, peer.overview(CONDITIONS[filters]), source)
    assert ours["headline"][0][2] > 0
