"""FastAPI with middleware around its own error responses, and a corrected OpenAPI document."""

from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware import Middleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from mallard.api.late_routes import LateRoutes
from mallard.api.outer_middleware import wrapped
from mallard.api.schemas.documented_errors import add_schemas


class Application(FastAPI):
    """``outer`` is middleware around all that FastAPI has, from the outermost to the innermost."""

    def __init__(self, *, outer: Sequence[Middleware], **more: Any) -> None:
        # A redirect would repeat whatever Host a client made up.
        super().__init__(redirect_slashes=False, **more)
        self._outer = tuple(outer)

    def openapi(self) -> dict[str, Any]:
        """The description, without FastAPI's 422: what it would answer so is answered 400.

        A security scheme without a name says that nothing has to be shown. Texts of an address are refused where they
        are empty, but for those that say ``minLength`` themselves.
        """
        document = super().openapi()
        add_schemas(document)
        for operations in document["paths"].values():
            for operation in operations.values():
                operation["responses"].pop("422", None)
                for parameter in operation.get("parameters", ()):
                    if parameter["in"] == "query":
                        parameter["schema"].setdefault("minLength", 1)
                if "security" in operation:
                    operation["security"] = [{} if "" in each else each for each in operation["security"]]
        document.get("components", {}).get("securitySchemes", {}).pop("", None)
        for shape in ("HTTPValidationError", "ValidationError"):
            document.get("components", {}).get("schemas", {}).pop(shape, None)
        return document

    def add_routes(self, router: APIRouter) -> None:
        """The routes of a router as they are: ``include_router`` would build each of them a second time."""
        self.router.routes += router.routes

    def add_late_routes(self, paths: Sequence[str], build: Callable[[], Sequence[APIRouter]]) -> None:
        """The routes of routers whose paths all begin with one of these, built with the first request there."""
        self.router.routes.append(LateRoutes(paths, build))

    def build_late_routes(self) -> None:
        """Build them now."""
        self.router.routes[:] = self.routes

    @property
    def routes(self) -> list[BaseRoute]:
        """All routes; builds the late ones."""
        return [
            route
            for each in self.router.routes
            for route in (each.built() if isinstance(each, LateRoutes) else (each,))
        ]

    def build_middleware_stack(self) -> ASGIApp:
        """FastAPI's stack within the outer middleware."""
        return wrapped(super().build_middleware_stack(), self._outer)
