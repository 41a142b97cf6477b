"""``POST /api/v2/query``: shapes, permissions, and sentences for what is wrong."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.api.downloads import through_store
from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.config import Settings
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.store.local import LocalStore
from support.memory import MemoryStore
from support.open_access import api_of, auth_off
from support.place import DAYS, NOW, SITE, Place

ASKED = {"site_id": SITE, "metrics": ["visitors"], "date_range": "7d"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Six pageviews on each of four days by three visitors, of four pages; in three of them from one country."""
    place = Place(LocalStore(tmp_path_factory.mktemp("table")))
    for number, day in enumerate(DAYS):
        place.write(day, *range(number * 10 + 1, number * 10 + 7), country_code="DE" if number else None)
    place.engine.site_settings.change(SITE, {"goals": [{"name": "Front", "page": "/1"}]}, NOW)
    yield place
    place.engine.close()


@pytest.fixture(scope="module")
def client(place: Place) -> TestClient:
    return client_of(place.engine, auth_off())


def client_of(engine: DuckDBEngine, auth: Any) -> TestClient:
    app = api_of(lambda: engine, NOW, [SITE], auth)
    return TestClient(app, raise_server_exceptions=False)


def ask(client: TestClient, **fields: Any) -> Any:
    answer = client.post("/api/v2/query", json={**ASKED, **fields})
    assert answer.status_code == 200, answer.json()
    return answer.json()


def test_query_response_has_rows_meta_and_the_query_filled_in(client: TestClient) -> None:
    assert ask(client, dimensions=["visit:country"], include={"total_rows": True}) == {
        "results": [
            {"metrics": [6], "dimensions": ["DE"]},
            {"metrics": [3], "dimensions": ["(not set)"]},
        ],
        "meta": {"total_rows": 2},
        "query": {
            "site_id": SITE,
            "metrics": ["visitors"],
            # It ends yesterday.
            "date_range": ["2026-03-03T00:00:00+00:00", "2026-03-09T23:59:59+00:00"],
            "filters": [],
            "dimensions": ["visit:country"],
            "order_by": [["visitors", "desc"]],
            "include": {"total_rows": True},
            "pagination": {"limit": 10_000, "offset": 0},
        },
    }


def test_query_without_dimensions_has_one_row_also_of_no_events(client: TestClient) -> None:
    metrics = ["visitors", "bounce_rate", "views_per_visit", "percentage", "total_revenue"]
    answer = ask(client, site_id="other.example", metrics=metrics)
    assert answer["results"] == [{"metrics": [0, 0, 0.0, 0.0, None], "dimensions": []}]


def test_query_lists_the_labels_of_all_buckets(client: TestClient) -> None:
    answer = ask(client, dimensions=["time:day"], include={"time_labels": True})
    assert answer["meta"]["time_labels"] == [f"2026-03-{day:02}" for day in range(3, 10)]
    assert [row["dimensions"] for row in answer["results"]] == [["2026-03-06"], ["2026-03-07"], ["2026-03-08"]]


def test_query_compares_with_an_earlier_range(client: TestClient) -> None:
    days = [DAYS[1].isoformat()] * 2
    (row,) = ask(client, date_range=days, include={"comparisons": {"mode": "previous_period"}})["results"]
    assert row == {
        "metrics": [3],
        "dimensions": [],
        "comparison": {"metrics": [3], "dimensions": [], "change": [0]},
    }


def test_query_by_goal_has_conversion_rates(client: TestClient) -> None:
    answer = ask(client, metrics=["visitors", "conversion_rate"], dimensions=["event:goal"], date_range="all")
    found = ask(client, filters=[["is", "event:goal", ["Front"]]], date_range="all")["results"][0]["metrics"][0]
    (row,) = answer["results"]
    assert row == {"metrics": [found, round(100 * found / 12, 2)], "dimensions": ["Front"]}


def test_query_response_has_an_etag_and_is_confirmed(client: TestClient) -> None:
    first = client.post("/api/v2/query", json=ASKED)
    again = client.post("/api/v2/query", json=ASKED, headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)


def test_explained_query_says_how_each_day_was_counted(place: Place, client: TestClient) -> None:
    place.build()
    filters = [["is", "visit:country", ["DE"]]]
    found = ask(client, dimensions=["visit:country"], explain=True)["meta"]["explain"]
    assert found["days"] == {"rollup": [day.isoformat() for day in DAYS[:3]]}
    assert (found["files"], found["sql"], found["pending_events"]) == (0, [], 0)
    found = ask(client, dimensions=["visit:country"], filters=filters, explain=True)["meta"]["explain"]
    assert found["days"] == {"visits": [day.isoformat() for day in DAYS[:3]]}
    assert found["files"] == 3
    assert found["bytes"] > 0
    assert "GROUP BY key_0" in found["sql"][0]
    assert found["memory_bytes"] > 0
    assert found["values"] == {"f0": "DE"}
    found = ask(client, dimensions=["event:props:plan"], filters=filters, explain=True)["meta"]["explain"]
    assert found["days"] == {"events": [day.isoformat() for day in DAYS[:3]]}
    assert found["files"] == 6
    place.delete_rollups()


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"metrics": []}, "metrics is []"),
    ({"metrics": ["visitor"]}, "metrics[0] is 'visitor', but must be one of visitors, visits"),
    ({"metrics": ["visits", "visits"]}, "metrics has visits more than once"),
    ({"metrics": "visitors"}, "metrics is 'visitors', but must be a list"),
    ({"date_range": "8d"}, "date_range is '8d', but must be one of day, 24h, 7d"),
    ({"date_range": ["2026-03-02", "2026-03-01"]}, "date_range ends on 2026-03-01, before its first day"),
    ({"date_range": ["2026-02-30", "2026-03-01"]}, "date_range has 2026-02-30, which is no date"),
    ({"date_range": ["1026-02-03", "2026-03-01"]}, "date_range must begin on 1970-01-01 or later"),
    ({"date_range": None}, "date_range is None"),
    ({"dimensions": ["visit:nation"]}, "dimensions[0] is 'visit:nation', but must be one of event:page"),
    ({"dimensions": ["time:day", "time:hour"]}, "dimensions has more than one dimension of time"),
    ({"dimensions": ["event:page", "event:page"]}, "dimensions has event:page more than once"),
    ({"dimensions": ["event:props:"]}, "dimensions[0] is 'event:props:'"),
    ({"filters": [["is", "visit:nation", ["x"]]]}, "filters[0][1] is 'visit:nation'"),
    ({"order_by": [["events", "desc"]]}, "order_by[0][0] is 'events', but must be one of the query's own"),
    ({"order_by": [["visitors"]]}, "order_by[0] is ['visitors']"),
    ({"pagination": {"limit": 0}}, "pagination.limit is 0, but must be a whole number from 1 to 10000"),
    ({"pagination": {"limit": True}}, "pagination.limit is True"),
    ({"pagination": {"offset": -1}}, "pagination.offset is -1"),
    ({"pagination": {"page": 1}}, "pagination has 'page', but may have limit, offset"),
    ({"include": {"labels": True}}, "include has 'labels', but may have time_labels"),
    ({"include": {"time_labels": True}}, "include.time_labels is true, but dimensions has no dimension of time"),
    ({"include": {"total_rows": 1}}, "include.total_rows is 1, but must be true or false"),
    ({"include": {"comparisons": {"mode": "before"}}}, "include.comparisons.mode is 'before'"),
    ({"include": {"comparisons": {"mode": "custom"}}}, "include.comparisons.date_range goes with the mode custom"),
    ({"explain": "yes"}, "explain is 'yes', but must be true or false"),
    ({"surprise": 1}, "'surprise' is no field of a query"),
    ({"metrics": ["bounce_rate"], "dimensions": ["event:goal"]}, "bounce_rate is of visits and cannot"),
    ({"metrics": ["views_per_visit"], "dimensions": ["event:page"]}, "views_per_visit cannot be queried with"),
    ({"metrics": ["conversion_rate"]}, "conversion_rate needs event:goal"),
    ({"metrics": ["group_conversion_rate"]}, "group_conversion_rate needs event:goal"),
    (
        {"metrics": ["conversion_rate"], "filters": [["has_done", ["is", "event:goal", ["Front"]]]]},
        "conversion_rate needs event:goal",
    ),
    ({"filters": None}, "filters is None, but must be a list"),
    ({"filters": [["is_not", "event:goal", ["Front"]]]}, "filters[0][0] is 'is_not', but must be is or contains"),
    (
        {"filters": [["matches", "event:page", ["/"], {"case_sensitive": False}]]},
        "filters[0][3] goes with is and contains",
    ),
    ({"filters": [["is", "event:page", [True]]]}, "filters[0][2][0] is True, but must be a text"),
    ({"filters": [["not", ["sequence", [["is", "event:page", ["/"]]]]]]}, "filters[0][1] holds a sequence"),
    ({"filters": [["sequence", [["is", "visit:country", ["DE"]]]]]}, "but sequence takes event dimensions only"),
    (
        {"filters": [["sequence", [["sequence", [["is", "event:page", ["/"]]]]]]]},
        "filters[0][1][0] asks for 'sequence', but sequence takes event dimensions only",
    ),
    ({"filters": [["sequence", []]]}, "filters[0][1] is [], but must be a list of at least one filter"),
    ({"filters": [["sequence", [["is", "event:page", ["/"]]] * 11]]}, "has 11 filters, but a sequence may have 10"),
    (
        {
            "metrics": ["scroll_depth"],
            "dimensions": ["event:page"],
            "filters": [["sequence", [["is", "event:page", ["/"]]]]],
        },
        "scroll_depth cannot be queried with a sequence",
    ),
    ({"include": {"compare": "previous_period", "comparisons": {"mode": "previous_period"}}}, "two names of one"),
    ({"metrics": ["scroll_depth"]}, "scroll_depth needs event:page as a dimension or in a filter"),
    (
        {"metrics": ["time_on_page"], "dimensions": ["event:page", "event:name"]},
        "time_on_page cannot be queried with event:name",
    ),
    ({"metrics": ["exit_rate"]}, "exit_rate needs visit:exit_page as the only dimension"),
    ({"site_id": None}, "site_id is None, but must be a site id"),
    ({"filters": [["is", "event:goal", ["Back"]]]}, "'Back' is no goal of this site; there are Front"),
    ({"dimensions": ["time:minute"], "date_range": "30d"}, "over 10,000 buckets of time:minute"),
    ({"dimensions": [f"event:props:{n}" for n in range(11)]}, "a list of at most 10 dimensions"),
]


@pytest.mark.parametrize(("fields", "sentence"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_query_is_refused_in_a_sentence(client: TestClient, fields: dict[str, Any], sentence: str) -> None:
    answer = client.post("/api/v2/query", json={**ASKED, **fields})
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


@pytest.mark.parametrize("body", ["[]", "1", '"a"', "null", "{}"])
def test_body_that_is_no_query_is_refused(client: TestClient, body: str) -> None:
    answer = client.post("/api/v2/query", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert set(answer.json()) == {"error"}


def test_long_body_is_refused(client: TestClient) -> None:
    answer = client.post("/api/v2/query", json={**ASKED, "filters": [["is", "event:page", ["/" * 2000] * 10]]})
    assert (answer.status_code, answer.json()) == (400, {"error": "The body is over 16 KB."})


def test_property_name_with_quotes_is_a_value_and_no_sql(client: TestClient) -> None:
    name = """event:props:it's "1"; DROP TABLE grouped; --"""
    assert ask(client, dimensions=[name])["results"] == [{"metrics": [9], "dimensions": ["(none)"]}]


@pytest.mark.parametrize("scope", ["ReadOnly", "Admin", "Ingest", None])
def test_query_takes_a_key_that_reads(place: Place, scope: str | None) -> None:
    auth = open_auth(
        Settings(admin_password="kettle-moss-17"),
        MemoryStore(),
        secret=b"s" * 32,
        setup=Setup(True, ""),
        now=lambda: NOW,
    )
    key = auth.keys.create("test", scope, NOW)[0] if scope else "mm_unknown"
    answer = client_of(place.engine, auth).post("/api/v2/query", json=ASKED, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == {"ReadOnly": 200, "Admin": 200, "Ingest": 403, None: 401}[scope]


def test_shared_link_of_a_part_of_the_numbers_narrows_queries(place: Place) -> None:
    auth = open_auth(
        Settings(admin_password="kettle-moss-17"),
        MemoryStore(),
        secret=b"s" * 32,
        setup=Setup(True, ""),
        now=lambda: NOW,
    )
    link = auth.links.create(SITE, "Germany", NOW, filters='[["is", "visit:country", ["DE"]]]')
    client = client_of(place.engine, auth)
    token = client.post(f"/api/share/{link.slug}", json={}).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer = client.post("/api/v2/query", json=ASKED, headers=headers).json()
    assert (answer["results"][0]["metrics"], answer["query"]["filters"]) == ([6], [])
    other = client.post("/api/v2/query", json={**ASKED, "site_id": "b.example"}, headers=headers)
    assert other.status_code in (401, 403)
    pattern = {**ASKED, "filters": [["matches", "event:page", ["a"]]]}
    assert "logs in" in client.post("/api/v2/query", json=pattern, headers=headers).json()["error"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_file_is_the_same_whole_and_in_pieces(place: Place, client: TestClient, form: str) -> None:
    """As the query function delivers it, and as ``mallard serve`` does."""
    body = {**ASKED, "dimensions": ["time:day"], "format": form}
    deliver = through_store(MemoryStore)
    app = api_of(lambda: place.engine, NOW, [SITE], deliver=deliver)
    whole, pieces = (each.post("/api/v2/query", json=body) for each in (TestClient(app), client))
    assert (whole.status_code, whole.content) == (200, pieces.content)
    for name in ("content-disposition", "content-type"):
        assert whole.headers[name] == pieces.headers[name]
