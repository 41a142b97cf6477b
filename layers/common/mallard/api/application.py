"""FastAPI, whose every answer goes through ``ResponseHeaders``: its own errors' too, which no added middleware sees."""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from mallard.api.middleware.error_redaction import ErrorRedaction
from mallard.api.middleware.response_headers import ResponseHeaders, new_id
from mallard.http.upstream import DIRECT, UpstreamHeaders


class Application(FastAPI):
    """``front`` and ``make_id`` as in ``ResponseHeaders``."""

    def __init__(self, *, front: UpstreamHeaders = DIRECT, make_id: Callable[[], str] = new_id, **more: Any) -> None:
        # A redirect would repeat whatever Host a client made up.
        super().__init__(redirect_slashes=False, **more)
        self._front = front
        self._make_id = make_id

    def openapi(self) -> dict[str, Any]:
        """The description, without FastAPI's 422: what it would answer so is answered 400.

        A security scheme without a name says that nothing has to be shown. Texts of an address are refused where they
        are empty, but for those that say ``minLength`` themselves.
        """
        document = super().openapi()
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

    def build_middleware_stack(self) -> ASGIApp:
        """All that FastAPI has, and what stands around it."""
        return ResponseHeaders(ErrorRedaction(super().build_middleware_stack()), self._front, self._make_id)
