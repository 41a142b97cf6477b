"""Closed set of drop reasons, each with its HTTP status."""

from dataclasses import dataclass
from enum import StrEnum


class DropReason(StrEnum):
    """Every reason; the value is the word in ``X-Mallard-Dropped``, in the error body and in the counters."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    MISSING = "missing"
    TYPE = "type"
    EMPTY = "empty"
    TOO_LONG = "too_long"
    SITE = "site"
    NEW_SITES = "new_sites"
    ORIGIN = "origin"
    RATE = "rate"
    BOT = "bot"
    AI_CRAWLER = "ai_crawler"
    PREFETCH = "prefetch"
    SPAM = "spam"
    LOCAL = "local"
    AUTOMATION = "automation"
    TIME = "time"
    ADDRESS = "address"


STATUS: dict[DropReason, int] = {
    DropReason.TOO_LARGE: 413,
    DropReason.MALFORMED: 400,
    DropReason.MISSING: 422,
    DropReason.TYPE: 422,
    DropReason.EMPTY: 400,
    DropReason.TOO_LONG: 400,
    DropReason.SITE: 403,
    DropReason.NEW_SITES: 429,
    DropReason.ORIGIN: 403,
    DropReason.RATE: 429,
    DropReason.BOT: 202,
    DropReason.AI_CRAWLER: 202,
    DropReason.PREFETCH: 202,
    DropReason.SPAM: 202,
    DropReason.LOCAL: 202,
    DropReason.AUTOMATION: 202,
    DropReason.TIME: 400,
    DropReason.ADDRESS: 400,
}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A refusal: its reason, and one sentence for the person who sent the event.

    ``site_id`` is the site whose event it was, where that is one we take events for.
    """

    reason: DropReason
    sentence: str
    retry_after_seconds: int | None = None
    site_id: str | None = None

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return STATUS[self.reason]
