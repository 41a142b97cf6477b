"""The door behind API Gateway or a Function URL: one event of format 2.0 in, one answer out."""

import base64
import binascii
import logging
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from mallard.errors import MallardError
from mallard.event import Event
from mallard.ingest.answer import (
    EVENT_FRONT,
    PIXEL_FRONT,
    Answer,
    Front,
    answer_preflight,
    answer_wrong_method,
)
from mallard.ingest.dropped import Dropped, Reason
from mallard.ingest.pipeline import Door, Sender, receive
from mallard.ingest.request import EventRequest, parse_body, parse_pixel
from mallard.queue.base import Queue

log = logging.getLogger("mallard.ingest")


def answer_gateway(event: dict[str, Any], door: Door, queue: Queue, now: datetime) -> dict[str, Any]:
    """Take one request; the 202 is given only after the queue has the event."""
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


def _taken(
    request: EventRequest | Dropped,
    event: dict[str, Any],
    door: Door,
    queue: Queue,
    now: datetime,
    front: Front,
) -> Answer:
    try:
        outcome = receive(request, _sender(event), door, now)
        if isinstance(outcome, Event):
            queue.send([outcome.to_message()])
    except MallardError as error:
        log.error("event not stored: %s", error)
        return front.unavailable()
    return front.outcome(outcome)


def _request(event: dict[str, Any]) -> EventRequest | Dropped:
    body = event.get("body") or ""
    try:
        return parse_body(base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode())
    except (binascii.Error, UnicodeEncodeError):
        return Dropped(Reason.MALFORMED, "The body is not JSON.")


def _sender(event: dict[str, Any]) -> Sender:
    headers = {name.lower(): value for name, value in event.get("headers", {}).items()}
    return Sender(
        # The gateway's own word; a forwarded header could be anybody's.
        address=event["requestContext"]["http"].get("sourceIp", ""),
        user_agent=headers.get("user-agent", ""),
        origin=headers.get("origin"),
        accept_language=headers.get("accept-language", ""),
        opted_out=headers.get("sec-gpc") == "1" or headers.get("dnt") == "1",
    )
