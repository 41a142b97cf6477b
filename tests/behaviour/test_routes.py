"""Sessions, funnels and retention over HTTP: the seed's shapes, what is added to them, sentences for what is wrong."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.local import LocalStore
from support.open_access import api_of
from support.random_events import SITE, store_rows

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
NOON = datetime(2026, 3, 10, 12)  # noqa: DTZ001  # the table's timestamps are naive UTC


def event(visitor: int, minutes: int, page: str, **more: Any) -> dict[str, Any]:
    number = visitor * 1000 + minutes
    moment = NOON + timedelta(minutes=minutes)
    return {
        "event_id": number,
        "visitor_id": visitor,
        "timestamp": moment,
        "event_name": "pageview",
        "pathname": page,
        "country_code": "DE" if visitor < 3 else "US",
        **more,
    }


ROWS = [
    event(1, 0, "/pricing"),
    event(1, 20, "/signup"),
    event(1, 25, "/signup", event_name="signup", props='{"plan": "pro"}'),
    event(2, 0, "/pricing"),
    event(2, 50, "/signup"),
    event(2, 61, "/signup", event_name="signup", props='{"plan": "free"}'),
    event(3, 0, "/pricing"),
    event(3, 50, "/pricing"),
    event(3, 65, "/signup"),
    event(3, 66, "/a,b", event_name="signup", props='{"plan": "pro"}'),
    event(4, 0, "/signup"),
    event(4, 5, "/pricing"),
]
"""The worked example of docs/behaviour.md."""

STEPS = "page:/pricing,page:/signup,event:signup"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    store = LocalStore(tmp_path_factory.mktemp("store"))
    store_rows(store, ROWS, seal_rows=100)
    with closing(
        DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1, cache_seconds=60)
    ) as engine:
        app = api_of(lambda: engine, NOW, [SITE])
        yield TestClient(app, raise_server_exceptions=False)


def get(client: TestClient, report: str, **parameters: str) -> Any:
    answer = client.get(f"/api/stats/{report}", params={"site_id": SITE, "period": "today", **parameters})
    return answer.json() if answer.status_code == 200 else (answer.status_code, answer.json()["error"])


def visitors(answer: Any) -> list[int]:
    return [row["visitors"] for row in answer]


def test_sessions_have_the_seeds_shape(client: TestClient) -> None:
    found = get(client, "sessions")
    # Visitors 2 and 3 were away for over half an hour.
    assert found == {
        "total_sessions": 6,
        "avg_session_duration_secs": (25 + 0 + 11 + 0 + 16 + 5) * 60 / 6,
        "avg_pages_per_session": 9 / 6,
    }
    rows = get(client, "sessions", breakdown="countries")
    assert [(row["value"], row["total_sessions"]) for row in rows] == [("DE", 3), ("US", 3)]


def test_funnel_response_has_the_seed_shape(client: TestClient) -> None:
    assert get(client, "funnel", steps=STEPS, window="1 hour") == [
        {"step": 1, "visitors": 4},
        {"step": 2, "visitors": 3},
        {"step": 3, "visitors": 2},
    ]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, [4, 3, 3]),
        ({"window": "61 minutes"}, [4, 3, 3]),
        ({"window": "1 minute"}, [4, 0, 0]),
        ({"mode": "default"}, [4, 3, 3]),
        ({"mode": "strict_order"}, [4, 3, 3]),
        ({"mode": "strict_once,strict_increase"}, [4, 3, 3]),
        ({"mode": "strict_deduplication"}, [4, 3, 1]),
        ({"filters": '[["is", "visit:country", ["DE"]]]'}, [2, 2, 2]),
    ],
)
def test_funnel_accepts_window_mode_and_filters(
    client: TestClient, parameters: dict[str, str], expected: list[int]
) -> None:
    assert visitors(get(client, "funnel", steps=STEPS, **parameters)) == expected


def test_steps_may_have_conditions_and_be_json(client: TestClient) -> None:
    assert visitors(get(client, "funnel", steps="page:/pricing,event:signup[plan=pro]")) == [4, 2]
    assert visitors(get(client, "funnel", steps='page:/pricing,page:"/a,b"')) == [4, 1]
    steps = '[{"page": "/pri*"}, {"event": "signup", "filters": [["matches", "event:props:plan", ["^p"]]]}]'
    assert visitors(get(client, "funnel", steps=steps)) == [4, 2]


def test_a_funnel_breaks_down(client: TestClient) -> None:
    rows = get(client, "funnel", steps=STEPS, window="1 hour", breakdown="countries")
    assert [(row["value"], visitors(row["steps"])) for row in rows] == [("DE", [2, 2, 1]), ("US", [2, 1, 1])]


def test_retention_response_has_the_seed_shape_and_a_note(client: TestClient) -> None:
    (row,) = get(client, "retention", weeks="4")
    assert row == {
        "cohort_date": "2026-03-09",
        "cohort_size": 4,
        "retained": [True],
        "visitors": [4],
        "percentages": [100.0],
        "note": row["note"],
    }
    assert "MALLARD_VISITOR_ROTATION=month" in row["note"]
    assert len(get(client, "retention", interval="day", count="2", period="7d")) == 7
    (value, _) = get(client, "retention", breakdown="countries")
    assert (value["value"], value["cohorts"][0]["cohort_size"]) == ("DE", 2)


def test_a_site_without_events_has_zeros(client: TestClient) -> None:
    assert get(client, "sessions", site_id="b.example")["total_sessions"] == 0
    assert visitors(get(client, "funnel", site_id="b.example", steps=STEPS)) == [0, 0, 0]
    assert get(client, "funnel", site_id="b.example", steps=STEPS, breakdown="countries") == []
    (row,) = get(client, "retention", site_id="b.example", period="all")
    assert (row["cohort_size"], row["retained"], row["percentages"]) == (0, [False], [0.0])


@pytest.mark.parametrize(
    ("report", "parameters", "sentence"),
    [
        ("funnel", {}, "steps is missing; it lists what visitors do"),
        ("funnel", {"steps": "page:/a,evnt:b"}, "steps has 'evnt' at character 9 (page:/a,▸evnt:b), but there must be"),
        (
            "funnel",
            {"steps": "page:/a", "window": "1 fortnight"},
            "window has 'fortnight' at character 3 (1 ▸fortnight)",
        ),
        (
            "funnel",
            {"steps": "page:/a", "window": "0 days"},
            "window has '0' at character 1 (▸0 days), but there must be",
        ),
        (
            "funnel",
            {"steps": "page:/a", "window": "day"},
            "window has 'd' at character 1 (▸day), but there must be a num",
        ),
        ("funnel", {"steps": "page:/a", "window": "2"}, "window ends after character 1 (2▸), but there must be a unit"),
        ("funnel", {"steps": "page:/a", "window": "401 days"}, "window is '401 days', but may be 400 days at most."),
        (
            "funnel",
            {"steps": "page:/a", "mode": "strict"},
            "mode has 'strict', but there are default, strict_order, st",
        ),
        (
            "funnel",
            {"steps": "page:/a", "mode": "allow_reentry"},
            "mode has allow_reentry, but that is a way of strict_",
        ),
        ("funnel", {"steps": "page:/a", "breakdown": "x"}, "breakdown is 'x', but must be one of pages, hostnames,"),
        ("funnel", {"steps": "goal:None"}, "'None' is no goal of this site; it has none."),
        (
            "funnel",
            {"steps": '[{"filters": [["matches", "event:page", ["("]]]}]'},
            "'(' is no regular expression (RE2)",
        ),
        ("retention", {"weeks": "0"}, "weeks is '0', but must be a whole number from 1 to 52."),
        ("retention", {"weeks": "53"}, "weeks is '53', but must be a whole number from 1 to 52."),
        ("retention", {"count": "x"}, "count is 'x', but must be a whole number from 1 to 52."),
        ("retention", {"weeks": "4", "interval": "day"}, "weeks comes with interval or count, but says both itself"),
        ("retention", {"interval": "year"}, "interval is 'year', but must be day, week or month."),
        ("sessions", {"breakdown": "pages"}, "breakdown is 'pages', but sessions have one of sources, browsers"),
        (
            "sessions",
            {"breakdown": "countries", "limit": "0"},
            "limit is '0', but must be a whole number from 1 to 1000.",
        ),
    ],
)
def test_invalid_behaviour_parameter_is_400_with_a_sentence(
    client: TestClient, report: str, parameters: dict[str, str], sentence: str
) -> None:
    status, error = get(client, report, **parameters)
    assert status == 400
    assert sentence in error


@pytest.mark.parametrize("window", ["90 seconds", "1 second", "2 minutes", "36 hours", "1 week", "3weeks", " 1  day "])
def test_funnel_window_is_parsed(client: TestClient, window: str) -> None:
    assert len(get(client, "funnel", steps=STEPS, window=window)) == 3


def test_unchanged_behaviour_response_is_304(client: TestClient) -> None:
    parameters = {"site_id": SITE, "period": "today", "steps": STEPS}
    first = client.get("/api/stats/funnel", params=parameters)
    again = client.get("/api/stats/funnel", params=parameters, headers={"if-none-match": first.headers["etag"]})
    assert (first.headers["cache-control"], again.status_code, again.content) == ("private, no-cache", 304, b"")


def test_report_days_use_the_site_time_zone(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    site_settings = SiteSettingsStore(store)
    site_settings.change(SITE, {"timezone": "Asia/Tokyo"}, NOW - timedelta(days=3))
    with closing(
        DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1, site_settings=site_settings)
    ) as engine:
        app = api_of(lambda: engine, NOW, [SITE])
        with TestClient(app) as client:
            (row,) = get(client, "retention", interval="day")
    # It is half past midnight there.
    assert row["cohort_date"] == "2026-03-11"
