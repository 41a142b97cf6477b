"""The query API over HTTP semantics: shapes, and sentences for what is wrong."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.api.routes.site_routes import Erase
from mallard.auth.service import AuthService
from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.config import Settings
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.erasure import Erasure, request_erasure
from mallard.store.local import LocalStore
from support.memory import MemoryStore
from support.open_access import auth_off, one_address

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)


def nothing_erased(site_id: str, first: date, last: date) -> Erasure:
    """What an erasure of days without events tells; the range is checked as ever."""
    key = request_erasure(MemoryStore(), site_id, first, last, NOW)
    assert key
    return Erasure(site_id, first, last, 0, first, done=True)


def make_client(folder: Path, auth: AuthService, erase: Erase = nothing_erased) -> tuple[TestClient, DuckDBEngine]:
    engine = DuckDBEngine(LocalStore(folder), lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    app = create_app(
        engine=lambda: engine,
        sites=lambda: ["a.example", "b.example"],
        clock=lambda: NOW,
        erase=erase,
        auth=auth,
        address_of=one_address,
    )
    return TestClient(app, raise_server_exceptions=False), engine


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Over a folder that stays empty."""
    client, engine = make_client(tmp_path_factory.mktemp("empty"), auth_off())
    yield client
    engine.close()


def get(client: TestClient, path: str, **parameters: str) -> tuple[int, Any]:
    answer = client.get(path, params=parameters)
    return answer.status_code, answer.json()


def test_a_site_without_events_has_zeros_and_empty_lists(client: TestClient) -> None:
    assert get(client, "/api/stats/main", site_id="a.example") == (
        200,
        {
            "unique_visitors": 0,
            "total_pageviews": 0,
            "bounce_rate": 0.0,
            "avg_visit_duration_secs": 0.0,
            "pages_per_visit": 0.0,
            "visits": 0,
            "views_per_visit": 0.0,
            "events": 0,
            "current_visitors": 0,
        },
    )
    assert get(client, "/api/stats/breakdown/pages", site_id="a.example") == (200, [])
    status, buckets = get(client, "/api/stats/timeseries", site_id="a.example", period="7d")
    assert (status, len(buckets), buckets[0]) == (200, 7, {"date": "2026-03-04", "visitors": 0, "pageviews": 0})


def test_sites_are_listed(client: TestClient) -> None:
    assert get(client, "/api/sites") == (200, [{"site_id": "a.example"}, {"site_id": "b.example"}])


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "site_id is missing; it names the site, such as example.com."),
        ({"site_id": "../../etc"}, "site_id may hold only"),
        ({"site_id": "a", "period": "8d"}, "period is '8d', but must be one of day, today,"),
        ({"site_id": "a", "period": ""}, "period is '', but must be one of"),
        ({"site_id": "a", "start_date": "2026-01-01"}, "start_date and end_date come together"),
        ({"site_id": "a", "end_date": "2026-01-01"}, "start_date and end_date come together"),
        ({"site_id": "a", "start_date": "2026-02-30", "end_date": "2026-03-01"}, "start_date is '2026-02-30', but"),
        ({"site_id": "a", "start_date": "20260101", "end_date": "2026-03-01"}, "start_date is '20260101', but"),
        ({"site_id": "a", "start_date": "2026-03-01", "end_date": "2026-03-01"}, "end_date is 2026-03-01, but must"),
        ({"site_id": "a", "start_date": "1970-01-01", "end_date": "2090-03-01"}, "may span 36525."),
        ({"site_id": "a", "start_date": "0001-01-01", "end_date": "0001-01-02"}, "must be 1970-01-01 or later."),
        ({"site_id": "a", "interval": "minute"}, "interval is 'minute', but must be hour or day."),
        ({"site_id": "a", "interval": "hour", "period": "90d"}, "interval is 'hour', but must be day for more than"),
        ({"site_id": "a", "filter": "[]"}, "'filter' is not a parameter here; there are"),
    ],
)
def test_invalid_parameter_is_400_with_a_sentence_naming_it(
    client: TestClient, parameters: dict[str, str], sentence: str
) -> None:
    status, body = get(client, "/api/stats/timeseries", **parameters)
    assert status == 400
    assert sentence in body["error"]


@pytest.mark.parametrize("limit", ["0", "1001", "-1", "ten", "1e3", "١٠"])
def test_a_limit_out_of_its_range_is_refused(client: TestClient, limit: str) -> None:
    status, body = get(client, "/api/stats/breakdown/pages", site_id="a", limit=limit)
    assert (status, body["error"]) == (400, f"limit is {limit!r}, but must be a whole number from 1 to 1000.")


def test_a_parameter_given_twice_is_refused(client: TestClient) -> None:
    answer = client.get("/api/stats/main?site_id=a&period=7d&period=30d")
    assert (answer.status_code, answer.json()) == (400, {"error": "period is given more than once."})


def test_unknown_breakdown_lists_the_known_ones(client: TestClient) -> None:
    status, body = get(client, "/api/stats/breakdown/colours", site_id="a")
    assert status == 400
    assert "'colours' is no breakdown; there are pages," in body["error"]


def test_unknown_path_is_404_in_json(client: TestClient) -> None:
    assert get(client, "/api/stats/nothing") == (
        404,
        {"error": "Not found; see /openapi.json."},
    )


def test_statistics_require_a_credential_by_default(tmp_path: Path) -> None:
    settings, nobody_near = Settings(admin_password="kettle-moss-17"), Setup(False, "")
    client, engine = make_client(tmp_path, open_auth(settings, MemoryStore(), secret=b"s" * 32, setup=nobody_near))
    for path in ("/api/sites", "/api/stats/main", "/api/stats/timeseries", "/api/stats/breakdown/pages"):
        assert client.get(path, params={"site_id": "a"}).status_code == 401
    assert client.delete("/api/gdpr/erase", params={"site_id": "a"}).status_code == 401
    engine.close()


@pytest.mark.parametrize("site", [".", "..", ":" * 200])
def test_invalid_site_id_is_refused_before_it_becomes_a_path(client: TestClient, site: str) -> None:
    dates = {"start_date": "2026-01-01", "end_date": "2026-01-01"}
    for answer in (
        client.get("/api/stats/main", params={"site_id": site}),
        client.delete("/api/gdpr/erase", params={"site_id": site, **dates}),
        client.put(f"/api/sites/{site.replace('.', '%2e')}", json={}),
    ):
        assert (answer.status_code, "site_id is no site's" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"timezone": "\xff"}'])
def test_body_that_is_no_json_is_refused_without_internal_details(client: TestClient, body: bytes) -> None:
    answer = client.put("/api/sites/a", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 400
    assert len(answer.json()["error"]) < 100
    assert ".py" not in answer.text


def test_a_body_over_a_megabyte_is_refused(client: TestClient) -> None:
    body = b'{"timezone": "' + b"a" * 2**20 + b'"}'
    answer = client.put("/api/sites/a", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 413


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000", "a\\nb"])
def test_goal_that_json_cannot_carry_is_refused_and_not_stored(client: TestClient, text: str) -> None:
    goals = (
        f'{{"name": "{text}", "event": "x"}}',
        f'{{"name": "x", "event": "x", "props": {{"{text}": "x"}}}}',
        f'{{"name": "x", "event": "x", "props": {{"x": "{text}"}}}}',
    )
    for goal in goals:
        body = f'{{"goals": [{goal}]}}'
        answer = client.put("/api/sites/a", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert any(words in answer.json()["error"] for words in ("control characters", "half of a character"))
    assert client.get("/api/sites/a").json()["goals"] == []


def test_statistics_are_private_no_cache_and_same_origin(client: TestClient) -> None:
    headers = client.get("/api/stats/main", params={"site_id": "a"}).headers
    assert headers["cache-control"] == "private, no-cache"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert "access-control-allow-origin" not in headers


def test_unexpected_exception_is_500_without_details(tmp_path: Path) -> None:
    def fail() -> DuckDBEngine:
        raise RuntimeError("a secret detail")

    app = create_app(
        engine=fail, sites=list, clock=lambda: NOW, erase=nothing_erased, auth=auth_off(), address_of=one_address
    )
    answer = TestClient(app, raise_server_exceptions=False).get("/api/stats/main", params={"site_id": "a"})
    assert answer.status_code == 500
    assert answer.json() == {
        "error": "Internal error; see the server's log.",
        "request_id": answer.headers["x-request-id"],
    }


def test_openapi_names_every_parameter(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    names = {each["name"] for each in paths["/api/stats/breakdown/{dimension}"]["get"]["parameters"]}
    assert names == {"dimension", "site_id", "period", "start_date", "end_date", "filters", "compare", "limit"}


def erase(client: TestClient, **parameters: str) -> tuple[int, Any]:
    answer = client.delete("/api/gdpr/erase", params=parameters)
    return answer.status_code, answer.json()


def test_an_erasure_answers_with_the_days_removed(client: TestClient) -> None:
    assert erase(client, site_id="a.example", start_date="2026-03-01", end_date="2026-03-01") == (
        200,
        {
            "site_id": "a.example",
            "start_date": "2026-03-01",
            "end_date": "2026-03-01",
            "status": "done",
            "days": [],
            "events": 0,
            "damaged": 0,
            "pending": 0,
        },
    )


def test_queued_erasure_reports_no_counts(tmp_path: Path) -> None:
    def queued(site_id: str, first: date, last: date) -> Erasure:
        return Erasure(site_id, first, last, 0, first, days=(first,))

    client, engine = make_client(tmp_path, auth_off(), queued)
    status, body = erase(client, site_id="a.example", start_date="2026-03-01", end_date="2026-03-01")
    assert (status, body["status"], body["days"], body["events"]) == (202, "queued", ["2026-03-01"], 0)
    assert body["pending"] is None
    engine.close()


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "site_id is missing"),
        ({"site_id": "a"}, "start_date is missing; it is a date such as 2026-01-31."),
        ({"site_id": "a", "start_date": "2026-03-01"}, "end_date is missing"),
        (
            {"site_id": "a", "start_date": "2026-03-02", "end_date": "2026-03-01"},
            "end_date is 2026-03-01, but must not",
        ),
        ({"site_id": "a", "start_date": "2000-01-01", "end_date": "2026-03-01"}, "but may span 3660."),
        ({"site_id": "a", "start_date": "2026-03-01", "end_date": "2026-03-12"}, "must not be in the future."),
        ({"site_id": "a", "period": "7d"}, "'period' is not a parameter here"),
    ],
)
def test_an_erasure_of_a_wrong_range_is_refused(client: TestClient, parameters: dict[str, str], sentence: str) -> None:
    status, body = erase(client, **parameters)
    assert status == 400
    assert sentence in body["error"]
