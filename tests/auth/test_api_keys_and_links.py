"""The routes of keys and shared links, over HTTP: who makes them, what they open, and when they end."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from mallard.store.ttl_cache import TTL_SECONDS
from support.auth_place import NOW, OTHER, Place, answered, log_in, sentence

# Keys


def test_a_key_is_made_shown_once_listed_and_revoked(owner: TestClient) -> None:
    made = answered(owner.post("/api/keys", json={"name": "a server", "scope": "ReadOnly"}), 201)
    assert set(made) == {"key", "key_hash", "name", "scope"}
    assert made["key"].startswith("mm_")
    (listed,) = answered(owner.get("/api/keys"))
    assert made["key"] not in str(listed)
    assert listed["key_hash"] == made["key_hash"]
    assert (listed["name"], listed["scope"], listed["revoked"]) == ("a server", "ReadOnly", False)
    assert listed["created_at"] == NOW.isoformat()
    assert (listed["sites"], listed["expires_at"], listed["last_used"]) == ([], None, None)
    assert answered(owner.delete(f"/api/keys/{made['key_hash']}")) == {"status": "revoked"}
    assert answered(owner.get("/api/keys"))[0]["revoked"] is True
    sentence(owner.delete(f"/api/keys/{'0' * 64}"), 404)


def test_key_may_be_limited_to_sites_and_a_time(owner: TestClient) -> None:
    wish = {"name": "a", "scope": "Ingest", "sites": ["Example.com"], "expires_at": "2026-03-31"}
    made = answered(owner.post("/api/keys", json=wish), 201)
    assert (made["sites"], made["expires_at"]) == (["example.com"], "2026-04-01T00:00:00+00:00")


@pytest.mark.parametrize(
    "wish",
    [
        {"name": "", "scope": "Admin"},
        {"name": "a", "scope": "Root"},
        {"name": "a"},
        {"name": "a", "scope": "Admin", "sites": ["a b"]},
        {"name": "a", "scope": "Admin", "expires_at": "2026-03-09"},
        {"name": "a", "scope": "Admin", "expires": "2026-03-31"},
    ],
)
def test_invalid_key_request_is_400(owner: TestClient, wish: dict[str, Any]) -> None:
    sentence(owner.post("/api/keys", json=wish), 400)
    assert answered(owner.get("/api/keys")) == []


@pytest.mark.parametrize(("scope", "expected"), [("Admin", 200), ("ReadOnly", 403), ("Ingest", 403)])
def test_keys_are_managed_with_admin_keys_and_no_others(
    place: Place, owner: TestClient, scope: str, expected: int
) -> None:
    text = answered(owner.post("/api/keys", json={"name": "a", "scope": scope}), 201)["key"]
    client = place.instance()
    for headers in ({"authorization": f"Bearer {text}"}, {"x-api-key": text}):
        assert client.get("/api/keys", headers=headers).status_code == expected
    sentence(client.get("/api/keys"), 401)
    sentence(client.get("/api/keys", headers={"x-api-key": "mm_" + "A" * 43}), 401)


def test_a_revoked_key_is_refused_everywhere_within_seconds(place: Place, owner: TestClient) -> None:
    made = answered(owner.post("/api/keys", json={"name": "a", "scope": "Admin"}), 201)
    elsewhere, key = place.instance(), {"x-api-key": made["key"]}
    answered(elsewhere.get("/api/keys", headers=key))
    answered(owner.delete(f"/api/keys/{made['key_hash']}"))
    sentence(owner.get("/api/keys", headers=key), 401)
    place.wait(TTL_SECONDS)
    sentence(elsewhere.get("/api/keys", headers=key), 401)


def test_cookie_without_same_origin_headers_changes_nothing(owner: TestClient) -> None:
    del owner.headers["sec-fetch-site"]
    sentence(owner.post("/api/keys", json={"name": "a", "scope": "Admin"}), 403)
    sentence(
        owner.post("/api/keys", json={"name": "a", "scope": "Admin"}, headers={"origin": "https://evil.example"}), 403
    )
    answered(
        owner.post("/api/keys", json={"name": "a", "scope": "Admin"}, headers={"origin": "http://localhost:8000"}), 201
    )


# Shared links


def test_shared_link_gives_read_access(place: Place, owner: TestClient) -> None:
    wish = {"site_id": "Example.com", "name": "board", "filters": '[["is","visit:country",["DE"]]]', "embeddable": True}
    link = answered(owner.post("/api/links", json=wish), 201)
    assert link == {
        **wish,
        "site_id": "example.com",
        "slug": link["slug"],
        "created_at": NOW.isoformat(),
        "has_password": False,
    }
    assert answered(owner.get("/api/links")) == answered(owner.get("/api/links?site_id=example.com")) == [link]
    assert answered(owner.get("/api/links?site_id=example.org")) == []
    visitor = place.instance()
    share = answered(visitor.post(f"/api/share/{link['slug']}", json={}))
    assert share == {**wish, "site_id": "example.com", "token": share["token"]}
    sentence(visitor.get("/api/keys", headers={"authorization": f"Bearer {share['token']}"}), 403)
    assert "set-cookie" not in visitor.post(f"/api/share/{link['slug']}", json={}).headers
    answered(owner.delete(f"/api/links/{link['slug']}"))
    place.wait(TTL_SECONDS)
    sentence(visitor.post(f"/api/share/{link['slug']}", json={}), 404)
    sentence(visitor.get("/api/keys", headers={"authorization": f"Bearer {share['token']}"}), 401)
    sentence(owner.delete(f"/api/links/{link['slug']}"), 404)


def test_shared_link_password_attempts_are_throttled(place: Place, owner: TestClient) -> None:
    link = answered(owner.post("/api/links", json={"site_id": "a.example", "name": "a", "password": OTHER}), 201)
    assert link["has_password"]
    visitor, path = place.instance(), f"/api/share/{link['slug']}"
    answered(visitor.post(path, json={"password": OTHER}))
    answers = [visitor.post(path, json={"password": "wrong"}) for _ in range(6)]
    assert [each.status_code for each in answers] == [401] * 5 + [429]
    assert answers[5].headers["retry-after"] == "300"
    answered(log_in(visitor))


@pytest.mark.parametrize(
    "wish",
    [
        {"site_id": "", "name": "a"},
        {"site_id": "a b", "name": "a"},
        {"site_id": "a.example", "name": ""},
        {"site_id": "a.example", "name": "a", "password": "short"},
        {"site_id": "a.example", "name": "a", "filters": "{}"},
        {"site_id": "a.example"},
    ],
)
def test_invalid_link_request_is_400(owner: TestClient, wish: dict[str, Any]) -> None:
    sentence(owner.post("/api/links", json=wish), 400)
    assert answered(owner.get("/api/links")) == []


def test_links_are_made_and_listed_by_the_owner_only(place: Place, owner: TestClient) -> None:
    visitor = place.instance()
    sentence(visitor.post("/api/links", json={"site_id": "a.example", "name": "a"}), 401)
    sentence(visitor.get("/api/links"), 401)
    sentence(visitor.delete("/api/links/" + "A" * 22), 401)
