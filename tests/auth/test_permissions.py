"""Who comes to the numbers and the settings, over the real routes."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.config import Settings
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.erasure import Erasure
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.local import LocalStore
from support.auth import quick_hashing
from support.open_access import one_address

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
GOOD = "kettle-moss-17"
MAIN, SITES = "/api/stats/main?site_id=a.example", "/api/sites"
QUERY = {"site_id": "a.example", "metrics": ["visitors"], "date_range": "7d"}
OWN_PAGE = {"sec-fetch-site": "same-origin"}


class Place:
    """The routes of numbers and settings behind the authentication, and a client of theirs."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        store = LocalStore(folder)
        self.site_settings = SiteSettingsStore(store, ttl_seconds=0)
        self.auth = open_auth(
            Settings(**{"admin_password": GOOD, **settings}),
            store,
            secret=b"s" * 32,
            setup=Setup(True, ""),
            hashing=quick_hashing(),
            now=lambda: NOW,
        )
        self.engine = DuckDBEngine(
            store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1, site_settings=self.site_settings
        )
        app = create_app(
            engine=lambda: self.engine,
            sites=lambda: ["a.example", "b.example"],
            clock=lambda: NOW,
            erase=erased,
            auth=self.auth,
            address_of=one_address,
        )
        self.client = TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False)

    def statuses(self, headers: dict[str, str]) -> dict[str, int]:
        """What each kind of request is answered."""
        ask = self.client.request
        zones = {"timezone": "UTC"}
        erase = "/api/gdpr/erase?site_id=a.example&start_date=2026-03-01&end_date=2026-03-02"
        answers = {
            "numbers": ask("GET", MAIN, headers=headers),
            "other numbers": ask("GET", "/api/stats/main?site_id=b.example", headers=headers),
            "query": ask("POST", "/api/v2/query", json=QUERY, headers=headers),
            "list": ask("GET", SITES, headers=headers),
            "settings": ask("GET", f"{SITES}/a.example", headers=headers),
            "set": ask("PUT", f"{SITES}/a.example", json=zones, headers=headers),
            "set other": ask("PUT", f"{SITES}/b.example", json=zones, headers=headers),
            "erase": ask("DELETE", erase, headers=headers),
        }
        for answer in answers.values():
            assert answer.status_code == 200 or set(answer.json()) == {"error"}
        return {what: answer.status_code for what, answer in answers.items()}


def erased(site_id: str, first: date, last: date) -> Erasure:
    return Erasure(site_id, first, last, 0, first, done=True)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.engine.close()


def key(place: Place, scope: str, *sites: str) -> dict[str, str]:
    return {"x-api-key": place.auth.keys.create("a", scope, NOW, sites)[0]}


ALL = ("numbers", "other numbers", "query", "list", "settings", "set", "set other", "erase")
READS, WRITES = ALL[:4], ALL[4:]


def test_the_owner_and_an_admin_key_may_do_everything(place: Place) -> None:
    token = place.auth.sessions.begin(NOW)
    for headers in (
        {"cookie": f"mm_session={token}", **OWN_PAGE},
        {"authorization": f"Bearer {token}"},
        key(place, "Admin"),
    ):
        assert place.statuses(headers) == dict.fromkeys(ALL, 200)


def test_read_only_key_cannot_change_anything(place: Place) -> None:
    assert place.statuses(key(place, "ReadOnly")) == dict.fromkeys(READS, 200) | dict.fromkeys(WRITES, 403)


def test_key_of_one_site_is_refused_for_other_sites(place: Place) -> None:
    expected = dict.fromkeys(READS, 200) | dict.fromkeys(WRITES, 403) | {"other numbers": 403}
    assert place.statuses(key(place, "ReadOnly", "a.example")) == expected
    expected = dict.fromkeys(ALL, 200) | {"other numbers": 403, "set other": 403}
    assert place.statuses(key(place, "Admin", "a.example")) == expected


def test_ingest_key_cannot_read_statistics(place: Place) -> None:
    assert place.statuses(key(place, "Ingest")) == dict.fromkeys(ALL, 403)


def test_reports_need_valid_credentials(place: Place) -> None:
    assert place.statuses({}) == dict.fromkeys(ALL, 401)
    assert place.statuses({"x-api-key": "mm_" + "A" * 43}) == dict.fromkeys(ALL, 401)
    assert place.client.get(MAIN).headers["www-authenticate"] == "Bearer"


def test_unknown_site_costs_no_settings_read_and_no_cache_entry(place: Place) -> None:
    place.site_settings.change("a.example", {"public": True}, NOW)
    assert place.client.get("/api/stats/main?site_id=a.example").status_code == 200
    read: list[str] = []
    store = place.site_settings._store
    real = type(store).get

    def noted(given: Any, key: str) -> Any:
        read.append(key)
        return real(given, key)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(type(store), "get", noted)
        for number in range(10):
            assert place.client.get(f"/api/stats/main?site_id={number}.other.example").status_code == 401
    assert [key for key in read if key.startswith("config/sites/")] == []
    assert not place.site_settings.holds("1.other.example")


def test_public_site_opens_its_statistics_and_nothing_else(place: Place) -> None:
    place.site_settings.change("a.example", {"public": True}, NOW)
    expected = dict.fromkeys(ALL, 401) | {"numbers": 200, "query": 200}
    assert place.statuses({}) == expected
    place.site_settings.change("a.example", {"public": False}, NOW)
    assert place.statuses({}) == dict.fromkeys(ALL, 401)


def test_a_shared_link_shows_one_site(place: Place) -> None:
    link = place.auth.links.create("a.example", "a", NOW)
    headers = {"authorization": f"Bearer {place.auth.authenticator.let_in(link, NOW)}"}
    expected = dict.fromkeys(READS, 200) | dict.fromkeys(WRITES, 403) | {"other numbers": 403}
    assert place.statuses(headers) == expected
    place.auth.links.revoke(link.slug)
    assert place.statuses(headers) == dict.fromkeys(ALL, 401)


def test_shared_link_with_a_filter_is_refused_for_unfiltered_routes(place: Place) -> None:
    link = place.auth.links.create("a.example", "a", NOW, filters='[["is","visit:country",["DE"]]]')
    headers = {"authorization": f"Bearer {place.auth.authenticator.let_in(link, NOW)}"}
    assert place.client.get(MAIN, headers=headers).status_code == 200
    answer = place.client.get("/api/stats/rejected?site_id=a.example", headers=headers)
    assert answer.status_code == 403
    assert "narrowed" in answer.json()["error"]


def test_cross_site_request_with_the_session_cookie_changes_nothing(place: Place) -> None:
    cookie = {"cookie": f"mm_session={place.auth.sessions.begin(NOW)}"}
    for page in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {}):
        found = place.statuses({**cookie, **page})
        assert {what for what, status in found.items() if status == 403} == {"query", "set", "set other", "erase"}


def test_every_route_is_401_until_a_password_is_set(tmp_path: Path) -> None:
    place = Place(tmp_path, admin_password="")
    assert place.statuses({}) == place.statuses(key(place, "Admin")) == dict.fromkeys(ALL, 401)
    assert "No password is set yet" in place.client.get(MAIN).json()["error"]
    place.engine.close()


def test_every_route_is_open_without_auth_except_to_pages_of_other_sites(tmp_path: Path) -> None:
    place = Place(tmp_path, auth="off", admin_password="")
    assert place.statuses({}) == dict.fromkeys(ALL, 200)
    found = place.statuses({"origin": "https://evil.example"})
    assert {what for what, status in found.items() if status == 403} == {"query", "set", "set other", "erase"}
    place.engine.close()


def test_wrong_site_id_is_400_with_valid_credentials(place: Place) -> None:
    headers = key(place, "ReadOnly")
    assert place.client.get("/api/stats/main?site_id=a%20b", headers=headers).status_code == 400
    assert place.client.get("/api/stats/main", headers=headers).status_code == 400
    assert place.client.get("/api/stats/main").status_code == 401
