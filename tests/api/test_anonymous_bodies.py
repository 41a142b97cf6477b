"""Bodies of strangers are short; long ones of the owner are read off the event loop."""

import asyncio
import json
import threading
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from mallard.api.middleware import json_body
from mallard.api.middleware.json_body import (
    HEAVY_BODY_BYTES,
    MAX_ANONYMOUS_BODY_BYTES,
    MAX_BODY_BYTES,
    TOO_LARGE,
    TOO_LARGE_FOR_ANONYMOUS,
    JsonBody,
)

LOGIN = "/api/auth/login"


def text_of(size: int) -> bytes:
    return json.dumps({"password": "x" * (size - len('{"password": ""}'))}).encode()


async def answered(app: JsonBody, pieces: list[bytes], asked: list[int]) -> tuple[int, bytes]:
    """Status and body; ``asked`` gets the number of each piece that was read."""
    sent: list[Any] = []
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": LOGIN, "headers": headers, "query_string": b""}

    async def receive() -> dict[str, Any]:
        asked.append(len(asked))
        number = asked[-1]
        return {"type": "http.request", "body": pieces[number], "more_body": number + 1 < len(pieces)}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def taken(scope: Any, receive: Any, send: Any) -> None:
    message = await receive()
    await PlainTextResponse(f"{len(message['body'])} bytes")(scope, receive, send)


@pytest.mark.parametrize(
    ("known", "size", "status"),
    [
        (False, MAX_ANONYMOUS_BODY_BYTES, 200),
        (False, MAX_ANONYMOUS_BODY_BYTES + 1, 413),
        (True, MAX_ANONYMOUS_BODY_BYTES + 1, 200),
        (True, MAX_BODY_BYTES, 200),
        (True, MAX_BODY_BYTES + 1, 413),
    ],
)
def test_body_limit_depends_on_the_credential(known: bool, size: int, status: int) -> None:
    app = JsonBody(taken, lambda _: known)
    found, text = asyncio.run(answered(app, [text_of(size)], []))
    assert found == status
    if status == 413:
        assert json.loads(text) == {"error": TOO_LARGE if known else TOO_LARGE_FOR_ANONYMOUS}


def test_anonymous_body_is_not_read_to_its_end() -> None:
    asked: list[int] = []
    status, _ = asyncio.run(answered(JsonBody(taken, lambda _: False), [b"x" * 4096] * 200, asked))
    assert (status, len(asked)) == (413, 3)


def test_credential_is_checked_only_for_a_long_body() -> None:
    heads: list[Any] = []

    def knows(scope: Any) -> bool:
        heads.append(scope)
        return True

    app = JsonBody(taken, knows)
    asyncio.run(answered(app, [text_of(MAX_ANONYMOUS_BODY_BYTES)], []))
    assert heads == []
    asyncio.run(answered(app, [text_of(10_000), b" " * 10_000], []))
    assert len(heads) == 1


@pytest.mark.parametrize(("size", "on_loop"), [(HEAVY_BODY_BYTES, True), (HEAVY_BODY_BYTES + 1, False)])
def test_a_long_body_is_checked_off_the_event_loop(size: int, on_loop: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[bool] = []

    def look(_: bytes) -> None:
        threads.append(threading.current_thread() is threading.main_thread())

    monkeypatch.setattr(json_body, "fault_in", look)
    assert asyncio.run(answered(JsonBody(taken, lambda _: True), [text_of(size)], []))[0] == 200
    assert threads == [on_loop]
