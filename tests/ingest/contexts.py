"""Requests, senders and contexts for tests of ingest, and an ASGI client without a server."""

import asyncio
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlencode

from mallard.errors import StoreUnavailableError
from mallard.event import Event
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.drop_reasons import Dropped
from mallard.ingest.event_ids import EventIds
from mallard.ingest.http.asgi import PATH, IngestApp
from mallard.ingest.pipeline import Client, IngestContext, receive
from mallard.ingest.rate_limit import RateLimit
from mallard.ingest.request import EventRequest
from mallard.privacy.redaction import KEEP_ALL, Redaction
from mallard.privacy.rotation import DAILY, Rotation
from mallard.privacy.salts import Salts
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Listed, Store, Stored

NOW = datetime(2025, 6, 30, 12, 0, 0, 250_000, tzinfo=UTC)
SITE = "example.com"
ADDRESS = "203.0.113.7"
SECRET = b"a secret of the tests"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/18.1 Mobile/15E148 Safari/604.1"
)
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"


def wire(**keys: Any) -> dict[str, Any]:
    """A page view as the script sends it, with other or more keys."""
    return {"d": SITE, "n": "pageview", "u": f"https://{SITE}/", **keys}


def wire_body(**keys: Any) -> bytes:
    return json.dumps(wire(**keys)).encode()


def open_context(
    store: Store,
    *,
    sites: tuple[str, ...] = (),
    known: tuple[str, ...] = (),
    new_per_hour: int | None = None,
    per_second: int = 0,
    filter_bots: bool = True,
    honor_gpc: bool = True,
    rotation: Rotation = DAILY,
    site_settings: SiteSettingsStore | None = None,
    privacy: Redaction = KEEP_ALL,
) -> IngestContext:
    return IngestContext(
        sites=AllowedSites(sites, known, new_per_hour),
        salts=Salts(store, SECRET, rotation),
        event_ids=EventIds(SECRET),
        rate_limit=RateLimit(per_second),
        filter_bots=filter_bots,
        honor_gpc=honor_gpc,
        site_settings=site_settings,
        privacy=privacy,
    )


def offer(
    context: IngestContext,
    *,
    now: datetime = NOW,
    address: str = ADDRESS,
    user_agent: str = FIREFOX,
    origin: str | None = None,
    accept_language: str = "",
    opted_out: bool = False,
    site_id: str = SITE,
    name: str = "pageview",
    url: str = f"https://{SITE}/",
    **request: Any,
) -> Event | Dropped:
    """One request through all steps."""
    sender = Client(address, user_agent, origin, accept_language, opted_out)
    return receive(EventRequest(site_id, name, url, **request), sender, context, now)


def take(context: IngestContext, **given: Any) -> Event:
    """The event that one request became."""
    outcome = offer(context, **given)
    assert isinstance(outcome, Event), outcome
    return outcome


def refuse(context: IngestContext, **given: Any) -> Dropped:
    """The refusal that one request met."""
    outcome = offer(context, **given)
    assert isinstance(outcome, Dropped), outcome
    return outcome


class BrokenStore:
    """A store out of reach."""

    scratch = Path()

    def get(self, key: str) -> Stored | None:
        self._fail()

    def put_if_absent(self, key: str, data: bytes) -> str:
        self._fail()

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        self._fail()

    def delete(self, key: str) -> None:
        self._fail()

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        self._fail()

    def list_folders(self, prefix: str) -> Iterator[str]:
        self._fail()

    def keeps_versions(self) -> bool:
        self._fail()

    def delete_old_versions(self, prefix: str) -> int:
        self._fail()

    def server_time(self) -> datetime | None:
        self._fail()

    def pin(self, key: str, folder: Path) -> Path | None:
        self._fail()

    def location(self, key: str) -> str:
        self._fail()

    def presigned(self, key: str, seconds: int, disposition: str, media_type: str) -> str | None:
        self._fail()

    @property
    def pins_are_cheap(self) -> bool:
        return False

    def reader_setup(self) -> Sequence[str]:
        self._fail()

    def _fail(self) -> NoReturn:
        raise StoreUnavailableError("The store is out of reach.")


@dataclass(frozen=True)
class Reply:
    """One answer of the application."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, str]:
        """The JSON body of a refusal."""
        assert self.headers["content-type"] == "application/json"
        found: dict[str, str] = json.loads(self.body)
        return found


@dataclass
class Connection:
    """The client's side of one ASGI request: what it sends, and what came back."""

    messages: Iterator[dict[str, Any]]
    sent: list[dict[str, Any]]
    received: int = 0

    async def receive(self) -> dict[str, Any]:
        self.received += 1
        return next(self.messages, {"type": "http.disconnect"})

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def reply(self) -> Reply:
        start, body = self.sent
        names = [name.decode() for name, _ in start["headers"]]
        assert len(names) == len(set(names)), "a header stands twice"
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
        assert headers.pop("content-length") == str(len(body["body"]))
        return Reply(start["status"], headers, body["body"])


def connection(chunks: Iterable[bytes] = (), *, ends: bool = True) -> Connection:
    """A client that sends the chunks; with ``ends=False`` it goes away before the body is over."""
    parts = list(chunks) or [b""]
    last = len(parts) - 1
    messages = [
        {"type": "http.request", "body": part, "more_body": number < last or not ends}
        for number, part in enumerate(parts)
    ]
    return Connection(iter(messages), [])


def scope(
    method: str,
    headers: Iterable[tuple[str, str]] = (),
    query: dict[str, str] | None = None,
    peer: str | None = ADDRESS,
) -> dict[str, Any]:
    """The scope of one request; a Firefox where ``headers`` name no user agent."""
    given = [*headers]
    if "user-agent" not in dict(given):
        given.append(("user-agent", FIREFOX))
    return {
        "type": "http",
        "method": method,
        "path": PATH,
        "query_string": urlencode(query or {}).encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in given],
        "client": (peer, 50_000) if peer else None,
    }


def call(app: IngestApp, asked: dict[str, Any], client: Connection | None = None) -> Reply:
    """One request on an event loop of its own."""
    client = client or connection()
    asyncio.run(app(asked, client.receive, client.send))
    return client.reply()


def post(app: IngestApp, body: bytes, *headers: tuple[str, str], peer: str | None = ADDRESS) -> Reply:
    return call(app, scope("POST", headers, peer=peer), connection([body]))


def pixel(app: IngestApp, query: dict[str, str], *headers: tuple[str, str]) -> Reply:
    return call(app, scope("GET", headers, query))
