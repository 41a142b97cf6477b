"""The event between ingest, queue and table: a frozen value and its wire form.

Three shapes exist, each with its own home: the request (``ingest/request.py``), ``Event`` here,
and the row of the table (``table/schema.py``).
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

EVENT_ID_EPOCH_MS = 1_577_836_800_000
"""2020-01-01T00:00Z. Counting ``event_id`` milliseconds from here keeps 63 bits enough until 2089."""

EVENT_ID_RANDOM_BITS = 22

PAGEVIEW = "pageview"
ENGAGEMENT = "engagement"
"""The ping that carries scroll depth and engaged time; it is stored but is no event: it counts nothing."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One accepted event, with everything the table stores about it.

    ``timestamp`` is UTC milliseconds since 1970. ``date`` is the local date in the site's zone; with
    ``site_id`` it names the partition and is decided once, here, so that a redelivery lands in the same one.
    ``named_by_client`` says that the id stands for the client's own id of the event: two such are always one event.
    ``accepted_ms`` is when ingest took the event (an erasure compares it), ``salt`` the name of the salt behind
    ``visitor_id``. ``revenue_amount`` is decimal text with two places. ``hour_order`` is there where
    ``timestamp`` is the begin of an hour: a number that rises within one visitor's hour.
    ``interactive`` is False where the visitor did not cause the event, else None.
    No address and no raw user agent.
    """

    event_id: int
    site_id: str
    date: str
    accepted_ms: int
    salt: str | None
    timestamp: int
    event_name: str
    named_by_client: bool = msgspec.field(default_factory=bool)
    visitor_id: int | None = None
    pathname: str | None = None
    hostname: str | None = None
    referrer: str | None = None
    referrer_source: str | None = None
    channel: str | None = None
    utm_source: str | None = None
    utm_medium: str | None = None
    utm_campaign: str | None = None
    utm_content: str | None = None
    utm_term: str | None = None
    browser: str | None = None
    browser_version: str | None = None
    os: str | None = None
    os_version: str | None = None
    device_type: str | None = None
    screen_size: str | None = None
    language: str | None = None
    country_code: str | None = None
    region: str | None = None
    city: str | None = None
    props: str | None = None
    revenue_amount: str | None = None
    revenue_currency: str | None = None
    scroll_depth: int | None = None
    engagement_ms: int | None = None
    hour_order: int | None = None
    interactive: bool | None = None

    def to_message(self) -> bytes:
        """The event as one line of compact JSON, absent values left out: the body of a queue message."""
        return _JSON.encode(self if self.salt is not None else _present(self))


_JSON = msgspec.json.Encoder()


def _present(event: Event) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(event).items() if value is not None}


def utc_date(moment: datetime) -> date:
    """The UTC date of a moment."""
    return moment.astimezone(UTC).date()


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware datetime, rounded down."""
    return (moment - _EPOCH) // _MILLISECOND


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
