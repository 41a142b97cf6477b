"""The endpoints for monitors: ``/health``, ``/health/ready``, ``/health/detailed`` and ``/metrics``."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from mallard.api.auth_http import headers_of
from mallard.api.own_pool import OwnPoolRoute
from mallard.api.security_schemes import MANAGES_OR_LESS, MONITORS
from mallard.auth.identity import Denied
from mallard.auth.service import AuthService
from mallard.health.prometheus import MEDIA_TYPE, exposition
from mallard.health.readiness import status_of
from mallard.health.source import HealthSource, known

NO_STORE = {"cache-control": "no-store"}
PLAIN: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
"""What is text; its refusals are JSON as everywhere."""


class Ready(BaseModel):
    """Whether the instance can do its work, and a sentence on what it cannot."""

    status: str
    sentence: str


def health_routes(subject: HealthSource, gate: AuthService, may_read_metrics: Callable[[Request], None]) -> APIRouter:
    """The router. Strangers learn whether it works; how it is is for who may manage the instance.

    ``may_read_metrics`` is a dependency before ``/metrics``.
    """
    router = APIRouter(tags=["health"], route_class=OwnPoolRoute)

    @router.get("/health", response_class=Response, responses=PLAIN)
    async def health() -> PlainTextResponse:
        """``ok`` as long as the process answers at all: for who restarts it. It looks at nothing."""
        return PlainTextResponse("ok", headers=NO_STORE)

    @router.get("/health/ready", responses={503: {"model": Ready, "description": "Not ready"}})
    def ready(response: Response) -> Ready:
        """Whether the store answers and the queue can be written: 200, or 503 with a sentence on what is wrong."""
        response.headers.update(NO_STORE)
        wrong = [each.sentence for each in subject.checks() if not each.ok]
        response.status_code = 503 if wrong else 200
        return Ready(
            status="not ready" if wrong else "ready", sentence=" ".join(wrong) or "Ready for events and questions."
        )

    @router.get("/health/detailed", dependencies=MANAGES_OR_LESS)
    def detailed(request: Request) -> JSONResponse:
        """How the instance is, for its owner and keys of scope Admin for all sites; for others the status alone."""
        shown = subject.detail() if _manages(gate, request) else {"status": status_of(subject.checks())}
        return JSONResponse(shown, headers=NO_STORE)

    monitors = [Depends(may_read_metrics), *MONITORS]

    @router.get("/metrics", response_class=Response, responses=PLAIN, dependencies=monitors)
    def metrics() -> PlainTextResponse:
        """Numbers in the text format of Prometheus. Where MALLARD_METRICS_TOKEN is set it is asked for."""
        return PlainTextResponse(exposition(subject.metrics()), media_type=MEDIA_TYPE, headers=NO_STORE)

    return router


def _manages(gate: AuthService, request: Request) -> bool:
    """Whether somebody may manage the instance. Where that cannot be found out they are told no more than others."""
    who = known(lambda: gate.guard.identify(headers_of(request), request.method, gate.now()))
    return who is not None and not isinstance(who, Denied) and who.refusal_to_manage() is None
