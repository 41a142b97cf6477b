"""Instances of the API over one store, for tests of access, and readings of their answers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.auth.password_hashing import PasswordHashing
from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.config import Settings
from support.auth import Clock, quick_hashing
from support.faults import FaultyStore
from support.memory import MemoryStore

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
SECRET = b"s" * 32
GOOD, OTHER = "kettle-moss-17", "lantern-fjord-4"
OWN_PAGE = {"sec-fetch-site": "same-origin"}
DASHBOARD = "https://dash.example.org"


class Place:
    """Instances over one store, a time to move, and a client's address to choose."""

    def __init__(self, store: Any = None, *, token: str = "", on_loopback: bool = True, **settings: Any) -> None:
        self.store = store or FaultyStore(MemoryStore())
        self.clock, self.now, self.address = Clock(), NOW, "192.0.2.7"
        self.settings = Settings(**{"dashboard_origin": DASHBOARD, **settings})
        self.setup = Setup(on_loopback, token)

    def instance(
        self, base_url: str = "http://localhost:8000", *, hashing: PasswordHashing | None = None
    ) -> TestClient:
        auth = open_auth(
            self.settings,
            self.store,
            secret=SECRET,
            setup=self.setup,
            hashing=hashing or quick_hashing(),
            clock=self.clock,
            now=lambda: self.now,
        )
        app = create_app(
            engine=lambda: None,  # type: ignore[arg-type, return-value]
            sites=list,
            clock=lambda: self.now,
            erase=lambda *_: None,  # type: ignore[arg-type]
            auth=auth,
            address_of=lambda _: self.address,
        )
        return TestClient(app, base_url=base_url, raise_server_exceptions=False)

    def wait(self, seconds: float) -> None:
        self.clock.seconds += seconds
        self.now += timedelta(seconds=seconds)


def answered(answer: httpx2.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def sentence(answer: httpx2.Response, status: int) -> str:
    """The one sentence of a refusal."""
    found = answered(answer, status)
    assert set(found) == ({"error", "request_id"} if status >= 500 else {"error"})
    assert found["error"].endswith(".")
    return str(found["error"])


def log_in(client: TestClient, password: str = GOOD) -> httpx2.Response:
    return client.post("/api/auth/login", json={"password": password})


def status(client: TestClient) -> tuple[bool, bool]:
    found = answered(client.get("/api/auth/status"))
    assert set(found) == {"setup_required", "authenticated", "open"}
    return found["setup_required"], found["authenticated"]
