"""Why an event is not taken: one closed set of reasons, each with the status it answers."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
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


STATUS: dict[Reason, int] = {
    Reason.TOO_LARGE: 413,
    Reason.MALFORMED: 400,
    Reason.MISSING: 422,
    Reason.TYPE: 422,
    Reason.EMPTY: 400,
    Reason.TOO_LONG: 400,
    Reason.SITE: 403,
    Reason.NEW_SITES: 429,
    Reason.ORIGIN: 403,
    Reason.RATE: 429,
    Reason.BOT: 202,
    Reason.AI_CRAWLER: 202,
    Reason.PREFETCH: 202,
    Reason.SPAM: 202,
    Reason.LOCAL: 202,
    Reason.AUTOMATION: 202,
    Reason.TIME: 400,
    Reason.ADDRESS: 400,
}


@dataclass(frozen=True, slots=True)
class Dropped:
    """A refusal: its reason, and one sentence for the person who sent the event.

    ``site_id`` is the site whose event it was, where that is one we take events for.
    """

    reason: Reason
    sentence: str
    retry_after_seconds: int | None = None
    site_id: str | None = None

    @property
    def status(self) -> int:
        """The HTTP status of the answer."""
        return STATUS[self.reason]
