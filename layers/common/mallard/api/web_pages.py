"""The pages beside the API: dashboard, tracking script, liveness, readiness; without FastAPI."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from mallard.api.error_responses import add_error_responses
from mallard.api.health_responses import HEALTH_PATH, READY_PATH, liveness, readiness
from mallard.api.middleware.dashboard_origin import dashboard_cors
from mallard.api.middleware.json_body import PREFIXES
from mallard.api.outer_middleware import outer_middleware, wrapped
from mallard.api.own_pool import in_own_pool
from mallard.api.routes.well_known import well_known_routes
from mallard.api.static_files import DOCS_PATH, PLAUSIBLE_PATH, SCRIPT_PATH, Dashboard, Scripts, docs_response
from mallard.health.source import HealthSource
from mallard.http.upstream import UpstreamHeaders

API_PATHS = frozenset(("/health/detailed", "/metrics", "/openapi.json"))
"""Paths of the API outside its PREFIXES."""


def is_api(path: str) -> bool:
    """True for a path that the API answers, if only with an error."""
    return path in API_PATHS or path.startswith(PREFIXES)


class WebPages(Starlette):
    """Answers every path that is none of the API, with the headers and errors of the API."""

    def __init__(self, *, outer: Sequence[Middleware], inner: Sequence[Middleware], routes: Sequence[Route | Mount]):
        super().__init__(routes=routes, middleware=inner)
        # A redirect would repeat whatever Host a client made up.
        self.router.redirect_slashes = False
        self._outer = tuple(outer)
        add_error_responses(self)

    def build_middleware_stack(self) -> ASGIApp:
        """Starlette's stack within the outer middleware."""
        return wrapped(super().build_middleware_stack(), self._outer)


def open_pages(
    *,
    dashboard: Path,
    tracker: Path,
    source: HealthSource,
    contacts: tuple[str, ...],
    dashboard_origin: str,
    front: UpstreamHeaders,
    clock: Callable[[], datetime],
) -> WebPages:
    """The application over the folders of the dashboard and the built tracker. ConfigError where a file is missing."""
    scripts = Scripts(tracker)

    async def health(request: Request) -> Response:  # noqa: ARG001  # a route's
        return liveness()

    async def ready(request: Request) -> Response:  # noqa: ARG001
        return await in_own_pool(partial(readiness, source))

    async def script(request: Request) -> Response:
        return scripts.response(request)

    async def plausible_script(request: Request) -> Response:
        return scripts.plausible_response(request)

    async def docs(request: Request) -> Response:  # noqa: ARG001
        return docs_response(dashboard)

    return WebPages(
        outer=outer_middleware(front),
        inner=dashboard_cors(dashboard_origin),
        routes=[
            Route(HEALTH_PATH, health),
            Route(READY_PATH, ready),
            *well_known_routes(contacts, clock),
            Route(SCRIPT_PATH, script),
            Route(PLAUSIBLE_PATH, plausible_script),
            Route(DOCS_PATH, docs),
            Mount("/", Dashboard(directory=dashboard, html=True)),
        ],
    )
