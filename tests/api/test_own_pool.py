"""Logins, status and health answer while reports hold every thread that FastAPI has."""

import asyncio
import json
import threading
from collections.abc import Iterator
from typing import Any

import anyio.to_thread
import pytest
from fastapi import APIRouter, FastAPI

from mallard.api.own_pool_route import OwnPoolRoute


@pytest.fixture
def held() -> Iterator[threading.Event]:
    """Threads that wait for it end with the test."""
    event = threading.Event()
    yield event
    event.set()


def app_of(held: threading.Event) -> FastAPI:
    app, own = FastAPI(), APIRouter(route_class=OwnPoolRoute)

    @app.get("/report")
    def report() -> str:
        held.wait()
        return "report"

    @own.get("/health/{name}")
    def health(name: str, times: int = 1) -> dict[str, int]:
        """Told in the OpenAPI document."""
        return {name: times}

    app.include_router(own)
    return app


async def get(app: FastAPI, path: str, query: str = "") -> Any:
    """The JSON of an answer."""
    body = b""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def send(message: Any) -> None:
        nonlocal body
        body += message.get("body", b"")

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "headers": []}
    await app(scope, receive, send)
    return json.loads(body)


def test_own_pool_responds_while_all_other_threads_are_busy(held: threading.Event) -> None:
    async def ask() -> Any:
        app, limiter = app_of(held), anyio.to_thread.current_default_thread_limiter()
        reports = [asyncio.create_task(get(app, "/report")) for _ in range(int(limiter.total_tokens))]
        while limiter.borrowed_tokens < limiter.total_tokens:
            await asyncio.sleep(0)
        answer = await get(app, "/health/ready", "times=3")
        held.set()
        assert set(await asyncio.gather(*reports)) == {"report"}
        return answer

    assert asyncio.run(ask()) == {"ready": 3}


def test_own_pool_keeps_the_openapi_description_of_a_route(held: threading.Event) -> None:
    described = app_of(held).openapi()["paths"]["/health/{name}"]["get"]
    assert described["description"] == "Told in the OpenAPI document."
    assert [each["name"] for each in described["parameters"]] == ["name", "times"]
