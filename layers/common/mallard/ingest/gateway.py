"""The door behind API Gateway or a Function URL: one event of format 2.0 in, one answer out."""

import base64
import binascii
import logging
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from mallard.auth.keys import KeyRing
from mallard.errors import MallardError
from mallard.event import Event
from mallard.ingest.answer import (
    EVENT_FRONT,
    PIXEL_FRONT,
    Answer,
    Front,
    answer_preflight,
    answer_wrong_batch_method,
    answer_wrong_method,
)
from mallard.ingest.batch import admit, answer_batch, refused_batch, take_batch
from mallard.ingest.dropped import Dropped, Reason
from mallard.ingest.pipeline import Door, receive
from mallard.ingest.request import EventRequest, parse_body, parse_pixel
from mallard.ingest.sender import Sender, read_sender
from mallard.queue.base import Queue

log = logging.getLogger("mallard.ingest")


def answer_gateway(event: dict[str, Any], door: Door, queue: Queue, keys: KeyRing, now: datetime) -> dict[str, Any]:
    """Take one request; the 202 is given only after the queue has the event, or all of a batch."""
    if event.get("rawPath", "").rstrip("/").endswith("/api/events"):
        answer = _answer_batch(event, door, queue, keys, now)
    else:
        answer = _answer(event, door, queue, now)
    return {
        "statusCode": answer.status,
        "headers": answer.headers,
        "body": base64.b64encode(answer.body).decode(),
        "isBase64Encoded": True,
    }


def _answer(event: dict[str, Any], door: Door, queue: Queue, now: datetime) -> Answer:
    method = event["requestContext"]["http"]["method"]
    if method == "POST":
        return _taken(_request(event), event, door, queue, now, EVENT_FRONT)
    if method in ("GET", "HEAD"):
        query = dict(parse_qsl(event.get("rawQueryString", "")))
        return _taken(parse_pixel(query), event, door, queue, now, PIXEL_FRONT)
    return answer_preflight() if method == "OPTIONS" else answer_wrong_method()


def _answer_batch(event: dict[str, Any], door: Door, queue: Queue, keys: KeyRing, now: datetime) -> Answer:
    if event["requestContext"]["http"]["method"] != "POST":
        return answer_wrong_batch_method()
    try:
        key = admit(_headers(event), keys)
        if isinstance(key, Answer):
            return key
        body = _body(event)
        taken = refused_batch(body) if isinstance(body, Dropped) else take_batch(body, key, door, now)
        if isinstance(taken, Answer):
            return taken
        queue.send([each.to_message() for each in taken.events])
    except MallardError as error:
        log.error("batch not stored: %s", error)
        return EVENT_FRONT.unavailable()
    return answer_batch(taken)


def _taken(
    request: EventRequest | Dropped,
    event: dict[str, Any],
    door: Door,
    queue: Queue,
    now: datetime,
    front: Front,
) -> Answer:
    try:
        outcome = receive(request, _sender(event, door), door, now)
        if isinstance(outcome, Event):
            queue.send([outcome.to_message()])
    except MallardError as error:
        log.error("event not stored: %s", error)
        return front.unavailable()
    return front.outcome(outcome)


def _request(event: dict[str, Any]) -> EventRequest | Dropped:
    body = _body(event)
    return body if isinstance(body, Dropped) else parse_body(body)


def _body(event: dict[str, Any]) -> bytes | Dropped:
    body = event.get("body") or ""
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeEncodeError):
        return Dropped(Reason.MALFORMED, "The body is not JSON.")


def _headers(event: dict[str, Any]) -> dict[str, str]:
    return {name.lower(): value for name, value in event.get("headers", {}).items()}


def _sender(event: dict[str, Any], door: Door) -> Sender:
    # The gateway's own word; a forwarded header could be anybody's.
    return read_sender(_headers(event), event["requestContext"]["http"].get("sourceIp", ""), door.edge)
