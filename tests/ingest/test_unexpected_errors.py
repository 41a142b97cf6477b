"""What nobody foresaw in an event is answered as any refusal is, and the log has no words of the request."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from ingest.contexts import open_context, wire_body
from mallard.auth.api_keys import ApiKeys
from mallard.ingest.http.asgi import IngestApp
from mallard.queue.local import LocalQueue
from support.memory import MemoryStore


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/api/event", 503), ("GET", "/api/event", 200), ("POST", "/api/events", 503)],
)
def test_unexpected_exception_has_headers_and_a_log_line_without_its_message(
    method: str,
    path: str,
    status: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def trip(*_: Any) -> Any:
        raise ZeroDivisionError("hunter2 of the request")

    sent: list[dict[str, Any]] = []

    async def told() -> None:
        app = IngestApp(open_context(store), queue, ApiKeys(store))
        monkeypatch.setattr(app, "_decide", trip)
        monkeypatch.setattr(app._keys, "find", trip)

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": wire_body()}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        headers = [(b"x-api-key", b"mm_a")]
        scope = {"type": "http", "method": method, "path": path, "headers": headers, "query_string": b"d=a.example"}
        await app(scope, receive, send)

    store, queue = MemoryStore(), LocalQueue(tmp_path / "queue.sqlite")
    try:
        asyncio.run(told())
    finally:
        queue.close()
    assert sent[0]["status"] == status
    names = dict(sent[0]["headers"])
    assert names[b"access-control-allow-origin"] == b"*"
    assert names[b"x-content-type-options"] == b"nosniff"
    assert b"hunter2" not in sent[1]["body"]
    assert "ZeroDivisionError in trip" in caplog.text
    assert "hunter2" not in caplog.text
