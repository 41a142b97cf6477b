"""Requests for reports are admitted by kind of client: strangers never take the owner's places."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from mallard.api.middleware.fair_share import ANONYMOUS_AT_ONCE, ANONYMOUS_WAITING, OF_ONE_ADDRESS, FairShare
from mallard.api.middleware.query_timeout import ANONYMOUS_SECONDS, QueryTimeout
from mallard.auth.identity import ANONYMOUS, OWNER, Credential, Identity
from mallard.engine.cancellation import CURRENT, IS_ANONYMOUS, AdmissionQueue, Cancellation
from mallard.errors import QueryError, StoreUnavailableError
from mallard.reports.behaviour.steps import MAX_ANONYMOUS_STEPS, parse_steps
from mallard.stats.filters import parse_filters, refuse_patterns

LINK = Identity(Credential.LINK, "ReadOnly", ("a.example",))
KEY = Identity(Credential.KEY, "ReadOnly")


class Reports:
    """An application whose reports end when the test says so."""

    def __init__(self) -> None:
        self.running: Counter[bool] = Counter()
        self.may_end = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.running[IS_ANONYMOUS.get()] += 1
        await self.may_end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def identify(request: Request) -> Identity:
    """By a header of the test's own."""
    name = request.headers.get("who", "")
    if name == "away":
        raise StoreUnavailableError("The bucket does not answer.")
    return {"owner": OWNER, "key": KEY, "link": LINK}.get(name, ANONYMOUS)


class Clients:
    """Requests of many clients to one application."""

    def __init__(self) -> None:
        self.reports = Reports()
        self.app = FairShare(self.reports, identify, lambda request: request.headers["address"])
        self.asked: list[asyncio.Task[int]] = []

    def ask(self, who: str, address: str = "192.0.2.1", path: str = "/api/stats/main", times: int = 1) -> None:
        headers = [(b"who", who.encode()), (b"address", address.encode())]
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "query_string": b"site_id=a.example",
            "headers": headers,
        }
        self.asked += [asyncio.create_task(self._status(scope)) for _ in range(times)]

    async def settled(self) -> None:
        """Wait until nothing moves any more."""
        before = None
        while before != (now := (self.reports.running.copy(), sum(each.done() for each in self.asked))):
            before = now
            for _ in range(20):
                await asyncio.sleep(0.005)

    async def statuses(self) -> Counter[int]:
        self.reports.may_end.set()
        return Counter(await asyncio.gather(*self.asked))

    async def _status(self, scope: dict[str, Any]) -> int:
        statuses: list[int] = []

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])

        async def receive() -> Any:
            await asyncio.Event().wait()

        await self.app(scope, receive, send)
        return statuses[0]


def test_owner_query_runs_at_once_beside_many_anonymous_ones() -> None:
    async def run() -> None:
        clients = Clients()
        for number in range(200):
            clients.ask("nobody", f"198.51.100.{number}")
        await clients.settled()
        assert clients.reports.running == {True: ANONYMOUS_AT_ONCE}
        clients.ask("owner")
        clients.ask("key")
        await clients.settled()
        assert clients.reports.running == {True: ANONYMOUS_AT_ONCE, False: 2}
        let_in = ANONYMOUS_AT_ONCE + ANONYMOUS_WAITING
        assert await clients.statuses() == {200: let_in + 2, 503: 200 - let_in}

    asyncio.run(run())


@pytest.mark.parametrize("who", ["nobody", "link", "away"])
def test_anonymous_client_has_few_places(who: str) -> None:
    async def run() -> None:
        clients = Clients()
        clients.ask(who, times=OF_ONE_ADDRESS + 3)
        clients.ask("nobody", "198.51.100.9")
        await clients.settled()
        assert await clients.statuses() == {200: OF_ONE_ADDRESS + 1, 503: 3}
        # Places are free again.
        clients.asked.clear()
        clients.ask(who, times=OF_ONE_ADDRESS)
        assert await clients.statuses() == {200: OF_ONE_ADDRESS}

    asyncio.run(run())


def test_fair_share_does_not_limit_other_paths() -> None:
    async def run() -> None:
        clients = Clients()
        clients.ask("nobody", path="/api/auth/login", times=100)
        await clients.settled()
        assert clients.reports.running == {False: 100}
        assert await clients.statuses() == {200: 100}

    asyncio.run(run())


def test_admission_queue_reserves_a_turn_for_the_owner() -> None:
    line = AdmissionQueue(at_once=2, waiting=4)
    token = IS_ANONYMOUS.set(True)
    try:
        with line.turn(Cancellation()):
            stopped = Cancellation()
            stopped.stop()
            with pytest.raises(Exception, match="stopped"), line.turn(stopped):
                pytest.fail("two strangers at a time")
            IS_ANONYMOUS.set(False)
            with line.turn(Cancellation()):
                pass
    finally:
        IS_ANONYMOUS.reset(token)


def test_anonymous_queries_have_a_shorter_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: list[float] = []

    async def run(is_anonymous: bool) -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def noted(delay: float, *rest: Any) -> asyncio.TimerHandle:
            seconds.append(delay)
            return call_later(delay, *rest)

        async def app(*_: Any) -> None:
            assert CURRENT.get() is not None

        async def never() -> Any:
            await asyncio.Event().wait()

        monkeypatch.setattr(loop, "call_later", noted)
        IS_ANONYMOUS.set(is_anonymous)
        await QueryTimeout(app, 30)({"type": "http", "method": "GET"}, never, app)

    for each in (False, True):
        asyncio.run(run(each))
    assert seconds == [30, ANONYMOUS_SECONDS]


def test_anonymous_queries_may_not_use_patterns_or_many_steps() -> None:
    matches = json.dumps([["not", ["has_done", ["matches", "event:page", ["a+"]]]]])
    with pytest.raises(QueryError, match="matches"):
        refuse_patterns(parse_filters(matches))
    refuse_patterns(parse_filters('[["contains", "event:page", ["a"]]]'))
    refuse_patterns(None)
    many = ",".join(f"page:/{number}" for number in range(MAX_ANONYMOUS_STEPS + 1))
    assert len(parse_steps(many)) == MAX_ANONYMOUS_STEPS + 1
    token = IS_ANONYMOUS.set(True)
    try:
        with pytest.raises(QueryError, match="log in"):
            parse_steps(many)
        with pytest.raises(QueryError, match="matches"):
            parse_steps('[{"filters": [["matches", "event:page", ["a+"]]]}]')
    finally:
        IS_ANONYMOUS.reset(token)
