"""Everybody who may come to a server, with what they show, in an application of their own."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from starlette.routing import Mount

from mallard.auth.authenticator import SHARE_SECONDS
from mallard.auth.service import AuthService
from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.bootstrap.store import open_store
from mallard.config import Settings
from mallard.ingest.http.asgi import PATHS as INGEST_PATHS
from mallard.server.embedded import Embedded
from support.auth import quick_hashing

SITE, OTHER, PUBLIC = "this.example", "other.example", "public.example"
PASSWORD, SECRET = "kettle-moss-17", "a secret of the tests, of 32 bytes"
OWN_PAGE = {"sec-fetch-site": "same-origin"}
CROSS_SITE = {"sec-fetch-site": "cross-site"}
FOREIGN_ORIGIN = {"origin": "https://evil.example"}
GERMANY = '[["is","visit:country",["DE"]]]'

Headers = dict[str, str]


class People:
    """An embedded application over a folder, and the headers of everybody by name.

    Context manager. ``client`` keeps no cookies: who comes shows what stands in ``headers`` and nothing else.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        fixed: dict[str, Any] = {"admin_password": PASSWORD, "secret": SECRET, "query_memory_mb": 256, "sql": True}
        self.settings = Settings(**{"data_dir": str(folder), **fixed, **settings})
        self.app = Embedded(self.settings)
        self.store = open_store(self.settings)
        self._stack = ExitStack()

    def __enter__(self) -> "People":
        self.app.start()
        self._stack.callback(self.app.stop)
        self.client = self._stack.enter_context(
            TestClient(self.app, base_url="http://localhost:8000", raise_server_exceptions=False)
        )
        ended = self.log_in()
        self.client.post("/api/auth/logout", headers=bearer(ended))
        # Made after the logout, so that it knows the epoch of those who are in.
        self.auth = self.another_auth()
        self._kept = {name: make() for name, make in self._who(ended).items()}
        public = self.client.put(f"/api/sites/{PUBLIC}", json={"public": True}, headers=self._kept["Admin key"])
        assert public.json()["public"] is True
        # Plausible's routes know no site without settings and events.
        self.client.put(f"/api/sites/{SITE}", json={}, headers=self._kept["Admin key"])
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def another_auth(self) -> AuthService:
        """What another instance over the same store would hold."""
        setup = Setup(True, "")
        return open_auth(self.settings, self.store, secret=SECRET.encode(), setup=setup, hashing=quick_hashing())

    def headers(self, who: str, log_in: Callable[[], str] | None = None) -> Headers:
        """What somebody shows; a living session begins anew each time, for some requests end all there are.

        ``log_in`` begins it on another instance, which for some seconds believes what this one has ended.
        """
        begin = log_in or self.log_in
        if who in SESSIONS:
            return session(begin()) | SESSIONS[who]
        return bearer(begin()) if who == "session as a token" else self._kept[who]

    def log_in(self) -> str:
        """A session's token."""
        token: str = self.client.post("/api/auth/login", json={"password": PASSWORD}).json()["token"]
        self.client.cookies.clear()
        return token

    def key(self, scope: str, *sites: str) -> Headers:
        """A new key."""
        return {"x-api-key": self.auth.keys.create("a", scope, now(), sites)[0]}

    def link(self, site: str = SITE, filters: str = "", *, begun: datetime | None = None) -> Headers:
        """Whoever was let in by a new link."""
        return bearer(
            self.auth.authenticator.let_in(self.auth.links.create(site, "a", now(), filters=filters), begun or now())
        )

    def ask(self, method: str, path: str, headers: Headers, **more: Any) -> Any:
        """The answer to a request that carries nothing else."""
        self.client.cookies.clear()
        return self.client.request(method, path, headers=headers, follow_redirects=False, **more)

    def routes(self) -> set[str]:
        """Every ``METHOD /path`` that the application answers; a folder of files is ``GET /*``."""
        found = {f"{method} {path}" for path, methods in INGEST_METHODS.items() for method in methods}
        assert set(INGEST_METHODS) == set(INGEST_PATHS)
        for route in iter_route_contexts(self.app.routes()):
            if isinstance(route.original_route, Mount):
                found |= {f"{method} {route.original_route.path}/*" for method in ("GET", "HEAD")}
            else:
                found |= {f"{method} {route.path}" for method in route.methods or ()}
        return found

    def _who(self, ended: str) -> dict[str, Callable[[], Headers]]:
        """All but those with a living session."""
        yesterday = now() - timedelta(days=1)
        over = self.auth.sessions.begin(now() - timedelta(seconds=self.settings.session_ttl + 1))
        return {
            "nobody": dict,
            "nobody, public site": dict,
            "wrong key": lambda: {"x-api-key": "mm_" + "A" * 43},
            "expired key": lambda: {"x-api-key": self._expired_key(yesterday)},
            "revoked key": self._revoked_key,
            "session that is over": lambda: session(over) | OWN_PAGE,
            "token of a session that is over": lambda: bearer(over),
            "session before a logout": lambda: session(ended) | OWN_PAGE,
            "token of before a logout": lambda: bearer(ended),
            "link that is over": lambda: self.link(begun=now() - timedelta(seconds=SHARE_SECONDS + 1)),
            "revoked link": self._revoked_link,
            "Admin key": lambda: self.key("Admin"),
            "Admin key, this site": lambda: self.key("Admin", SITE),
            "Admin key, other site": lambda: self.key("Admin", OTHER),
            "ReadOnly key": lambda: self.key("ReadOnly"),
            "ReadOnly key, this site": lambda: self.key("ReadOnly", SITE),
            "ReadOnly key, other site": lambda: self.key("ReadOnly", OTHER),
            "the same, public site": lambda: self.key("ReadOnly", OTHER),
            "Ingest key": lambda: self.key("Ingest"),
            "Ingest key, public site": lambda: self.key("Ingest"),
            "link": self.link,
            "link of the other site": lambda: self.link(OTHER),
            "link with a filter": lambda: self.link(filters=GERMANY),
        }

    def _expired_key(self, yesterday: datetime) -> str:
        text, _ = self.auth.keys.create("a", "Admin", yesterday, expires=(now() - timedelta(hours=1)).isoformat())
        return text

    def _revoked_key(self) -> Headers:
        text, key = self.auth.keys.create("a", "Admin", now())
        self.auth.keys.revoke(key.key_hash)
        return {"x-api-key": text}

    def _revoked_link(self) -> Headers:
        link = self.auth.links.create(SITE, "a", now())
        self.auth.links.revoke(link.slug)
        return bearer(self.auth.authenticator.let_in(link, now()))


SESSIONS = {
    "session on our page": OWN_PAGE,
    "session, page said by nobody": {},
    "session, cross-site": CROSS_SITE,
    "session, foreign Origin": FOREIGN_ORIGIN,
}
"""With a cookie, and what a browser says of the page that sends it."""

INGEST_METHODS = {"/api/event": ("POST", "GET", "HEAD", "OPTIONS"), "/api/events": ("POST",)}
"""What the paths answer that go their own way, past the application's routes; tests/ingest holds them to it."""


def now() -> datetime:
    return datetime.now(UTC)


def bearer(token: str) -> Headers:
    return {"authorization": f"Bearer {token}"}


def session(token: str) -> Headers:
    return {"cookie": f"mm_session={token}"}
