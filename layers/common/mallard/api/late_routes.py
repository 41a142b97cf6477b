"""Routes below some paths, built with the first request for one of them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from mallard.late_part import LatePart

ROUTE = "mallard.late_route"
"""The key of a scope that has the route which answers it."""


class LateRoutes(BaseRoute):
    """The routes of routers that take long to build, and that a function's first request seldom needs.

    ``paths`` are what the paths of all of them begin with.
    """

    def __init__(self, paths: Sequence[str], build: Callable[[], Sequence[APIRouter]]) -> None:
        self._paths = tuple(paths)
        self.built = LatePart(lambda: _routes_of(build(), self._paths))

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """As Starlette's router looks for a route: a full match, else the first that has another method."""
        partial: tuple[Match, Scope] = (Match.NONE, {})
        if scope["type"] != "http" or not scope["path"].startswith(self._paths):
            return partial
        for route in self.built():
            match, child = route.matches(scope)
            if match is Match.FULL:
                return match, {**child, ROUTE: route}
            if match is Match.PARTIAL and partial[0] is Match.NONE:
                partial = match, {**child, ROUTE: route}
        return partial

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """As of Starlette."""
        for route in self.built():
            with suppress(NoMatchFound):
                return route.url_path_for(name, **path_params)
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the route that matched."""
        await scope.pop(ROUTE).handle(scope, receive, send)


def _routes_of(routers: Sequence[APIRouter], paths: tuple[str, ...]) -> tuple[BaseRoute, ...]:
    routes = tuple(route for router in routers for route in router.routes)
    strays = [str(getattr(route, "path", route)) for route in routes if not _begins(route, paths)]
    assert not strays, f"{strays} begin with none of {paths}"
    return routes


def _begins(route: BaseRoute, paths: tuple[str, ...]) -> bool:
    return str(getattr(route, "path", "")).startswith(paths)
