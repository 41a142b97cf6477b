"""Segments: saved filters of a site, and queries and reports that name them."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.config import Settings
from mallard.errors import SettingsError
from mallard.sites.segments import MAX_SEGMENTS, SegmentStore
from mallard.store.local import LocalStore
from support.memory import MemoryStore
from support.open_access import api_of, auth_off
from support.place import DAYS, NOW, SITE, Place

GERMANY = [["is", "visit:country", ["DE"]]]
FRONT = [["is", "event:page", ["/1"]]]
ADDRESS = f"/api/sites/{SITE}/segments"


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place(LocalStore(tmp_path_factory.mktemp("table")))
    for number, day in enumerate(DAYS):
        place.write(day, *range(number * 10 + 1, number * 10 + 7), country_code="DE" if number else None)
    yield place
    place.engine.close()


def client_of(place: Place, auth: Any) -> TestClient:
    app = api_of(lambda: place.engine, NOW, [SITE], auth)
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(place: Place) -> TestClient:
    return client_of(place, auth_off())


def ask(client: TestClient, filters: list[Any], **more: Any) -> Any:
    body = {"site_id": SITE, "metrics": ["visitors", "events"], "date_range": "7d", "filters": filters}
    return client.post("/api/v2/query", json=body, **more).json()


def test_segments_are_created_changed_listed_and_deleted(client: TestClient) -> None:
    made = client.post(ADDRESS, json={"name": " Germany ", "filters": GERMANY})
    moment = "2026-03-10T15:30:00+00:00"
    segment = {"id": 1, "name": "Germany", "filters": GERMANY, "created_at": moment, "updated_at": moment}
    assert (made.status_code, made.json()) == (201, segment)
    assert client.put(f"{ADDRESS}/1", json={"name": "Front", "filters": FRONT}).json() == {
        **segment,
        "name": "Front",
        "filters": FRONT,
    }
    assert [each["name"] for each in client.get(ADDRESS).json()] == ["Front"]
    assert client.get("/api/sites/other.example/segments").json() == []
    assert client.delete(f"{ADDRESS}/1").json() == {"deleted": True}
    assert client.delete(f"{ADDRESS}/1").status_code == 404
    assert client.post(ADDRESS, json={"name": "Again", "filters": FRONT}).json()["id"] == 2


def test_query_by_a_segment_is_that_of_its_filters(client: TestClient) -> None:
    for filters in (GERMANY, FRONT):
        client.post(ADDRESS, json={"name": "a", "filters": filters})
    written = {1: GERMANY, 2: FRONT}
    for ids, same in (
        ([1], GERMANY),
        (["2"], FRONT),
        ([1, 2], [["or", [["and", written[1]], ["and", written[2]]]]]),
    ):
        found = ask(client, [["is", "segment", ids]])
        assert found["results"] == ask(client, same)["results"]
        assert found["query"]["filters"] == same
    found = ask(client, [["not", ["is", "segment", [1]]], *FRONT])
    assert found["results"] == ask(client, [["not", GERMANY[0]], *FRONT])["results"]
    done = ask(client, [["has_done", ["is", "segment", [2]]]])
    assert done["query"]["filters"] == [["has_done", ["and", FRONT]]]
    assert done["results"] == ask(client, [["has_done", FRONT[0]]])["results"]
    given = {"site_id": SITE, "period": "7d", "filters": json.dumps([["is", "segment", [1]]])}
    other = {**given, "filters": json.dumps(GERMANY)}
    assert client.get("/api/stats/main", params=given).json() == client.get("/api/stats/main", params=other).json()


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        ([["is", "segment", [7]]], "filters[0][2][0] is 7, but must be the id of a segment of this site."),
        ([["is", "segment", ["a"]]], "filters[0][2][0] is 'a', but must be the id of a segment"),
        ([["is_not", "segment", [1]]], 'must be ["is", "segment", [an id, …]]'),
        ([["is", "segment", []]], 'must be ["is", "segment", [an id, …]]'),
        ([["is", "segment", [1] * 11]], "filters may name 10 segments"),
    ],
)
def test_wrong_segment_is_refused_in_a_sentence(client: TestClient, filters: list[Any], sentence: str) -> None:
    client.post(ADDRESS, json={"name": "a", "filters": GERMANY})
    assert sentence in ask(client, filters)["error"]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"name": " ", "filters": GERMANY}, "name is ' ', but must be 1 to 100 printable characters."),
        ({"name": "a" * 101, "filters": GERMANY}, "but must be 1 to 100 printable characters"),
        ({"name": "a", "filters": []}, "filters is [], but must be a list of at least one filter."),
        ({"name": "a", "filters": [["is", "visit:nation", ["x"]]]}, "filters[0][1] is 'visit:nation'"),
        ({"name": "a", "filters": [["is", "segment", [1]]]}, "filters[0] is a segment, which cannot stand here"),
        ({"name": "a", "filters": [["is", "event:page", ["/" * 2000] * 3]]}, "filters has over 4,000 characters"),
    ],
)
def test_wrong_segment_is_not_saved(client: TestClient, given: Any, sentence: str) -> None:
    answer = client.post(ADDRESS, json=given)
    assert (answer.status_code, client.get(ADDRESS).json()) == (400, [])
    assert sentence in answer.json()["error"]


def test_site_has_a_bounded_number_of_segments() -> None:
    segments = SegmentStore(MemoryStore())
    for _ in range(MAX_SEGMENTS):
        segments.create(SITE, "a", GERMANY, NOW)
    with pytest.raises(SettingsError, match="The site has 100 segments"):
        segments.create(SITE, "a", GERMANY, NOW)
    assert segments.create("b.example", "a", GERMANY, NOW).id == 1


def test_shared_link_narrows_segments_and_hides_their_filters(place: Place) -> None:
    auth = open_auth(
        Settings(admin_password="kettle-moss-17"),
        MemoryStore(),
        secret=b"s" * 32,
        setup=Setup(True, ""),
        now=lambda: NOW,
    )
    place.engine.segments.create(SITE, "front", FRONT, NOW)
    place.engine.segments.create(SITE, "pattern", [["matches", "event:page", ["1"]]], NOW)
    link = auth.links.create(SITE, "Germany", NOW, filters=json.dumps(GERMANY))
    client = client_of(place, auth)
    token = client.post(f"/api/share/{link.slug}", json={}).json()["token"]
    shared: Any = {"headers": {"Authorization": f"Bearer {token}"}}
    found = ask(client, [["is", "segment", [1]]], **shared)
    assert found["query"]["filters"] == [["is", "segment", [1]]]
    assert found["results"] == ask(client_of(place, auth_off()), [*GERMANY, *FRONT])["results"]
    assert "logs in" in ask(client, [["is", "segment", [2]]], **shared)["error"]
    assert client.get(ADDRESS, **shared).status_code in (401, 403)
