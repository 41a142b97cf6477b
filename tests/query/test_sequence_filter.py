"""The filter ``sequence``: visits in which events come in an order, and the events after them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.store.local import LocalStore
from support.open_access import api_of
from support.place import DAYS, NOW, SITE, Place

DAY = DAYS[1].isoformat()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """Three visits of two pageviews each, a second apart: /1 to /0, /2 to /1, and /3 to /2."""
    place = Place(LocalStore(tmp_path_factory.mktemp("table")))
    place.write(DAYS[1], *range(1, 7))
    app = api_of(lambda: place.engine, NOW, [SITE])
    yield TestClient(app, raise_server_exceptions=False)
    place.engine.close()


def through(*pages: str) -> list[Any]:
    return ["sequence", [["is", "event:page", [page]] for page in pages]]


def ask(client: TestClient, filters: list[Any], **more: Any) -> list[Any]:
    body = {"site_id": SITE, "metrics": ["visitors", "visits", "pageviews", "bounce_rate"], "date_range": [DAY, DAY]}
    answer = client.post("/api/v2/query", json={**body, "filters": filters, **more}).json()
    return [[*row["dimensions"], *row["metrics"]] for row in answer["results"]]


def test_sequence_selects_visits_also_where_no_event_follows(client: TestClient) -> None:
    assert ask(client, [through("/1")]) == [[2, 2, 1, 0]]
    assert ask(client, [through("/1", "/0")]) == [[1, 1, 0, 0]]
    assert ask(client, [through("/0", "/1")]) == [[0, 0, 0, 0]]
    assert ask(client, [through("/1", "/1")]) == [[0, 0, 0, 0]]


def test_sequence_counts_the_events_after_it_by_dimensions_of_events(client: TestClient) -> None:
    assert ask(client, [through("/1")], dimensions=["event:page"], metrics=["visitors"]) == [["/0", 1]]
    assert ask(client, [through("/1")], dimensions=["visit:entry_page"], metrics=["visitors"]) == [["/1", 1], ["/2", 1]]
    assert ask(client, [through("/1"), ["is", "event:page", ["/0"]]]) == [[1, 1, 1, 0]]
    assert ask(client, [through("/1"), ["is", "event:page", ["/2"]]]) == [[0, 0, 0, 0]]


def test_sequence_in_a_part_of_a_day_is_that_of_the_whole_visit(client: TestClient) -> None:
    until_five = [f"{DAY}T12:00:02Z", f"{DAY}T12:00:05Z"]
    assert ask(client, [through("/1", "/0")], date_range=until_five) == [[1, 1, 0, 0]]
    until_three = [f"{DAY}T12:00:00Z", f"{DAY}T12:00:03Z"]
    assert ask(client, [through("/1", "/0")], date_range=until_three) == [[0, 0, 0, 0]]


def test_reports_take_a_sequence(client: TestClient) -> None:
    given = {
        "site_id": SITE,
        "start_date": DAY,
        "end_date": DAYS[2].isoformat(),
        "filters": json.dumps([through("/1")]),
    }
    main = client.get("/api/stats/main", params=given).json()
    assert (main["unique_visitors"], main["visits"], main["total_pageviews"]) == (2, 2, 1)
    pages = client.get("/api/stats/breakdown/pages", params=given).json()
    assert [each["value"] for each in pages] == ["/0"]
    # Funnels see the events after it.
    funnel = client.get("/api/stats/funnel", params={**given, "steps": "page:/0"}).json()
    assert funnel[0]["visitors"] == 1
