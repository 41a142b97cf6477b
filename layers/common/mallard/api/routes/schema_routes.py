"""Routes of the JSON Schema of queries, which everyone may read."""

from typing import Any

from fastapi import APIRouter, Response

from mallard.stats.query_schema import query_schema

CACHED = "public, max-age=3600"


def schema_routes() -> APIRouter:
    """The router: one document, at an address of ours and at Plausible's."""
    router = APIRouter(prefix="/api", tags=["query"])
    document = query_schema()

    @router.get("/v2/schema.json")
    @router.get("/docs/query/schema.json")
    def read_query_schema(response: Response) -> dict[str, Any]:
        """The JSON Schema of the body of `POST /api/v2/query`."""
        response.headers["cache-control"] = CACHED
        return document

    return router
