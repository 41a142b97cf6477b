"""The routes of who gets in, over HTTP: shapes, refusals, cookies, and several instances over one store."""

from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from mallard.auth.password_hashing import AT_ONCE, PasswordHashing
from mallard.errors import ConfigError
from mallard.store.ttl_cache import TTL_SECONDS
from support.auth_place import DASHBOARD, GOOD, OTHER, OWN_PAGE, Place, answered, log_in, sentence, status
from support.faults import Fault, FaultyStore
from support.memory import MemoryStore

# The first visit


def test_setup_sets_the_password_and_logs_in(place: Place) -> None:
    client = place.instance()
    assert status(client) == (True, False)
    found = answered(client.post("/api/auth/setup", json={"password": GOOD}))
    assert list(found) == ["token"]
    assert client.cookies["mm_session"] == found["token"]
    assert status(client) == (False, True)
    assert status(place.instance()) == (False, False)


def test_second_setup_is_409_and_changes_nothing(place: Place) -> None:
    answered(place.instance().post("/api/auth/setup", json={"password": GOOD}))
    assert "set already" in sentence(place.instance().post("/api/auth/setup", json={"password": OTHER}), 409)
    answered(log_in(place.instance()))
    sentence(log_in(place.instance(), OTHER), 401)


def test_setup_that_loses_a_race_is_409(place: Place) -> None:
    first, second = place.instance(), place.instance()
    place.store.before_write.append(lambda: answered(second.post("/api/auth/setup", json={"password": OTHER})))
    assert "same moment" in sentence(first.post("/api/auth/setup", json={"password": GOOD}), 409)
    answered(log_in(first, OTHER))


@pytest.mark.parametrize("password", ["", "short", "password1", "12345678", "x" * 1001])
def test_a_weak_password_is_400(place: Place, password: str) -> None:
    client = place.instance()
    sentence(client.post("/api/auth/setup", json={"password": password}), 400)
    assert status(client) == (True, False)


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"no JSON", b"[]", b'{"password": 7}', b'{"password": "kettle-moss-17", "role": "x"}']
)
@pytest.mark.parametrize("path", ["/api/auth/setup", "/api/auth/login"])
def test_auth_body_of_a_wrong_shape_is_400_with_one_sentence(place: Place, path: str, body: bytes) -> None:
    answer = place.instance().post(path, content=body, headers={"content-type": "application/json"})
    assert GOOD not in sentence(answer, 400)


def test_setup_from_a_page_of_another_site_is_refused(place: Place) -> None:
    body = b'{"password": "kettle-moss-17"}'
    client = place.instance()
    plain = {"content-type": "text/plain", "origin": "https://evil.example"}
    sentence(client.post("/api/auth/setup", content=body, headers=plain), 415)
    foreign = {"content-type": "application/json", "sec-fetch-site": "cross-site"}
    sentence(client.post("/api/auth/setup", content=body, headers=foreign), 403)
    assert status(client) == (True, False)


def test_setup_from_elsewhere_needs_the_printed_token() -> None:
    place = Place(on_loopback=False, token="printed")
    client = place.instance("https://stats.example.com")
    assert "token" in sentence(client.post("/api/auth/setup", json={"password": GOOD}), 403)
    sentence(client.post("/api/auth/setup", json={"password": GOOD, "token": "guessed"}), 403)
    answered(client.post("/api/auth/setup", json={"password": GOOD, "token": "printed"}))
    assert status(client) == (False, True)


@pytest.mark.parametrize("headers", [{"host": "evil.example"}, {"x-forwarded-for": "198.51.100.9"}])
def test_setup_needs_the_token_for_a_rebound_name_or_a_proxy(place: Place, headers: dict[str, str]) -> None:
    sentence(place.instance().post("/api/auth/setup", json={"password": GOOD}, headers=headers), 403)


def test_login_is_refused_when_no_password_is_set(place: Place) -> None:
    assert "No password is set yet" in sentence(log_in(place.instance()), 401)


# Configured


def test_configured_password_needs_no_setup_and_cannot_be_changed_over_http() -> None:
    client = Place(admin_password=GOOD).instance()
    assert status(client) == (False, False)
    sentence(client.post("/api/auth/setup", json={"password": OTHER}), 409)
    sentence(log_in(client, OTHER), 401)
    answered(log_in(client))
    answer = client.post("/api/auth/password", json={"current": GOOD, "new": OTHER}, headers=OWN_PAGE)
    assert "MALLARD_ADMIN_PASSWORD" in sentence(answer, 409)


def test_configured_common_password_stops_the_start() -> None:
    with pytest.raises(ConfigError, match=r"^MALLARD_ADMIN_PASSWORD: .*most common") as refused:
        Place(admin_password="letmein123").instance()
    assert "letmein123" not in str(refused.value)


def test_sessions_end_when_the_configured_password_changes() -> None:
    store = FaultyStore(MemoryStore())
    token = answered(log_in(Place(store, admin_password=GOOD).instance()))["token"]
    bearer = {"authorization": f"Bearer {token}"}
    assert answered(Place(store, admin_password=GOOD).instance().get("/api/auth/status", headers=bearer))[
        "authenticated"
    ]
    later = Place(store, admin_password=OTHER).instance().get("/api/auth/status", headers=bearer)
    assert not answered(later)["authenticated"]


def test_login_and_setup_are_409_when_auth_is_off() -> None:
    client = Place(auth="off").instance()
    assert status(client) == (False, True)
    assert answered(client.get("/api/auth/status"))["open"] is True
    sentence(log_in(client), 409)
    sentence(client.post("/api/auth/setup", json={"password": GOOD}), 409)
    answered(client.get("/api/keys"))
    sentence(
        client.post("/api/keys", json={"name": "a", "scope": "Admin"}, headers={"origin": "https://evil.example"}), 403
    )


@pytest.mark.parametrize(("auth", "warnings"), [("off", 1), ("on", 0)])
def test_start_without_auth_logs_a_warning(caplog: pytest.LogCaptureFixture, auth: str, warnings: int) -> None:
    Place(auth=auth).instance()
    assert len([each for each in caplog.records if "MALLARD_AUTH=off" in each.message]) == warnings


# Sessions


def cookie_of(answer: httpx2.Response) -> set[str]:
    name, *attributes = answer.headers["set-cookie"].split("; ")
    return {name.partition("=")[0], *(each.lower() for each in attributes)}


def test_session_cookie_is_same_site_and_http_only(owner: TestClient) -> None:
    found = cookie_of(log_in(owner))
    assert found == {"mm_session", "httponly", "max-age=86400", "path=/", "samesite=strict"}


@pytest.mark.parametrize(
    ("word", "headers", "is_secure"),
    [
        ("auto", {}, False),
        ("auto", {"x-forwarded-proto": "https"}, True),
        ("auto", {"x-forwarded-proto": "http"}, False),
        ("true", {}, True),
        ("false", {"x-forwarded-proto": "https"}, False),
    ],
)
def test_session_cookie_is_secure_over_https_or_as_configured(
    word: str, headers: dict[str, str], is_secure: bool
) -> None:
    client = Place(admin_password=GOOD, secure_cookies=word).instance()
    client.headers.update(headers)
    assert ("secure" in cookie_of(log_in(client))) is is_secure
    client.headers.update(OWN_PAGE)
    assert ("secure" in cookie_of(client.post("/api/auth/logout"))) is is_secure


def test_session_cookie_is_secure_when_the_server_speaks_tls_itself() -> None:
    assert "secure" in cookie_of(log_in(Place(admin_password=GOOD).instance("https://localhost:8000")))


def test_the_cookie_over_tls_is_bound_to_its_host() -> None:
    place = Place(admin_password=GOOD)
    client = place.instance("https://localhost:8000")
    token = answered(log_in(client))["token"]
    assert client.cookies["__Host-mm_session"] == token
    assert "mm_session" not in client.cookies
    # A neighbour under one domain can set the plain name only, and what it sets logs nobody out.
    neighbour = {"cookie": f"mm_session=theirs; mm_session=x; __Host-mm_session={token}"}
    assert answered(place.instance("https://localhost:8000").get("/api/auth/status", headers=neighbour))[
        "authenticated"
    ]
    dropped = client.post("/api/auth/logout", headers=OWN_PAGE).headers.get_list("set-cookie")
    assert [each.partition("=")[0] for each in dropped] == ["__Host-mm_session", "mm_session"]


def test_session_is_found_behind_another_cookie_of_its_name(place: Place, owner: TestClient) -> None:
    cookies = {"cookie": f"mm_session=theirs; mm_session={owner.cookies['mm_session']}"}
    assert answered(place.instance().get("/api/auth/status", headers=cookies))["authenticated"]


def test_a_session_holds_as_long_as_is_set_on_every_instance() -> None:
    place = Place(admin_password=GOOD, session_ttl=60)
    bearer = {"authorization": f"Bearer {answered(log_in(place.instance()))['token']}"}
    elsewhere = place.instance()
    place.wait(59)
    assert answered(elsewhere.get("/api/keys", headers=bearer)) == []
    place.wait(1)
    sentence(elsewhere.get("/api/keys", headers=bearer), 401)


def test_logging_out_ends_the_session_everywhere_within_seconds(place: Place, owner: TestClient) -> None:
    token = owner.cookies["mm_session"]
    elsewhere, bearer = place.instance(), {"authorization": f"Bearer {token}"}
    answered(elsewhere.get("/api/keys", headers=bearer))
    answer = owner.post("/api/auth/logout")
    answered(answer)
    assert "max-age=0" in cookie_of(answer)
    assert "mm_session" not in owner.cookies
    sentence(owner.get("/api/keys", headers=bearer), 401)
    place.wait(TTL_SECONDS)
    sentence(elsewhere.get("/api/keys", headers=bearer), 401)


def test_logout_of_all_needs_a_session(place: Place, owner: TestClient) -> None:
    answered(place.instance().post("/api/auth/logout"))
    foreign = {"cookie": f"mm_session={owner.cookies['mm_session']}", "sec-fetch-site": "cross-site"}
    sentence(place.instance().post("/api/auth/logout", headers=foreign), 403)
    place.wait(TTL_SECONDS)
    assert status(owner) == (False, True)


def test_a_login_from_a_page_of_another_site_is_refused(place: Place, owner: TestClient) -> None:
    answer = place.instance().post(
        "/api/auth/login", json={"password": GOOD}, headers={"origin": "https://evil.example"}
    )
    sentence(answer, 403)
    assert "set-cookie" not in answer.headers


def test_password_change_ends_all_sessions_and_starts_a_new_one(place: Place, owner: TestClient) -> None:
    other = place.instance()
    bearer = {"authorization": f"Bearer {answered(log_in(other))['token']}"}
    answered(other.get("/api/keys", headers=bearer))
    answered(owner.post("/api/auth/password", json={"current": GOOD, "new": OTHER}))
    assert status(owner) == (False, True)
    place.wait(TTL_SECONDS)
    sentence(other.get("/api/keys", headers=bearer), 401)
    sentence(log_in(other), 401)
    answered(log_in(other, OTHER))


def test_password_change_needs_a_session_and_the_current_password(place: Place, owner: TestClient) -> None:
    change = {"current": GOOD, "new": OTHER}
    sentence(place.instance().post("/api/auth/password", json=change), 401)
    sentence(owner.post("/api/auth/password", json={**change, "current": OTHER}), 403)
    sentence(owner.post("/api/auth/password", json={**change, "new": "short"}), 400)
    sentence(owner.post("/api/auth/password", json=change, headers={"sec-fetch-site": "cross-site"}), 403)
    answered(log_in(place.instance()))


@pytest.mark.parametrize("path", ["/auth", "/api/auth"])
def test_seed_routes_are_served_in_both_spellings(path: str) -> None:
    client = Place().instance()
    answered(client.post(f"{path}/setup", json={"password": GOOD}))
    answered(client.post(f"{path}/login", json={"password": GOOD}))
    assert answered(client.get(f"{path}/status")) == {
        "setup_required": False,
        "authenticated": True,
        "open": False,
    }
    answered(client.post(f"{path}/logout", headers=OWN_PAGE))


def test_auth_responses_are_not_cacheable(owner: TestClient) -> None:
    for answer in (owner.get("/api/auth/status"), log_in(owner), log_in(owner, "wrong"), owner.get("/api/keys")):
        assert answer.headers["cache-control"] == "no-store"


# Guessing


def test_login_with_the_right_password_is_throttled_after_failures(place: Place, owner: TestClient) -> None:
    answers = [log_in(place.instance(), f"wrong-{number}") for number in range(7)]
    assert [each.status_code for each in answers] == [401] * 5 + [429] * 2
    assert answers[5].headers["retry-after"] == "300"
    sentence(answers[5], 429)
    sentence(log_in(place.instance()), 429)
    place.wait(299)
    assert log_in(place.instance()).headers["retry-after"] == "1"
    place.wait(1)
    answered(log_in(place.instance()))


def test_owner_can_log_in_from_another_address_during_guessing(place: Place, owner: TestClient) -> None:
    for number in range(9):
        log_in(place.instance(), f"wrong-{number}")
    place.address = "198.51.100.9"
    answered(log_in(place.instance()))
    assert status(owner) == (False, True)


def test_login_limits_are_settings() -> None:
    place = Place(admin_password=GOOD, max_login_attempts=2, login_lockout=10)
    assert [log_in(place.instance(), "wrong").status_code for _ in range(3)] == [401, 401, 429]
    place.wait(10)
    answered(log_in(place.instance()))


def test_password_change_attempts_are_throttled(place: Place, owner: TestClient) -> None:
    change = {"current": "wrong", "new": OTHER}
    answers = [owner.post("/api/auth/password", json=change).status_code for _ in range(6)]
    assert answers == [403] * 5 + [429]
    sentence(log_in(owner), 429)


def test_login_hashes_as_often_for_right_and_wrong_passwords(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[bool] = []
    client = place.instance()
    answered(client.post("/api/auth/setup", json={"password": GOOD}))
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, *given: Any) -> bool:
        counted.append(True)
        return verify(self, *given)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    answered(log_in(client))
    sentence(log_in(client, "wrong"), 401)
    assert len(counted) == 2


def test_login_is_refused_when_attempts_cannot_be_stored(place: Place, owner: TestClient) -> None:
    place.store.faults.append(Fault.UNAVAILABLE)
    sentence(log_in(owner), 503)


def test_login_is_not_counted_when_the_server_is_too_busy_to_hash(place: Place, owner: TestClient) -> None:
    hashing = PasswordHashing(wait_seconds=0)
    for _ in range(AT_ONCE):
        hashing._places.acquire()
    client = place.instance(hashing=hashing)
    for _ in range(7):
        assert "Too many passwords" in sentence(log_in(client), 503)
    for _ in range(AT_ONCE):
        hashing._places.release()
    answered(log_in(client))


# A dashboard on another site


def test_cors_allows_the_dashboard_origin_with_a_token_only(place: Place, owner: TestClient) -> None:
    client = place.instance()
    wanted = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}
    allowed = client.options("/api/keys", headers={**wanted, "origin": DASHBOARD})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == DASHBOARD
    assert "access-control-allow-credentials" not in allowed.headers
    page = {"origin": DASHBOARD, "sec-fetch-site": "cross-site"}
    login = client.post("/api/auth/login", json={"password": GOOD}, headers=page)
    bearer = {"authorization": f"Bearer {answered(login)['token']}"}
    assert login.headers["access-control-allow-origin"] == DASHBOARD
    answered(client.post("/api/keys", json={"name": "a", "scope": "Admin"}, headers={**page, **bearer}), 201)
    refused = client.options("/api/keys", headers={**wanted, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in refused.headers
    read = client.get("/api/keys", headers={"origin": "https://evil.example", **bearer})
    assert "access-control-allow-origin" not in read.headers


def test_cors_headers_are_absent_without_a_dashboard_origin() -> None:
    client = Place(admin_password=GOOD, dashboard_origin="").instance()
    assert "access-control-allow-origin" not in client.get("/api/auth/status", headers={"origin": DASHBOARD}).headers


def test_every_route_is_described_with_its_refusals(place: Place) -> None:
    paths = place.instance().get("/openapi.json").json()["paths"]
    ours = {
        path: operations
        for path, operations in paths.items()
        if path.split("/")[2] in ("auth", "keys", "links", "share")
    }
    assert len(ours) == 10
    for path, operations in ours.items():
        for method, operation in operations.items():
            assert operation["description"], f"{method} {path}"
            assert {"401", "403"} <= set(operation["responses"])


# Bodies

LONG = "x" * (9 * 1024)


@pytest.mark.parametrize(
    "path", ["/api/auth/login", "/auth/login", "/api/auth/setup", "/api/auth/password", "/api/keys", "/api/share/abc"]
)
@pytest.mark.parametrize("headers", [{}, {"authorization": "Bearer mm_wrong"}, {"cookie": "mm_session=wrong"}])
def test_anonymous_body_is_limited_to_8_kb(path: str, headers: dict[str, str], place: Place) -> None:
    client = place.instance()
    assert "8 KB" in sentence(client.post(path, json={"password": LONG}, headers=headers), 413)
    answered(client.post("/api/auth/setup", json={"password": GOOD}))
    client.cookies.clear()
    assert "8 KB" in sentence(client.post(path, json={"password": LONG}, headers=headers), 413)
    assert client.post(path, json={"password": LONG[:7000]}, headers=headers).status_code != 413


def test_the_owner_s_body_and_a_key_s_may_be_longer(owner: TestClient, place: Place) -> None:
    key = answered(owner.post("/api/keys", json={"name": "mine", "scope": "Admin"}), 201)["key"]
    assert owner.post("/api/keys", json={"name": LONG, "scope": "Admin"}).status_code == 400
    other = place.instance()
    bearer = {"authorization": f"Bearer {key}"}
    assert other.post("/api/keys", json={"name": LONG, "scope": "Admin"}, headers=bearer).status_code == 400
