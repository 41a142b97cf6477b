"""Error responses in the OpenAPI document.

As ``model`` of a route each status of each route would have a validator, which takes half of the time that routes take
to build, and which nothing uses.
"""

from collections.abc import Iterable
from typing import Any

from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel

from mallard.api.schemas.auth_schemas import Denial
from mallard.api.schemas.stats_schemas import ErrorResponse

Responses = dict[int | str, dict[str, Any]]

_REFERENCE = "#/components/schemas/{model}"


def _responses(shape: type[BaseModel], statuses: Iterable[int]) -> Responses:
    schema = {"$ref": _REFERENCE.format(model=shape.__name__)}
    return {status: {"content": {"application/json": {"schema": schema}}} for status in statuses}


ERRORS = _responses(ErrorResponse, (400, 401, 403, 413, 415, 500, 503, 504))
"""Of every route of the API."""

SITE_ERRORS = {**ERRORS, **_responses(ErrorResponse, (404,))}
"""Of routes of one site's goals, links and segments, which may not exist."""

AUTH_ERRORS = {**ERRORS, **_responses(Denial, (400, 401, 403, 404, 409, 429, 503))}
"""Of the routes of logins, keys and links."""


def add_schemas(document: dict[str, Any]) -> None:
    """Add the shapes that the responses refer to; in order of their names, as FastAPI has them."""
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for shape in (ErrorResponse, Denial):
        described = shape.model_json_schema(ref_template=_REFERENCE, mode="serialization")
        schemas[shape.__name__] = jsonable_encoder(described, exclude_none=True)
    document["components"]["schemas"] = {name: schemas[name] for name in sorted(schemas)}
