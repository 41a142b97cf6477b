"""The door behind API Gateway or a Function URL: one event of format 2.0 in, one answer out."""

import base64
import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

from mallard.auth.api_keys import ApiKeys
from mallard.bootstrap.ingest import Parts
from mallard.errors import MallardError
from mallard.event import Event
from mallard.http.addresses import address_text
from mallard.http.header_policy import HSTS
from mallard.http.request_headers import is_packed
from mallard.ingest.batch import BATCH_HEADERS, admit, answer_batch, refused_batch, take_batch
from mallard.ingest.client import Client, read_sender
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.http.responses import (
    EVENT_FRONT,
    PIXEL_FRONT,
    IngestResponse,
    ResponseFormat,
    answer_encoded,
    answer_preflight,
    answer_wrong_batch_method,
    answer_wrong_method,
)
from mallard.ingest.ignored_fields import NONE, IgnoredField, kind_of
from mallard.ingest.pipeline import IngestContext, receive
from mallard.ingest.request import EventRequest, parse_body, parse_pixel_query
from mallard.observability.fault_description import FAULTS, kind_and_place
from mallard.queue.base import Queue

ACCEPTED = "accepted"
DROPPED = "dropped"
IGNORED = "ignored"
UNAVAILABLE = "unavailable"
"""Counts of events accepted and dropped (``dropped_bot`` and so on too), of events some of whose values were ignored
(``ignored_props`` and so on too), and of requests answered 503.

A reason is part of a name and no dimension: a batch drops rows for several, and an EMF object has one value of each.
"""

_PIXEL_METHODS = ("GET", "HEAD")

log = logging.getLogger("mallard.ingest")


def answer_safely(
    event: dict[str, Any], open_parts: Callable[[], Parts], now: datetime, counts: Counter[str]
) -> dict[str, Any]:
    """``answer_gateway``, where also a part that cannot be opened and a fault nobody foresaw are a 503.

    A browser whose event was not taken must learn it, with the headers that let its script read the answer.
    """
    try:
        return answer_gateway(event, *open_parts(), now, counts)
    except MallardError as error:
        log.error("not ready: %s", error)
    except Exception as error:
        counts[FAULTS] += 1
        log.error("failed: %s", kind_and_place(error))
    counts[UNAVAILABLE] += 1
    return _response(_front(event).unavailable())


def answer_gateway(
    event: dict[str, Any],
    door: IngestContext,
    queue: Queue,
    keys: ApiKeys,
    now: datetime,
    counts: Counter[str] | None = None,
) -> dict[str, Any]:
    """Take one request; the 202 is given only after the queue has the event, or all of a batch."""
    counts = Counter() if counts is None else counts
    if str(event.get("rawPath", "")).rstrip("/").endswith("/api/events"):
        return _response(_answer_batch(event, door, queue, keys, now, counts))
    return _response(_answer(event, door, queue, now, counts))


def _response(answer: IngestResponse) -> dict[str, Any]:
    return {
        "statusCode": answer.status,
        # There is nothing but TLS.
        "headers": answer.headers | HSTS,
        "body": base64.b64encode(answer.body).decode(),
        "isBase64Encoded": True,
    }


def _answer(
    event: dict[str, Any], door: IngestContext, queue: Queue, now: datetime, counts: Counter[str]
) -> IngestResponse:
    method = _method(event)
    if method not in ("POST", *_PIXEL_METHODS):
        asked = _headers(event).get("access-control-request-headers", "")
        return answer_preflight(asked) if method == "OPTIONS" else answer_wrong_method()
    if method == "POST" and _is_encoded(event):
        return answer_encoded()
    request = _pixel(event) if method in _PIXEL_METHODS else _request(event)
    front = _front(event)
    try:
        outcome = receive(request, _sender(event, door), door, now)
        if isinstance(outcome, Event):
            queue.send([outcome.to_message()])
    except MallardError as error:
        log.error("event not stored: %s", error)
        counts[UNAVAILABLE] += 1
        return front.unavailable()
    _count(outcome, counts)
    if isinstance(outcome, Dropped):
        _note(queue, door.note(outcome, now))
        return front.outcome(outcome, NONE)
    ignored = NONE if isinstance(request, Dropped) else request.ignored
    if ignored:
        _count_ignored(ignored, counts)
        _note(queue, door.note_ignored(outcome.site_id, ignored, now))
    return front.outcome(outcome, ignored)


def _answer_batch(
    event: dict[str, Any], door: IngestContext, queue: Queue, keys: ApiKeys, now: datetime, counts: Counter[str]
) -> IngestResponse:
    if _method(event) != "POST":
        return answer_wrong_batch_method()
    if _is_encoded(event):
        return answer_encoded(BATCH_HEADERS)
    try:
        key = admit(_headers(event), keys)
        if isinstance(key, IngestResponse):
            return key
        body = _body(event)
        taken = refused_batch(body) if isinstance(body, Dropped) else take_batch(body, key, door, now)
        if isinstance(taken, IngestResponse):
            return taken
        queue.send([each.to_message() for each in taken.events])
    except MallardError as error:
        log.error("batch not stored: %s", error)
        counts[UNAVAILABLE] += 1
        return EVENT_FRONT.unavailable()
    counts[ACCEPTED] += len(taken.events)
    for _, dropped in taken.dropped:
        _count(dropped, counts)
    for each in taken.ignored:
        _count_ignored(each.fields, counts)
    notes = [body for _, dropped in taken.dropped for body in door.note(dropped, now)]
    notes += [body for each in taken.ignored for body in door.note_ignored(each.site_id, each.fields, now)]
    _note(queue, notes)
    return answer_batch(taken)


def _count(outcome: Event | Dropped, counts: Counter[str]) -> None:
    if isinstance(outcome, Event):
        counts[ACCEPTED] += 1
    else:
        counts.update((DROPPED, f"{DROPPED}_{outcome.reason}"))


def _count_ignored(fields: tuple[IgnoredField, ...], counts: Counter[str]) -> None:
    counts.update((IGNORED, *map(kind_of, fields)))


def _note(queue: Queue, bodies: list[bytes]) -> None:
    """A note that is lost costs a count, and nobody's event."""
    if not bodies:
        return
    try:
        queue.send(bodies)
    except MallardError as error:
        log.warning("drops not noted: %s", error)


def _pixel(event: dict[str, Any]) -> EventRequest | Dropped:
    return parse_pixel_query(event.get("rawQueryString") or "")


def _request(event: dict[str, Any]) -> EventRequest | Dropped:
    body = _body(event)
    return body if isinstance(body, Dropped) else parse_body(body)


def _body(event: dict[str, Any]) -> bytes | Dropped:
    body = event.get("body") or ""
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError:
        # No base64, text beyond ASCII that says it is, or half of a character.
        return Dropped(DropReason.MALFORMED, "The body is not JSON.")


def _is_encoded(event: dict[str, Any]) -> bool:
    return is_packed(_headers(event).get("content-encoding", ""))


def _headers(event: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in (event.get("headers") or {}).items() if isinstance(value, str)}


def _http(event: dict[str, Any]) -> dict[str, Any]:
    """The method and the source; nothing of an event that is no request of format 2.0."""
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    return http if isinstance(http, dict) else {}


def _method(event: dict[str, Any]) -> str:
    return str(_http(event).get("method", ""))


def _front(event: dict[str, Any]) -> ResponseFormat:
    return PIXEL_FRONT if isinstance(event, dict) and _method(event) in _PIXEL_METHODS else EVENT_FRONT


def _sender(event: dict[str, Any], door: IngestContext) -> Client:
    # The gateway's own word; a forwarded header could be anybody's.
    source = str(_http(event).get("sourceIp", ""))
    return read_sender(_headers(event), address_text(source) or source, door.edge)
