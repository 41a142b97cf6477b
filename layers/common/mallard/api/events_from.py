"""Response header for ranges with dates whose events are deleted."""

from fastapi import Request

EVENTS_FROM = "x-mallard-events-from"
"""The first date with all its events, where the range begins before it."""


def events_from(request: Request) -> dict[str, str]:
    """The header as the reports of this request noted it; empty where all events of the range are there."""
    stats = getattr(request.state, "stats", None)
    first_date = stats.events_from if stats else None
    return {EVENTS_FROM: first_date.isoformat()} if first_date else {}
