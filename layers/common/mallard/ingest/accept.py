"""Accepts events: from a parsed request to a queued event or a drop.

Every entry point goes this way: the connection of `mallard serve`, ASGI, batches and Lambda. They differ in how they
wait for the store and the queue, which is theirs.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from mallard.auth.api_keys import ApiKey
from mallard.event import Event
from mallard.ingest.client import Client, read_sender
from mallard.ingest.drop_reasons import Dropped
from mallard.ingest.forwarded import forwarded
from mallard.ingest.ignored_fields import NONE, IgnoredField
from mallard.ingest.pipeline import IngestContext, receive
from mallard.ingest.request import EventRequest, requests_of


class Decision(msgspec.Struct, frozen=True):
    """The outcome of one request or row, and the values that were repaired or left out of its event.

    ``others``: the decisions on further sites of the same event. Where any site has the event, ``outcome`` is its.
    """

    outcome: Event | Dropped
    ignored: tuple[IgnoredField, ...] = NONE
    others: tuple["Decision", ...] = ()

    @property
    def refused(self) -> tuple[Dropped, ...]:
        """The refusals by further sites."""
        if not self.others:
            return ()
        return tuple(each.outcome for each in self.others if isinstance(each.outcome, Dropped))


def needs_store(request: EventRequest | Dropped, context: IngestContext, now: datetime) -> bool:
    """True where a decision may wait for the store: once per site and day."""
    if isinstance(request, Dropped):
        return False
    if not context.holds(request.site_id, now):
        return True
    return any(isinstance(each, str) and not context.holds(each, now) for each in request.more_sites)


def accept_event(
    request: EventRequest | Dropped,
    headers: Mapping[str, str],
    address: str,
    context: IngestContext,
    now: datetime,
    key: ApiKey | None = None,
) -> Decision:
    """The decision on one request, by its headers (in lower case) and the client's address.

    ``key`` is that of ``server_key``. Raises StoreUnavailableError where the salt of the day cannot be read.
    """
    if isinstance(request, Dropped):
        return Decision(context.attributed(request))
    sender = read_sender(headers, address, context.edge)
    if key is None and not request.more_sites:
        # As ``decided``, without another call: nearly all events go this way.
        outcome = receive(request, sender, context, now)
        return Decision(outcome, NONE if isinstance(outcome, Dropped) else request.ignored)
    of_server = sender if key is None else forwarded(sender, headers)
    return of_sites(
        request,
        lambda each: decided(each, of_server if key and key.reaches(each.site_id) else sender, context, now),
        context,
    )


def decided(
    request: EventRequest, sender: Client, context: IngestContext, now: datetime, moment: datetime | None = None
) -> Decision:
    """The decision on an event of one site."""
    outcome = receive(request, sender, context, now, moment)
    return Decision(outcome, NONE if isinstance(outcome, Dropped) else request.ignored)


def of_sites(request: EventRequest, decide: Callable[[EventRequest], Decision], context: IngestContext) -> Decision:
    """The decision on an event of one site or several, each of which takes it or refuses it on its own."""
    decisions = [
        Decision(context.attributed(each)) if isinstance(each, Dropped) else decide(each)
        for each in requests_of(request)
    ]
    first, *others = sorted(decisions, key=lambda each: isinstance(each.outcome, Dropped))
    return msgspec.structs.replace(first, others=tuple(others)) if others else first


def each_site(decisions: Iterable[Decision]) -> Iterator[Decision]:
    """The decisions, with those on further sites behind their own."""
    for each in decisions:
        yield each
        yield from each.others


def messages_of(decisions: Iterable[Decision]) -> list[bytes]:
    """The queue's messages of the accepted events."""
    messages: list[bytes] = []
    for each in decisions:
        if isinstance(each.outcome, Event):
            messages.append(each.outcome.to_message())
            # Where the first site refuses it, so do all.
            if each.others:
                messages += messages_of(each.others)
    return messages


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
        if each.others:
            notes += settle(each.others, context, now, count)
    return notes
