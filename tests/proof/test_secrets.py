"""Passwords, keys, tokens, slugs, addresses and agents: in no line of a log, and in the store as hashes at most."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from fastapi.testclient import TestClient
from starlette.types import Receive, Scope, Send

from mallard.api.app import create_app
from mallard.api.middleware.error_redaction import ErrorRedaction
from mallard.engine.duckdb.engine import DuckDBEngine
from support.open_access import auth_off, one_address
from support.proof_secrets import (
    ADDRESS,
    ADMIN_PASSWORD,
    AGENT,
    EDGE_SECRET,
    LINK_PASSWORD,
    METRICS_TOKEN,
    SIGNING_SECRET,
    WRONG_KEY,
    WRONG_PASSWORD,
    Recorded,
    Secrets,
    forms,
    found_in,
)
from support.proof_table import lines

SITE = "example.com"
ALLOWED = {("slug", "config/links/")}
"""The owner wants to see a link again."""

UNSAID: Secrets = {
    "admin password": ADMIN_PASSWORD,
    "wrong password": WRONG_PASSWORD,
    "link password": LINK_PASSWORD,
    "signing secret": SIGNING_SECRET,
    "metrics token": METRICS_TOKEN,
    "edge secret": EDGE_SECRET,
    "wrong key": WRONG_KEY,
    "address": ADDRESS,
    "agent": "Unmistakable/4711",
}


class Told:
    """A server, and all the secrets that it was told or told itself."""

    def __init__(self, server: Recorded) -> None:
        self.server = server
        self.secrets = dict(UNSAID)
        self.statuses: set[int] = set()
        token = self.ask("POST", "/api/auth/login", json.dumps({"password": ADMIN_PASSWORD}))["token"]
        self.secrets["session token"] = token
        key = self.ask("POST", "/api/keys", '{"name": "a", "scope": "Admin"}', authorization=f"Bearer {token}")
        self.secrets["key"] = key["key"]
        link = {"name": "a", "site_id": SITE, "password": LINK_PASSWORD}
        self.secrets["slug"] = self.ask("POST", "/api/links", json.dumps(link), x_api_key=key["key"])["slug"]
        opened = json.dumps({"password": LINK_PASSWORD})
        self.secrets["share token"] = self.ask("POST", f"/api/share/{self.secrets['slug']}", opened)["token"]

    def ask(self, method: str, target: str, body: str = "", **headers: str) -> dict[str, str]:
        status, answer = self.server.ask(method, target, body, **headers)
        self.statuses.add(status)
        return answer if isinstance(answer, dict) else {}

    def ask_everything(self) -> None:
        """Each route with each secret, where it belongs and where it does not."""
        shown = [
            {"x_api_key": self.secrets["key"]},
            {"x_api_key": WRONG_KEY},
            {"authorization": f"Bearer {self.secrets['share token']}"},
            {"authorization": f"Bearer {METRICS_TOKEN}", "x_mallard_edge": EDGE_SECRET},
            {"authorization": f"Bearer {self.secrets['session token']}x"},
            {"cookie": f"mm_session={self.secrets['session token']}", "sec_fetch_site": "same-origin"},
            {"authorization": f"Basic {ADMIN_PASSWORD}"},
        ]
        for line in lines():
            if line.rule == "end":
                continue
            target = line.target.replace("{site}", SITE).replace("{slug}", self.secrets["slug"])
            if line.method == "DELETE":
                target = target.replace(self.secrets["slug"], "A" * 22)
            target = target.replace("{key}", "0" * 64)
            for headers in shown:
                self.ask(line.method, target, line.body.replace("{site}", SITE), **headers)

    def ask_what_is_wrong(self) -> None:
        """What is broken, and holds secrets where nobody expects them."""
        everything = " ".join(self.secrets.values())
        bodies = [
            json.dumps({"password": WRONG_PASSWORD}),
            json.dumps({"password": ADMIN_PASSWORD, "token": METRICS_TOKEN}),
            json.dumps({"current": WRONG_PASSWORD, "new": ADMIN_PASSWORD}),
            json.dumps({"name": everything, "scope": WRONG_KEY}),
            json.dumps([everything]),
            f'{{"password": "{ADMIN_PASSWORD}"',
            everything,
        ]
        for line in lines():
            if line.method in ("POST", "PUT") and line.rule != "end":
                target = line.target.replace("{site}", SITE).replace("{slug}", self.secrets["slug"])
                for body in bodies:
                    self.ask(line.method, target, body, x_api_key=self.secrets["key"])
        for name, secret in self.secrets.items():
            word = secret.replace(" ", "%20").replace("/", "%2F")
            for path in (f"/{word}", f"/api/keys/{word}", f"/api/stats/main?site_id={word}&{word}={word}"):
                self.ask("GET", path, x_api_key=self.secrets["key"])
            for path in (f"/api/keys/{word}", f"/api/links/{word}x"):
                self.ask("DELETE", path, x_api_key=self.secrets["key"])
            self.server.send_raw(f"GET / HTTP/1.1\r\nhost {secret}\r\n{name}\r\n\r\n".encode())
            self.server.send_raw(f"{secret} / HTTP/9.9\r\n\r\n".encode())


@pytest.fixture(scope="module", params=["text", pytest.param("json", marks=pytest.mark.heavy)])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A server that was asked everything: as it is, with a broken table, with a broken store."""
    with Recorded(tmp_path_factory.mktemp("secrets"), request.param) as server:
        told = Told(server)
        told.ask_everything()
        told.ask_what_is_wrong()
        broken = server.data / f"events/site_id={SITE}/date={datetime.now(UTC).date()}"
        broken.mkdir(parents=True, exist_ok=True)
        (broken / "00000.parquet").write_text("no parquet")
        told.ask_everything()
        (broken / "00000.parquet").unlink(missing_ok=True)
        name = sha256(told.secrets["slug"].encode()).hexdigest()
        link = server.data / f"config/links/{name}.json"
        kept = link.read_bytes()
        link.write_text("{")
        told.ask_everything()
        link.write_bytes(kept)
        (server.data / "config").rename(server.data / "kept")
        (server.data / "config").write_text("")
        told.ask_everything()
        told.ask_what_is_wrong()
        (server.data / "config").unlink()
        (server.data / "kept").rename(server.data / "config")
        assert server.stop() == 0
        yield told


def test_server_was_exercised_on_every_status(told: Told) -> None:
    """Else there would be nothing to find."""
    assert told.statuses >= {200, 201, 202, 400, 401, 403, 404, 409, 429, 503}
    log = told.server.err.read_text()
    assert "ERROR" in log or '"level": "error"' in log
    assert {name for name, secret in told.secrets.items() if not secret} == set()


def test_logs_and_store_contain_no_secret(told: Told) -> None:
    assert found_in(told.server.places(), told.secrets, ALLOWED) == []


def test_unexpected_exception_is_logged_by_place_without_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not even to the server, which would write down what it hears."""

    def broken() -> DuckDBEngine:
        raise ValueError(f"{ADMIN_PASSWORD} was asked for")

    app = create_app(
        engine=broken,
        sites=list,
        clock=lambda: datetime.now(UTC),
        erase=lambda *_: None,  # type: ignore[arg-type]
        auth=auth_off(),
        address_of=one_address,
    )
    answer = TestClient(app).get(f"/api/stats/main?site_id={SITE}")
    assert (answer.status_code, answer.json()["error"]) == (500, "Internal error; see the server's log.")
    assert "ValueError in broken (test_secrets.py:" in caplog.text
    assert answer.json()["request_id"] in caplog.text
    assert ADMIN_PASSWORD not in caplog.text + answer.text


def test_exception_during_a_response_closes_the_connection_without_its_message() -> None:
    async def begins_and_fails(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a", "more_body": True})
        raise ValueError(ADMIN_PASSWORD)

    with pytest.raises(RuntimeError, match=r"^ValueError before the answer was whole$") as raised:
        TestClient(ErrorRedaction(begins_and_fails)).get("/")
    assert raised.value.__suppress_context__


def test_searched_agent_equals_the_sent_one() -> None:
    assert UNSAID["agent"] in AGENT


def test_secret_search_finds_every_encoding() -> None:
    for form, text in forms("swift-Fennel-99").items():
        assert f"here: x{form}" in found_in({"here": b"\x00" + text + b"\x00"}, {"x": "swift-Fennel-99"})
    assert found_in({"config/links/a": b"abc"}, {"slug": "abc"}, ALLOWED) == []
    assert found_in({"stderr": b"a b"}, {"slug": "a b"}, ALLOWED) == ["stderr: slug"]
