"""Guessing passwords over real servers: five tries, whatever is restarted, run beside, or said of addresses."""

import json
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from mallard.auth.api_keys import ApiKeys
from mallard.store.local import LocalStore
from support.proof_people import PASSWORD
from support.server import Server

FAR_AWAY = "203.0.113.0/24"
"""Whoever is trusted there, this machine is not."""


def server(folder: Path, name: str = "one", **settings: str) -> Server:
    """One of some processes over one store."""
    fixed = {"MALLARD_AUTH": "on", "MALLARD_ADMIN_PASSWORD": PASSWORD, "MALLARD_STORE": str(folder / "store")}
    return Server(folder / name, **fixed | {"MALLARD_TRUSTED_PROXIES": FAR_AWAY} | settings)


def post(server: Server, path: str, body: Any, **headers: str) -> tuple[int, dict[str, str], Any]:
    """Status, headers by name in small letters, and JSON."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(
        server.origin + path, json.dumps(body).encode(), {"content-type": "application/json", **named}
    )
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as refused:
        answer = refused
    with answer:
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, json.load(answer)


def guess(server: Server, password: str = "not-it-at-all", **headers: str) -> int:
    return post(server, "/api/auth/login", {"password": password}, **headers)[0]


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Server]:
    """A server that this machine has guessed at five times."""
    with server(tmp_path) as running:
        assert [guess(running) for _ in range(5)] == [401] * 5
        yield running


def is_closed_for_five_minutes(headers: dict[str, str], last_guess: float) -> bool:
    """What is left of them since the last guess, by the clock of time.monotonic()."""
    passed_seconds = time.monotonic() - last_guess
    return 299 - passed_seconds <= int(headers["retry-after"]) <= 300


def test_login_is_locked_for_the_right_password_after_five_guesses(tmp_path: Path) -> None:
    with server(tmp_path) as running:
        for _ in range(5):
            last_guess = time.monotonic()
            assert guess(running) == 401
        status, headers, body = post(running, "/api/auth/login", {"password": PASSWORD})
        assert status == 429
        assert is_closed_for_five_minutes(headers, last_guess)
        assert headers["retry-after"] in body["error"]
        assert "set-cookie" not in headers
        assert post(running, "/auth/login", {"password": PASSWORD})[0] == 429


def test_login_lockout_survives_a_restart_and_holds_in_another_process(closed: Server, tmp_path: Path) -> None:
    with server(tmp_path, "two") as other:
        assert guess(other, PASSWORD) == 429
    assert closed.stop() == 0
    closed.start()
    assert guess(closed, PASSWORD) == 429


def test_throttle_ignores_address_headers_of_clients(closed: Server) -> None:
    names = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP", "True-Client-IP", "X-Client-IP")
    for name, forged in product(names, ("198.51.100.1", "for=198.51.100.2", "203.0.113.9, 198.51.100.4", "unknown")):
        assert guess(closed, PASSWORD, **{name: forged}) == 429


def test_throttle_uses_only_the_hop_a_trusted_proxy_added(tmp_path: Path) -> None:
    """What a client wrote itself stands further left; of IPv6 a client has a whole network."""
    with server(tmp_path, MALLARD_TRUSTED_PROXIES="127.0.0.0/8") as running:
        forged = [f"198.51.100.{number}, 192.0.2.7" for number in range(6)]
        assert [guess(running, X_Forwarded_For=each) for each in forged] == [401] * 5 + [429]
        networks = [f"2001:db8:5:6::{number}" for number in range(1, 7)]
        assert [guess(running, X_Forwarded_For=each) for each in networks] == [401] * 5 + [429]
        # Nobody else is locked out.
        assert guess(running, PASSWORD, X_Forwarded_For="192.0.2.8") == 200


def test_throttle_allows_five_concurrent_guesses_over_two_processes(tmp_path: Path) -> None:
    with server(tmp_path) as one, server(tmp_path, "two") as two, ThreadPoolExecutor(16) as pool:
        statuses = Counter(pool.map(lambda number: guess((one, two)[number % 2]), range(48)))
        # Those that the store was too busy to count are refused as well.
        assert statuses[401] <= 5
        assert set(statuses) <= {401, 429, 503}
        assert statuses[429] > 30


def test_shared_link_password_is_throttled_separately(closed: Server, tmp_path: Path) -> None:
    link = {"site_id": "example.com", "name": "a", "password": "oak-lamp-31"}
    ring = ApiKeys(LocalStore(tmp_path / "store"))
    key, _ = ring.create("a", "Admin", datetime.now(UTC))
    slug = post(closed, "/api/links", link, X_API_Key=key)[2]["slug"]
    path = f"/api/share/{slug}"
    assert post(closed, path, {"password": "oak-lamp-31"})[0] == 200
    for _ in range(5):
        last_guess = time.monotonic()
        assert post(closed, path, {"password": "not-it"})[0] == 401
    status, headers, _ = post(closed, path, {"password": "oak-lamp-31"})
    assert (status, is_closed_for_five_minutes(headers, last_guess)) == (429, True)
    other = post(closed, "/api/links", {**link, "name": "b"}, X_API_Key=key)[2]["slug"]
    assert post(closed, f"/api/share/{other}", {"password": "oak-lamp-31"})[0] == 200


def test_password_change_is_throttled(tmp_path: Path) -> None:
    """Whoever took over a session has no more guesses at the password than anybody."""
    with server(tmp_path, MALLARD_ADMIN_PASSWORD="") as running:
        token = post(running, "/api/auth/setup", {"password": PASSWORD})[2]["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        wrong = {"current": "not-it-at-all", "new": "lantern-fjord-4"}
        assert [post(running, "/api/auth/password", wrong, **bearer)[0] for _ in range(5)] == [403] * 5
        right = {"current": PASSWORD, "new": "lantern-fjord-4"}
        assert post(running, "/api/auth/password", right, **bearer)[0] == 429
        assert guess(running, PASSWORD) == 429
