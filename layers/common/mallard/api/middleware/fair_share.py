"""Middleware that admits report requests with reserved places for the owner."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from mallard.auth.identity import Credential, Denied, Identity
from mallard.engine.cancellation import IS_ANONYMOUS
from mallard.errors import MallardError

REPORTS = ("/api/stats/", "/api/v1/stats/", "/api/v2/", "/api/sql")
KNOWN_AT_ONCE = 24
"""Requests of the owner and of keys that hold a thread: of the 40 threads of a process some are left for others."""

ANONYMOUS_AT_ONCE = 6
"""The same for public sites and shared links, all of them together."""

KNOWN_WAITING = 64
ANONYMOUS_WAITING = 32
OF_ONE_ADDRESS = 8
"""Anonymous requests of one address that run or wait: a page sends two at a time."""

IDENTIFYING = 4
"""Threads reserved for authentication, which anonymous reports cannot delay."""

RETRY_AFTER_SECONDS = 2

Identify = Callable[[Request], Identity | Denied]


class Places:
    """Places for running and waiting requests, with a bound per client."""

    def __init__(self, at_once: int, waiting: int, of_one: int) -> None:
        self._free = anyio.Semaphore(at_once)
        self._most = at_once + waiting
        self._of_one = of_one
        self._held: Counter[Hashable] = Counter()

    @property
    def are_full(self) -> bool:
        """True where no further request finds room to wait."""
        return self._held.total() >= self._most

    def is_full(self, client: Hashable) -> bool:
        """True where one more of this client finds no room to wait."""
        return self.are_full or self._held[client] >= self._of_one

    @asynccontextmanager
    async def place(self, client: Hashable) -> AsyncIterator[None]:
        """Inside the request has a place."""
        self._held[client] += 1
        try:
            async with self._free:
                yield
        finally:
            self._held[client] -= 1
            if not self._held[client]:
                del self._held[client]


class FairShare:
    """Admits requests of REPORTS to ``app`` and sets ``cancellation.IS_ANONYMOUS`` for them; other requests pass."""

    def __init__(
        self,
        app: ASGIApp,
        identify: Identify,
        address_of: Callable[[Request], str],
        lacks_credentials: Callable[[Request], bool] = lambda _: False,
    ) -> None:
        """``identify`` may read the store; ``address_of`` returns the client's address.

        ``lacks_credentials`` is true for requests without any credential, which need no authentication.
        """
        self._app = app
        self._identify = identify
        self._address_of = address_of
        self._lacks_credentials = lacks_credentials
        self._places: tuple[Places, Places] | None = None
        self._identifying: anyio.CapacityLimiter | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or not scope["path"].startswith(REPORTS):
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        known, anonymous = self._places_of_loop()
        # A flood without credentials is refused before any read of the store.
        if self._lacks_credentials(request):
            if anonymous.are_full:
                await _refusal()(scope, receive, send)
                return
            identity = None
        else:
            identity = await self._identity(request)
        is_anonymous = identity is None or not identity.is_known
        places, client = (anonymous, self._client(request, identity)) if is_anonymous else (known, "")
        if places.is_full(client):
            await _refusal()(scope, receive, send)
            return
        token = IS_ANONYMOUS.set(is_anonymous)
        try:
            async with places.place(client):
                await self._app(scope, receive, send)
        finally:
            IS_ANONYMOUS.reset(token)

    async def _identity(self, request: Request) -> Identity | None:
        """The identity, None where it is denied or unknown: the routes answer why."""
        if self._identifying is None:
            self._identifying = anyio.CapacityLimiter(IDENTIFYING)
        try:
            identity = await anyio.to_thread.run_sync(self._identify, request, limiter=self._identifying)
        except MallardError:
            return None
        return identity if isinstance(identity, Identity) else None

    def _places_of_loop(self) -> tuple[Places, Places]:
        # Semaphores belong to the event loop that is running: there is none when the application is made.
        if self._places is None:
            known = Places(KNOWN_AT_ONCE, KNOWN_WAITING, KNOWN_AT_ONCE + KNOWN_WAITING)
            self._places = known, Places(ANONYMOUS_AT_ONCE, ANONYMOUS_WAITING, OF_ONE_ADDRESS)
        return self._places

    def _client(self, request: Request, identity: Identity | None) -> Hashable:
        """The link of its readers, else the client's address."""
        if identity is not None and identity.credential is Credential.LINK:
            return identity.sites, identity.filters
        return self._address_of(request), *parse_qs(request.url.query).get("site_id", [""])[:1]


def _refusal() -> JSONResponse:
    sentence = "Too many queries wait already; ask again in some seconds."
    return JSONResponse(
        {"error": sentence}, 503, {"retry-after": str(RETRY_AFTER_SECONDS), "cache-control": "no-store"}
    )
