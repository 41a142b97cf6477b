"""Routes of monitoring: ``/health``, ``/health/ready``, ``/health/detailed`` and ``/metrics``."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from pydantic import BaseModel

from mallard.api.auth_http import headers_of
from mallard.api.health_responses import HEALTH_PATH, NO_STORE, READY_PATH, liveness, readiness
from mallard.api.own_pool_route import OwnPoolRoute
from mallard.api.schemas.documented_errors import ERRORS
from mallard.api.security_schemes import MANAGES_OR_LESS, MONITORS
from mallard.auth.identity import Denied
from mallard.auth.service import AuthService
from mallard.health.prometheus import MEDIA_TYPE, exposition
from mallard.health.readiness import status_of
from mallard.health.source import HealthSource, known

PLAIN: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
"""A response of plain text; errors are JSON as everywhere."""


class Ready(BaseModel):
    """Readiness, and a sentence on what fails."""

    status: str
    sentence: str


def health_routes(source: HealthSource, auth: AuthService, may_read_metrics: Callable[[Request], None]) -> APIRouter:
    """The router. Details require permission to manage the instance; the status is public.

    ``may_read_metrics`` is a dependency before ``/metrics``.
    """
    router = APIRouter(tags=["health"], route_class=OwnPoolRoute, responses=ERRORS)

    @router.get(HEALTH_PATH, response_class=Response, responses=PLAIN)
    async def health() -> Response:
        """Liveness: always `ok`, without a check of the store or the queue."""
        return liveness()

    @router.get(READY_PATH, response_model=Ready, responses={503: {"model": Ready, "description": "Not ready"}})
    def ready() -> Response:
        """Readiness: 200 if the store answers and the queue can be written, else 503 with a sentence."""
        return readiness(source)

    @router.get("/api/system/health/live")
    async def live() -> dict[str, bool]:
        """Liveness, as Plausible answers it."""
        return {"ok": True}

    @router.get("/api/health", response_model=dict[str, str])
    @router.get("/api/system/health/ready", response_model=dict[str, str])
    def parts() -> JSONResponse:
        """Readiness of each part, as Plausible answers it: `ok` or `error`, and 500 with an error."""
        found = {each.name: "ok" if each.ok else "error" for each in source.checks()}
        return JSONResponse(found, 200 if set(found.values()) <= {"ok"} else 500, NO_STORE)

    @router.get("/health/detailed", dependencies=MANAGES_OR_LESS)
    def detailed(request: Request) -> JSONResponse:
        """State of the instance, for its owner and keys of scope Admin for all sites; others get the status alone."""
        shown = source.detail() if _manages(auth, request) else {"status": status_of(source.checks())}
        return JSONResponse(shown, headers=NO_STORE)

    monitors = [Depends(may_read_metrics), *MONITORS]

    @router.get("/metrics", response_class=Response, responses=PLAIN, dependencies=monitors)
    def metrics() -> PlainTextResponse:
        """Metrics in the text format of Prometheus. Requires MALLARD_METRICS_TOKEN as a bearer token if it is set."""
        return PlainTextResponse(exposition(source.metrics()), media_type=MEDIA_TYPE, headers=NO_STORE)

    return router


def _manages(auth: AuthService, request: Request) -> bool:
    """True for an identity that may manage the instance; False too where the store does not answer."""
    identity = known(lambda: auth.authenticator.identify(headers_of(request), request.method, auth.now()))
    return identity is not None and not isinstance(identity, Denied) and identity.refusal_to_manage() is None
