"""The proxies of the guide, in front of a real server: who a visitor is, and what strangers cannot do or see."""

import json
import ssl
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest

from support.front import FRONTS, Front, front
from support.operate import PASSWORD
from support.server import FIREFOX, Server

pytestmark = pytest.mark.heavy

PROXY = "127.0.0.1/32"
"""All of 127.0.0.0/8 is this machine; for these tests only the proxy's own address is."""

Answer = tuple[int, dict[str, str], str]


class Place:
    """A proxy and the server behind it."""

    def __init__(self, server: Server, proxy: Front) -> None:
        self.server, self.proxy = server, proxy
        self._context = ssl.create_default_context(cafile=str(proxy.bundle))

    def ask(self, method: str, path: str, body: Any = None, client: str = "127.0.0.7", **headers: str) -> Answer:
        """Status, headers by name in lower case, and text of a request that comes from a client's own address."""
        connection = HTTPSConnection(
            "127.0.0.1", self.proxy.port, context=self._context, source_address=(client, 0), timeout=30
        )
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(
            method,
            path,
            json.dumps(body) if body is not None else None,
            {"Content-Type": "application/json", "User-Agent": FIREFOX, **named},
        )
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text

    def send(self, client: str, **headers: str) -> None:
        """One page view."""
        event = {"d": "example.com", "n": "pageview", "u": "https://example.com/"}
        assert self.ask("POST", "/api/event", event, client, **headers)[0] == 202

    def visitors(self) -> int:
        """How many there were."""
        return int(self.server.main()["unique_visitors"])


@pytest.fixture(params=list(FRONTS))
def open_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Everyone sees the numbers."""
    (tmp_path / "proxy").mkdir()
    with (
        Server(tmp_path / "data", MALLARD_TRUSTED_PROXIES=PROXY) as server,
        front(request.param, server.origin, tmp_path / "proxy") as proxy,
    ):
        yield Place(server, proxy)


@pytest.fixture(params=list(FRONTS))
def closed_place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Nobody has set the password yet."""
    (tmp_path / "proxy").mkdir()
    with (
        Server(tmp_path / "data", MALLARD_AUTH="on", MALLARD_TRUSTED_PROXIES=PROXY) as server,
        front(request.param, server.origin, tmp_path / "proxy") as proxy,
    ):
        yield Place(server, proxy)


def test_visitor_address_is_the_one_the_proxy_saw(open_place: Place) -> None:
    for forged in ("203.0.113.1", "203.0.113.2", "127.0.0.1", "203.0.113.3, 127.0.0.1"):
        open_place.send("127.0.0.7", X_Forwarded_For=forged)
    assert open_place.visitors() == 1
    open_place.send("127.0.0.8")
    assert open_place.visitors() == 2


def test_visitors_behind_an_untrusted_proxy_are_one(tmp_path: Path) -> None:
    """What the setting is for; and that the test above can fail."""
    (tmp_path / "proxy").mkdir()
    with (
        Server(tmp_path / "data", MALLARD_TRUSTED_PROXIES="192.0.2.0/24") as server,
        front("nginx", server.origin, tmp_path / "proxy") as proxy,
    ):
        place = Place(server, proxy)
        place.send("127.0.0.7")
        place.send("127.0.0.8")
        assert place.visitors() == 1


def test_metrics_are_not_reachable_through_the_proxy(open_place: Place) -> None:
    assert open_place.ask("GET", "/metrics")[0] == 404
    assert open_place.ask("GET", "/health")[::2] == (200, "ok")


def test_proxy_logs_no_visitor_data(open_place: Place) -> None:
    open_place.send("127.0.0.7")
    open_place.ask("GET", "/tracking/script.js")
    for file in open_place.proxy.folder.rglob("*"):
        text = file.read_bytes() if file.is_file() else b""
        assert b"127.0.0.7" not in text, file
        assert b"Firefox" not in text, file


def test_setup_through_a_proxy_needs_the_token_and_sets_a_secure_cookie(
    closed_place: Place,
) -> None:
    assert closed_place.ask("POST", "/api/auth/setup", {"password": PASSWORD})[0] == 403
    token = closed_place.server.greeting().partition("takes this token:")[2].split()[0]
    status, headers, _ = closed_place.ask("POST", "/api/auth/setup", {"password": PASSWORD, "token": token})
    assert status == 200
    assert "; secure" in headers["set-cookie"].lower()
    assert "strict-transport-security" in headers
    origin = f"https://127.0.0.1:{closed_place.proxy.port}"
    cookie = headers["set-cookie"].partition(";")[0]
    made = closed_place.ask("POST", "/api/keys", {"name": "a", "scope": "ReadOnly"}, Cookie=cookie, Origin=origin)
    assert made[0] == 201, made
