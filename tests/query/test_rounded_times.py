"""Reports over events whose times are rounded to the hour: visits, their first events, and the last minutes."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.bootstrap.query_engine import open_query_engine
from mallard.config import load_settings
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.sql.group_statement import GroupStatement
from mallard.engine.sql.statement import BEGINNING
from mallard.engine.visitor_query import VisitorQuery
from mallard.event import Event
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.client import Client
from mallard.ingest.event_ids import EventIds
from mallard.ingest.pipeline import IngestContext, receive
from mallard.ingest.rate_limit import RateLimit
from mallard.ingest.request import EventRequest
from mallard.privacy.redaction import Redaction
from mallard.privacy.salts import Salts
from mallard.reports.behaviour.funnel_sql import FunnelSql
from mallard.stats.date_range import read_period
from mallard.stats.grouping import Grouping
from mallard.stats.metrics import MEASURES
from mallard.stats.query import Query
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.memory import MemoryStore
from support.open_access import auth_off, one_address
from support.rows import HERE, deliveries

SITE = "example.com"
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
GOLDEN = Path(__file__).parents[1] / "table" / "golden" / "without_hour_order.parquet"


class Visitor:
    """Who sends a site events, whose times are rounded or not."""

    def __init__(self, number: int, *, is_rounded: bool = True) -> None:
        self._sender = Client(f"203.0.113.{number}", FIREFOX)
        self._is_rounded = is_rounded

    def sends(self, minute: float, path: str = "/", referrer: str | None = None, name: str = "pageview") -> Event:
        """An event so many minutes after noon."""
        context = IngestContext(
            sites=AllowedSites(()),
            salts=Salts(MemoryStore(), b"secret", random_bytes=bytes),
            event_ids=EventIds(b"key"),
            rate_limit=RateLimit(0),
            privacy=Redaction(round_timestamps=self._is_rounded),
        )
        request = EventRequest(SITE, name, f"https://{SITE}{path}", referrer=referrer)
        event = receive(request, self._sender, context, NOON + timedelta(minutes=minute))
        assert isinstance(event, Event)
        return event


def write(store: LocalStore, events: list[Event]) -> None:
    # In the table nothing is left of the order in which they came.
    TableWriter(store).append(Partition(SITE, NOON.date()), deliveries(Random(1).sample(events, len(events))))


@contextmanager
def client_over(folder: Path, events: list[Event] | None = None, *, rounds_times: bool = False) -> Iterator[TestClient]:
    store, nothing = LocalStore(folder), PENDING.empty_table()
    if events:
        write(store, events)
    with closing(DuckDBEngine(store, lambda _: nothing, memory_mb=128, threads=1, rounds_times=rounds_times)) as engine:
        yield client_of(engine)


def client_of(engine: DuckDBEngine) -> TestClient:
    erase: Any = None
    app = create_app(
        engine=lambda: engine, sites=list, clock=lambda: NOW, erase=erase, auth=auth_off(), address_of=one_address
    )
    return TestClient(app, raise_server_exceptions=False)


def get(client: TestClient, path: str, **parameters: str) -> Any:
    answer = client.get(f"/api/stats/{path}", params={"site_id": SITE, "period": "today"} | parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def headline(client: TestClient, **parameters: str) -> tuple[int, float, float]:
    main = get(client, "main", **parameters)
    sessions = get(client, "sessions", **parameters)
    assert main["visits"] == sessions["total_sessions"]
    assert main["avg_visit_duration_secs"] == sessions["avg_session_duration_secs"]
    return main["visits"], round(main["bounce_rate"], 3), main["avg_visit_duration_secs"]


def test_visit_across_the_hour_is_one_visit_when_times_are_rounded(tmp_path: Path) -> None:
    events = [Visitor(1).sends(50), Visitor(1).sends(70, "/b")]
    with client_over(tmp_path, events) as client:
        assert headline(client) == (1, 0.0, 3600.0)
        # Under a filter they are counted in another way.
        everything = json.dumps([["contains", "event:page", ["/"]]])
        assert get(client, "main", filters=everything)["visits"] == 1


def test_visit_ends_after_an_empty_hour_when_times_are_rounded(tmp_path: Path) -> None:
    events = [Visitor(1).sends(minute) for minute in (10, 70, 190)] + [Visitor(2).sends(130)]
    with client_over(tmp_path, events) as client:
        assert headline(client) == (3, 0.667, 1200.0)


def test_exact_times_keep_the_thirty_minute_timeout_beside_rounded_ones(tmp_path: Path) -> None:
    exact = [Visitor(1, is_rounded=False).sends(minute) for minute in (10, 45)]
    rounded = [Visitor(2).sends(minute) for minute in (10, 119)]
    with client_over(tmp_path, exact + rounded) as client:
        assert headline(client) == (3, 0.667, 1200.0)


def test_visit_stays_one_when_rounding_is_enabled_during_it(tmp_path: Path) -> None:
    exact = [Visitor(1, is_rounded=False).sends(minute, f"/{minute}") for minute in (20, 40)]
    rounded = [Visitor(1).sends(minute, f"/{minute}") for minute in (42, 61)]
    with client_over(tmp_path, exact + rounded) as client:
        assert headline(client) == (1, 0.0, 3600.0)
        assert [row["value"] for row in get(client, "breakdown/exit_pages")] == ["/61"]


def test_the_first_event_of_a_visit_is_the_first_when_times_are_rounded(tmp_path: Path) -> None:
    """Twenty visitors come from a search, see two more pages, and sign up: all within one hour."""
    events = []
    for number in range(20):
        visitor = Visitor(number)
        events += [
            visitor.sends(number, "/landing", "https://www.google.com/"),
            visitor.sends(number + 1.5, "/pricing"),
            visitor.sends(number + 2, "/signup"),
            visitor.sends(number + 2.5, "/signup", name="signup"),
        ]
    with client_over(tmp_path, events) as client:
        for name, value in (("sources", "Google"), ("entry_pages", "/landing"), ("exit_pages", "/signup")):
            rows = get(client, f"breakdown/{name}")
            assert [(row["value"], row["visitors"]) for row in rows] == [(value, 20)]
        asked = json.dumps([["is", "visit:entry_page", ["/landing"]]])
        assert get(client, "main", filters=asked)["visits"] == 20
        assert get(client, "flow", page="/landing") == [{"next_page": "/pricing", "visitors": 20}]
        for steps, visitors in (("page:/landing,page:/pricing", 20), ("page:/pricing,page:/landing", 0)):
            for mode in ("default", "strict_order", "strict_once", "strict_deduplication"):
                assert get(client, "funnel", steps=steps, mode=mode)[1]["visitors"] == visitors
            assert get(client, "sequences", steps=steps)["converting_visitors"] == visitors
        lines = get(client, "export", what="events", format="json")
        own = [row["pathname"] for row in lines if row["visitor_id"] == events[0].visitor_id]
        assert own == ["/landing", "/pricing", "/signup", "/signup"]


def test_funnel_window_treats_adjacent_rounded_hours_as_one_hour(tmp_path: Path) -> None:
    events = [Visitor(1).sends(1, "/x"), Visitor(1).sends(5, "/a"), Visitor(1).sends(110, "/b")]
    with client_over(tmp_path, events) as client:
        counted = {
            window: get(client, "funnel", steps="page:/a,page:/b", window=window)[1]["visitors"]
            for window in ("59 minutes", "1 hour")
        }
    assert counted == {"59 minutes": 0, "1 hour": 1}


def test_current_visitors_is_null_when_times_are_rounded(tmp_path: Path) -> None:
    events = [Visitor(1).sends(209)]
    with client_over(tmp_path, events, rounds_times=True) as client:
        assert get(client, "main")["current_visitors"] is None
        assert get(client, "overview")["main"]["current_visitors"] is None
        compared = get(client, "main", compare="previous_period")
        assert {"comparison", "change", "current_visitors"} <= compared.keys()
        assert "previous" not in get(client, "overview")["timeseries"][0]


@pytest.mark.parametrize("path", ["main", "timeseries", "breakdown/pages", "overview", "sessions", "export"])
def test_realtime_is_400_when_times_are_rounded(tmp_path: Path, path: str) -> None:
    with client_over(tmp_path, rounds_times=True) as client:
        answer = client.get(f"/api/stats/{path}", params={"site_id": SITE, "period": "realtime"})
    assert answer.status_code == 400
    assert "rounds times to the hour" in answer.json()["error"]


@pytest.mark.parametrize("name", ["MALLARD_GDPR_MODE", "MALLARD_ROUND_TIMESTAMPS"])
def test_query_function_reads_the_rounding_setting(name: str) -> None:
    for value, rounds in (("true", True), ("false", False)):
        with closing(open_query_engine(load_settings({name: value}), MemoryStore())) as engine:
            assert engine.rounds_times == rounds


def test_segments_without_hour_order_are_counted_alone_and_with_others(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put_if_absent(HERE.segment(0), GOLDEN.read_bytes())
    parameters = {"start_date": "2026-01-02", "end_date": "2026-01-03"}
    with client_over(tmp_path) as client:
        assert headline(client, **parameters) == (3, 0.667, 400.0)
        assert len(get(client, "export", what="events", format="json", **parameters)) == 5
    rounded = Visitor(1).sends(0)
    write(store, [rounded])
    parameters["end_date"] = "2026-03-11"
    with client_over(tmp_path) as client:
        assert headline(client, **parameters)[0] == 4
        rows = get(client, "export", what="events", format="json", **parameters)
        assert [row["hour_order"] for row in rows] == [None] * 5 + [rounded.hour_order]


def counting_sql(dimensions: tuple[str, ...], *measures: str) -> str:
    return GroupStatement([Grouping(dimensions, measures)], None).sql(has_files=True, has_waiting=False)[0]


def statements() -> dict[str, str]:
    period = read_period("today", None, None, NOW)
    query = Query(SITE, period, ("visitors",))
    funnel = FunnelSql(2, "true", "1", 1000)
    return {
        "spans": counting_sql((), "visits", "duration_ms"),
        "total": counting_sql((), *MEASURES),
        "pages": counting_sql(("event:page",), "visitors", "pageviews"),
        "funnel": VisitorQuery(query, str(funnel), columns=funnel.columns).statement(
            None, has_files=True, has_waiting=False
        ),
    }


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("spans", {"event_name", "visitor_id", "timestamp", "date"}),
        ("total", {"event_name", "visitor_id", "timestamp", "date", "event_id"}),
        ("pages", {"event_name", "visitor_id", "pathname"}),
        ("funnel", {"visitor_id", "timestamp"}),
    ],
)
def test_exact_times_are_read_once_without_another_column(tmp_path: Path, name: str, columns: set[str]) -> None:
    """The plan has no second look at the files for rounded times, and no column for them."""
    file = tmp_path / "site_id=example.com" / "date=2026-01-02" / "00000.parquet"
    file.parent.mkdir(parents=True)
    file.write_bytes(GOLDEN.read_bytes())
    values = {"files": [str(file)], "start": date(2026, 1, 1), "end": date(2026, 2, 1), "since": BEGINNING}
    with duckdb.connect() as database:
        sql = f"EXPLAIN (FORMAT json) {statements()[name]}"
        plan = json.loads(database.execute(sql, values).fetchall()[0][1])
    scans = [node["extra_info"] for node in nodes(plan) if node["name"].strip() == "READ_PARQUET"]
    assert len(scans) == 1
    read = scans[0].get("Projections", [])
    assert set([read] if isinstance(read, str) else read) <= columns


def nodes(plan: list[Any]) -> Iterator[dict[str, Any]]:
    for node in plan:
        yield node
        yield from nodes(node["children"])
