"""Answers of kinds of v2 queries worked out by hand, at a site of another zone, and the same as files."""

import io
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import ENGAGEMENT, PAGEVIEW
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.writer import TableWriter
from support.behaviour_case import client_of
from support.random_events import SITE, arrow
from support.reference import Row

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
ZONE = "Pacific/Auckland"
"""Thirteen hours ahead: what C does is of the day before in UTC."""

DAY = date(2026, 3, 6)

DID = """
A 10:00 pageview   /blog/x
A 10:02 engagement /blog/x  80
A 10:03 pageview   /pricing
A 10:05 signup     /pricing 20.00 USD pro
A 10:30 signup     /pricing 5.51 USD free
B 11:00 pageview   /blog/x
B 11:01 engagement /blog/x  30
B 11:05 pageview   /pricing
C 00:30 pageview   /blog/y
C 00:31 engagement /blog/y  100
C 00:40 pageview   /pricing
C 02:00 signup     /pricing 10.00 EUR pro
D 12:00 pageview   /
D 12:01 pageview   /pricing
D 12:02 pageview   /pricing
D 12:03 pageview   /docs
D 12:04 pageview   /pricing
D 12:05 pageview   /
"""
NEXT_DAY = "E 09:00 =1+1 /"


def rows_of(text: str, day: date, first_id: int) -> list[Row]:
    found = []
    for number, line in enumerate(text.strip().splitlines(), first_id):
        who, clock, name, path, *more = line.split()
        hour, minute = map(int, clock.split(":"))
        local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZoneInfo(ZONE))
        row: Row = {
            "event_id": number,
            "visitor_id": ord(who),
            "timestamp": local.astimezone(UTC).replace(tzinfo=None),
            "event_name": name,
            "pathname": path,
        }
        if name == ENGAGEMENT:
            row["scroll_depth"] = int(more[0])
        elif name not in (PAGEVIEW, "=1+1"):
            row |= {
                "revenue_amount": Decimal(more[0]),
                "revenue_currency": more[1],
                "props": f'{{"plan": "{more[2]}"}}',
            }
        found.append(row)
    return found


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    store = LocalStore(tmp_path_factory.mktemp("answers"))
    table = TableWriter(store)
    for day, rows in ((DAY, rows_of(DID, DAY, 1)), (DAY + timedelta(days=1), rows_of(NEXT_DAY, date(2026, 3, 7), 50))):
        table.append(Partition(SITE, day), as_deliveries(arrow(rows)))
    with closing(DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=128, threads=1)) as engine:
        goals = [
            {"name": "Read", "page": "/blog/**", "scroll_threshold": 50},
            {"name": "Paid", "event": "signup", "currency": "USD"},
        ]
        engine.site_settings.change(SITE, {"timezone": ZONE, "goals": goals}, datetime(2026, 1, 1, tzinfo=UTC))
        yield client_of(engine)


def ask(client: TestClient, **fields: Any) -> Any:
    body = {"site_id": SITE, "date_range": [DAY.isoformat()] * 2, **fields}
    answer = client.post("/api/v2/query", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def file(client: TestClient, **fields: Any) -> bytes:
    body = {"site_id": SITE, "date_range": [DAY.isoformat()] * 2, **fields}
    answer = client.post("/api/v2/query", json=body)
    assert answer.status_code == 200, answer.text
    content: bytes = answer.content
    return content


READ = {"page": "/blog/**", "scroll_threshold": 50}
STEPS = [READ, {"page": "/pricing"}, {"event": "signup", "currency": "USD"}]


def numbers(visitors: int, dropoff: int, *rates: float) -> dict[str, Any]:
    names = ("dropoff_percentage", "conversion_rate", "conversion_rate_step")
    return {"visitors": visitors, "dropoff": dropoff, **dict(zip(names, rates, strict=True))}


def usd(value: float) -> dict[str, Any]:
    return {"value": value, "currency": "USD"}


def test_funnel_has_rates_dropoff_and_revenue(client: TestClient) -> None:
    # A pays twice within the hour. B saw too little; C pays 89 minutes after the first step.
    assert ask(client, funnel={"steps": STEPS, "window": "1 hour"})["results"] == {
        "all_visitors": 4,
        "entering_visitors": 2,
        "entering_visitors_percentage": 50.0,
        "never_entering_visitors": 2,
        "never_entering_visitors_percentage": 50.0,
        "steps": [
            {"label": "/blog/**", **numbers(2, 0, 0.0, 100.0, 0.0)},
            {"label": "/pricing", **numbers(2, 0, 0.0, 100.0, 100.0)},
            {
                "label": "signup",
                **numbers(1, 1, 50.0, 50.0, 50.0),
                "revenue": usd(25.51),
                "revenue_per_visitor": usd(25.51),
            },
        ],
    }


def test_funnel_within_a_day_has_payments_in_its_currency_only(client: TestClient) -> None:
    *_, paid = ask(client, funnel={"steps": STEPS, "window": "1 day"})["results"]["steps"]
    # C's are euros. Half a cent is rounded up.
    assert (paid["visitors"], paid["revenue"], paid["revenue_per_visitor"]) == (2, usd(25.51), usd(12.76))


def test_goals_are_steps_with_their_scroll_threshold_and_currency(client: TestClient) -> None:
    named = ask(client, funnel={"steps": [{"goal": "Read"}, {"goal": "Paid"}]})["results"]
    same = ask(client, funnel={"steps": [READ, {"event": "signup", "currency": "USD"}]})["results"]
    assert [step.pop("label") for step in named["steps"]] == ["Read", "Paid"]
    assert [step.pop("label") for step in same["steps"]] == ["/blog/**", "signup"]
    assert named == same


def test_properties_narrow_a_step(client: TestClient) -> None:
    steps = [{"page": "/pricing"}, {"event": "signup", "props": {"plan": "free"}}]
    assert [step["visitors"] for step in ask(client, funnel={"steps": steps})["results"]["steps"]] == [4, 1]


@pytest.mark.parametrize(("strict", "visitors"), [(False, [1, 1]), (True, [1, 0])])
def test_strict_order_ends_at_any_other_event_but_not_at_a_ping(
    client: TestClient, strict: bool, visitors: list[int]
) -> None:
    steps = [{"page": "/docs"}, {"page": "/"}]
    found = ask(client, funnel={"steps": steps, "strict_order": strict})["results"]["steps"]
    assert [step["visitors"] for step in found] == visitors
    blog = ask(client, funnel={"steps": [{"page": "/blog/x"}, {"page": "/pricing"}], "strict_order": strict})
    # The pings of A and B lie between.
    assert [step["visitors"] for step in blog["results"]["steps"]] == [2, 2]


def test_funnel_that_nobody_entered_has_no_rates(client: TestClient) -> None:
    found = ask(client, funnel={"steps": [{"page": "/none"}, {"page": "/"}]})["results"]
    assert (found["all_visitors"], found["entering_visitors"], found["never_entering_visitors"]) == (4, 0, 4)
    assert found["steps"] == [{"label": page, **numbers(0, 0, 0.0, 0.0, 0.0)} for page in ("/none", "/")]


def test_range_is_of_the_zone_of_the_site(client: TestClient) -> None:
    asked = {"steps": [{"page": "/blog/**"}]}
    spans = [
        (["2026-03-05", "2026-03-05"], 0),
        (["2026-03-06T10:00:00+13:00", "2026-03-06T10:59:59+13:00"], 1),
        (["2026-03-05T11:00:00Z", "2026-03-05T11:59:59Z"], 1),
        (["2026-03-06", "2026-03-07"], 3),
    ]
    for span, entering in spans:
        assert ask(client, funnel=asked, date_range=span)["results"]["entering_visitors"] == entering


def pages(*rows: Any) -> list[dict[str, Any]]:
    return [{"page": page, "visitors": visitors} for page, visitors in rows]


FLOWS: list[tuple[dict[str, Any], list[dict[str, Any]]]] = [
    ({"steps": [{"page": "/pricing"}]}, pages(("/", 1), ("/docs", 1))),
    (
        {"steps": [{"page": "/pricing"}], "direction": "backward"},
        pages(("/blog/x", 2), ("/", 1), ("/blog/y", 1), ("/docs", 1)),
    ),
    ({}, pages(("/blog/x", 2), ("/", 1), ("/blog/y", 1))),
    ({"direction": "backward"}, pages(("/pricing", 3), ("/", 1))),
    ({"steps": [{"page": "/pricing"}, {"page": "/docs"}]}, pages(("/pricing", 1))),
    ({"steps": [{"page": "/docs"}, {"page": "/pricing"}], "direction": "backward"}, pages(("/", 1))),
    ({"search": "BLOG/"}, pages(("/blog/x", 2), ("/blog/y", 1))),
    ({"search": "100%"}, []),
    ({"limit": 1}, pages(("/blog/x", 2))),
    (
        {"steps": [{"page": "/docs"}], "depth": 2},
        [{"page": "/pricing", "visitors": 1, "next": pages(("/", 1))}],
    ),
]


@pytest.mark.parametrize(("flow", "listed"), FLOWS, ids=lambda value: str(value)[:60])
def test_flow_lists_the_next_pages(client: TestClient, flow: dict[str, Any], listed: list[dict[str, Any]]) -> None:
    assert ask(client, flow=flow)["results"] == {"next": listed}


def test_flow_counts_its_steps(client: TestClient) -> None:
    steps = [{"page": "/blog/*"}, {"page": "/pricing"}, {"page": "/docs"}]
    assert ask(client, flow={"steps": steps, "funnel": True})["results"] == {
        "funnel": [
            {"page": "/blog/*", "visitors": 3, "dropoff": 0, "conversion_rate": 100.0, "conversion_rate_step": 0.0},
            {"page": "/pricing", "visitors": 3, "dropoff": 0, "conversion_rate": 100.0, "conversion_rate_step": 100.0},
            {"page": "/docs", "visitors": 0, "dropoff": 3, "conversion_rate": 0.0, "conversion_rate_step": 0.0},
        ]
    }


def test_retention_and_sequence_answer_under_results(client: TestClient) -> None:
    (cohort,) = ask(client, retention={"interval": "day", "count": 2})["results"]
    assert (cohort["cohort_date"], cohort["visitors"]) == ("2026-03-06", [4])
    asked = {"steps": [{"page": "/pricing"}, {"event": "signup"}], "pattern": "(?1)(?t<=3600)(?2)"}
    assert ask(client, sequence=asked)["results"] == {
        "converting_visitors": 1,
        "total_visitors": 4,
        "conversion_rate": 0.25,
    }


def test_query_of_a_kind_is_repeated_in_the_answer(client: TestClient) -> None:
    assert ask(client, flow={}, include={"comparisons": {"mode": "previous_period"}})["query"] == {
        "site_id": SITE,
        "flow": {},
        "date_range": ["2026-03-06T00:00:00+13:00", "2026-03-06T23:59:59+13:00"],
        "filters": [],
        "include": {"comparisons": {"mode": "previous_period"}},
        "comparison_date_range": ["2026-03-05T00:00:00+13:00", "2026-03-05T23:59:59+13:00"],
    }


EARLIER = {"comparisons": {"mode": "previous_period"}}
CSV: list[tuple[dict[str, Any], str]] = [
    (
        {"funnel": {"steps": [{"event": "=1+1"}, {"goal": "Paid"}]}},
        "step,label,visitors,dropoff,dropoff_percentage,conversion_rate,conversion_rate_step,revenue,revenue_currency,"
        'revenue_per_visitor\n1,"\'=1+1",0,0,0,0,0,,,\n2,"Paid",0,0,0,0,0,0,"USD",0\n',
    ),
    (
        {"flow": {"steps": [{"page": "/docs"}], "depth": 2}, "include": EARLIER},
        'page_1,page_2,visitors,comparison_visitors\n"/pricing",,1,\n"/pricing","/",1,\n',
    ),
    (
        {"flow": {"steps": [{"page": "/docs"}], "funnel": True}},
        'step,page,visitors,dropoff,conversion_rate,conversion_rate_step\n1,"/docs",1,0,100,0\n',
    ),
    (
        {"retention": {"interval": "day", "count": 2}, "date_range": ["2026-03-06", "2026-03-07"]},
        "cohort_date,cohort_size,visitors_0,visitors_1\n2026-03-06,4,4,0\n2026-03-07,1,1,\n",
    ),
    (
        {"sequence": {"steps": [{"page": "/pricing"}, {"event": "signup"}]}, "include": EARLIER},
        "converting_visitors,total_visitors,conversion_rate,comparison_converting_visitors,comparison_total_visitors,"
        "comparison_conversion_rate\n2,4,0.5,0,0,0\n",
    ),
    (
        {"metrics": ["events", "bounce_rate"], "dimensions": ["time:day"], "include": EARLIER},
        "time:day,events,bounce_rate,comparison_time:day,comparison_events,comparison_bounce_rate,change_events,"
        'change_bounce_rate\n"2026-03-06",15,0,"2026-03-05",0,0,100,0\n',
    ),
    (
        {
            "metrics": ["visitors", "total_revenue", "percentage"],
            "dimensions": ["event:name"],
            "date_range": ["2026-03-06", "2026-03-07"],
            "filters": [["is", "event:name", ["=1+1", "signup"]], ["is_not", "event:props:plan", ["free"]]],
            "order_by": [["visitors", "asc"]],
        },
        'event:name,visitors,total_revenue,total_revenue_currency,percentage\n"\'=1+1",1,,,33.33\n"signup",2,,,66.67\n',
    ),
]


@pytest.mark.parametrize(("fields", "text"), CSV, ids=lambda value: str(value)[:50])
def test_rows_are_a_csv_file_without_formulas(client: TestClient, fields: dict[str, Any], text: str) -> None:
    assert file(client, **fields, format="csv").decode("utf-8-sig") == text


@pytest.mark.parametrize("fields", [each for each, _ in CSV], ids=lambda value: str(value)[:50])
def test_parquet_has_the_rows_of_csv(client: TestClient, fields: dict[str, Any]) -> None:
    body = {"site_id": SITE, "date_range": ["2026-03-06"] * 2, "format": "parquet"}
    answer = client.post("/api/v2/query", json=body | fields)
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    name = next((kind for kind in ("funnel", "flow", "retention", "sequence") if kind in fields), "query")
    last = fields.get("date_range", ["2026-03-06"])[-1]
    disposition = f'attachment; filename="{SITE}-{name}-2026-03-06-{last}.parquet"'
    assert answer.headers["content-disposition"] == disposition
    table = pq.read_table(io.BytesIO(answer.content))
    text = file(client, **fields, format="csv").decode("utf-8-sig").replace("'=", "=")
    header, *lines = text.splitlines()
    assert table.column_names == header.split(",")
    assert table.num_rows == len(lines)
    for column in table.itercolumns():
        assert column.type in (pa.string(), pa.int64(), pa.float64(), pa.date32())
