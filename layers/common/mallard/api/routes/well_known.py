"""Routes of ``robots.txt`` and ``security.txt`` (RFC 9116)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

ROBOTS = "User-agent: *\nAllow: /tracking/\nAllow: /js/\nDisallow: /\n"
"""Numbers are not for search engines; the script is part of the pages that they render."""

CONTACT_LIVES = timedelta(days=180)
"""RFC 9116 asks for less than a year."""


def security_text(contacts: tuple[str, ...], now: datetime) -> str:
    """The text of ``security.txt``; it is good for half a year from the beginning of the day."""
    ends = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + CONTACT_LIVES
    lines = [*(f"Contact: {each}" for each in contacts), f"Expires: {ends:%Y-%m-%dT%H:%M:%SZ}"]
    return "\n".join(lines) + "\n"


def well_known_routes(contacts: tuple[str, ...], clock: Callable[[], datetime]) -> list[Route]:
    """The routes; without contacts there is no ``security.txt``."""

    async def robots(request: Request) -> Response:  # noqa: ARG001  # a route's
        return PlainTextResponse(ROBOTS, headers={"cache-control": "public, max-age=86400"})

    async def security(request: Request) -> Response:  # noqa: ARG001
        if not contacts:
            raise HTTPException(404)
        return PlainTextResponse(security_text(contacts, clock()))

    return [
        Route("/robots.txt", robots, methods=["GET"]),
        Route("/.well-known/security.txt", security, methods=["GET"]),
    ]
