"""Accepts events: from a parsed request to a queued event or a drop.

Every entry point goes this way: the connection of `mallard serve`, ASGI, batches and Lambda. They differ in how they
wait for the store and the queue, which is theirs.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import msgspec

from mallard.event import Event
from mallard.ingest.client import read_sender
from mallard.ingest.drop_reasons import Dropped
from mallard.ingest.ignored_fields import NONE, IgnoredField
from mallard.ingest.pipeline import IngestContext, receive
from mallard.ingest.request import EventRequest


class Decision(msgspec.Struct, frozen=True):
    """The outcome of one request or row, and the values that were repaired or left out of its event."""

    outcome: Event | Dropped
    ignored: tuple[IgnoredField, ...] = NONE


def needs_store(request: EventRequest | Dropped, context: IngestContext, now: datetime) -> bool:
    """True where a decision may wait for the store: once per site and day."""
    return not isinstance(request, Dropped) and not context.holds(request.site_id, now)


def accept_event(
    request: EventRequest | Dropped, headers: Mapping[str, str], address: str, context: IngestContext, now: datetime
) -> Decision:
    """The decision on one request, by its headers (in lower case) and the client's address.

    Raises StoreUnavailableError where the salt of the day cannot be read.
    """
    if isinstance(request, Dropped):
        return Decision(context.attributed(request))
    outcome = receive(request, read_sender(headers, address, context.edge), context, now)
    return Decision(outcome, NONE if isinstance(outcome, Dropped) else request.ignored)


def messages_of(decisions: Iterable[Decision]) -> list[bytes]:
    """The queue's messages of the accepted events."""
    return [each.outcome.to_message() for each in decisions if isinstance(each.outcome, Event)]


def settle(
    decisions: Iterable[Decision], context: IngestContext, now: datetime, count: Callable[[Decision], None]
) -> list[bytes]:
    """Count decisions whose events are queued; the messages that note drops and ignored values for their sites."""
    notes: list[bytes] = []
    for each in decisions:
        count(each)
        if isinstance(each.outcome, Dropped):
            notes += context.note(each.outcome, now)
        elif each.ignored:
            notes += context.note_ignored(each.outcome.site_id, each.ignored, now)
    return notes
