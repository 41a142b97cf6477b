"""The API of `mallard serve`, which is built with its first request."""

import asyncio
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from mallard.api.outer_middleware import outer_middleware
from mallard.config import load_settings
from mallard.http.upstream import DIRECT
from mallard.late_part import LatePart
from mallard.maintenance.jobs import MaintenanceJobs
from mallard.server.embedded import Embedded
from mallard.server.late_api import LateApi

SCOPE: dict[str, Any] = {
    "type": "http",
    "method": "GET",
    "path": "/api/sites",
    "headers": [],
    "client": None,
    "scheme": "http",
}


async def ask(app: LateApi) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of one answer."""
    messages: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    await app({**SCOPE}, receive, send)
    begin, *pieces = messages
    headers = {name.decode(): value.decode() for name, value in begin["headers"]}
    return begin["status"], headers, b"".join(each.get("body", b"") for each in pieces).decode()


def late(build: Any) -> LateApi:
    return LateApi(LatePart(build), outer_middleware(DIRECT, lambda: "the-id"))


def test_late_api_is_built_once_for_simultaneous_requests_outside_the_event_loop() -> None:
    builders = list[threading.Thread]()

    def build() -> PlainTextResponse:
        builders.append(threading.current_thread())
        return PlainTextResponse("answer")

    async def asked() -> list[tuple[int, dict[str, str], str]]:
        app = late(build)
        return await asyncio.gather(*(ask(app) for _ in range(20)))

    answers = asyncio.run(asked())
    assert [(status, body) for status, _, body in answers] == [(200, "answer")] * 20
    assert len(builders) == 1
    assert builders[0] is not threading.main_thread()


def test_late_api_that_cannot_be_built_answers_500_and_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    faults = [ZeroDivisionError("a secret of the request")]

    def build() -> PlainTextResponse:
        if faults:
            raise faults.pop()
        return PlainTextResponse("answer")

    async def asked() -> list[tuple[int, dict[str, str], str]]:
        app = late(build)
        return [await ask(app), await ask(app)]

    (status, headers, body), again = asyncio.run(asked())
    assert (status, body) == (500, '{"error":"Internal error; see the server\'s log."}')
    assert headers["x-request-id"] == "the-id"
    assert headers["x-content-type-options"] == "nosniff"
    assert (again[0], again[2]) == (200, "answer")
    assert "ZeroDivisionError in" in caplog.text
    assert "secret" not in caplog.text


def test_client_that_leaves_does_not_end_the_building_for_others() -> None:
    may_go_on = threading.Event()

    def build() -> PlainTextResponse:
        may_go_on.wait(30)
        return PlainTextResponse("answer")

    async def asked() -> tuple[int, dict[str, str], str]:
        app = late(build)
        left, stays = asyncio.create_task(ask(app)), asyncio.create_task(ask(app))
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.sleep(0)
        may_go_on.set()
        return await stays

    assert asyncio.run(asked())[2] == "answer"


def test_jobs_that_are_built_during_a_shutdown_do_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app, begun, may_go_on, runs = Embedded(settings_of(tmp_path)), threading.Event(), threading.Event(), list[object]()
    monkeypatch.setattr(MaintenanceJobs, "keep", lambda jobs, now, **more: runs.append(now))
    build = app._open_jobs

    def slow() -> MaintenanceJobs:
        begun.set()
        may_go_on.wait(30)
        return build()

    app._jobs = LatePart(slow)
    running = threading.Thread(target=app._run_jobs, args=(datetime.now(UTC), lambda: True))
    app.start()
    running.start()
    assert begun.wait(30)
    app.stop()
    may_go_on.set()
    running.join(30)
    assert runs == []


def settings_of(folder: Path) -> Any:
    return load_settings({"MALLARD_DATA_DIR": str(folder)})
