"""CORS for a dashboard on another origin."""

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

PREFLIGHT_SECONDS = 600


def dashboard_cors(origin: str) -> list[Middleware]:
    """The middleware that lets pages of one other origin send a token, never a cookie; none without an origin."""
    if not origin:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=[origin],
            allow_methods=["GET", "POST", "PUT", "DELETE"],
            allow_headers=["authorization", "content-type", "x-api-key"],
            expose_headers=[
                "retry-after",
                "content-disposition",
                "x-request-id",
                "x-mallard-incomplete",
                "x-mallard-events-from",
            ],
            max_age=PREFLIGHT_SECONDS,
        )
    ]
