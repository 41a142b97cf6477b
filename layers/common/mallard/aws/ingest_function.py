"""Ingest behind API Gateway or a Function URL."""

import base64
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from mallard.auth.api_keys import ApiKeys
from mallard.aws.lambda_request import LambdaRequest, method_of, read_request
from mallard.bootstrap.ingest import IngestParts
from mallard.errors import MallardError
from mallard.event import Event
from mallard.http.header_policy import HSTS
from mallard.ingest.accept import Decision, accept_event, messages_of, settle
from mallard.ingest.batch import BATCH_HEADERS, accept_batch, admit, answer_batch
from mallard.ingest.drop_reasons import Dropped
from mallard.ingest.forwarded import server_key
from mallard.ingest.http.responses import (
    EVENT_FRONT,
    PIXEL_FRONT,
    IngestResponse,
    answer_encoded,
    answer_preflight,
    answer_wrong_batch_method,
    answer_wrong_method,
)
from mallard.ingest.ignored_fields import kind_of
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.request import parse_body, parse_pixel_query
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
    event: dict[str, Any], open_parts: Callable[[], IngestParts], now: datetime, counts: Counter[str]
) -> dict[str, Any]:
    """``answer_gateway``, with a 503 where a part cannot be opened or an unforeseen error is raised.

    The 503 has the headers that let a browser's script read it.
    """
    try:
        parts = open_parts()
        return answer_gateway(event, parts.context, parts.queue, parts.keys, now, counts)
    except MallardError as error:
        log.error("not ready: %s", error)
    except Exception as error:
        counts[FAULTS] += 1
        log.error("failed: %s", kind_and_place(error))
    counts[UNAVAILABLE] += 1
    return _response((PIXEL_FRONT if method_of(event) in _PIXEL_METHODS else EVENT_FRONT).unavailable())


def answer_gateway(
    event: dict[str, Any],
    context: IngestContext,
    queue: Queue,
    keys: ApiKeys,
    now: datetime,
    counts: Counter[str] | None = None,
) -> dict[str, Any]:
    """Take one request; the 202 is given only after the queue has the event, or all of a batch."""
    counts = Counter() if counts is None else counts
    request = read_request(event)
    if request.path.rstrip("/").endswith("/api/events"):
        return _response(_answer_batch(request, context, queue, keys, now, counts))
    return _response(_answer_event(request, context, queue, keys, now, counts))


def _response(answer: IngestResponse) -> dict[str, Any]:
    return {
        "statusCode": answer.status,
        # There is nothing but TLS.
        "headers": answer.headers | HSTS,
        "body": base64.b64encode(answer.body).decode(),
        "isBase64Encoded": True,
    }


def _answer_event(
    request: LambdaRequest, context: IngestContext, queue: Queue, keys: ApiKeys, now: datetime, counts: Counter[str]
) -> IngestResponse:
    if request.method in _PIXEL_METHODS:
        front, parsed = PIXEL_FRONT, parse_pixel_query(request.query)
    elif request.method != "POST":
        requested = request.headers.get("access-control-request-headers", "")
        return answer_preflight(requested) if request.method == "OPTIONS" else answer_wrong_method()
    elif request.is_encoded:
        return answer_encoded()
    else:
        front, parsed = EVENT_FRONT, request.body if isinstance(request.body, Dropped) else parse_body(request.body)
    try:
        key = server_key(request.headers, keys)
        decision = accept_event(parsed, request.headers, request.address, context, now, key)
        _queue([decision], context, queue, now, counts)
    except MallardError as error:
        log.error("event not stored: %s", error)
        counts[UNAVAILABLE] += 1
        return front.unavailable()
    return front.outcome(decision.outcome, decision.ignored, decision.refused)


def _answer_batch(
    request: LambdaRequest, context: IngestContext, queue: Queue, keys: ApiKeys, now: datetime, counts: Counter[str]
) -> IngestResponse:
    if request.method != "POST":
        return answer_wrong_batch_method()
    if request.is_encoded:
        return answer_encoded(BATCH_HEADERS)
    try:
        key = admit(request.headers, keys)
        if isinstance(key, IngestResponse):
            return key
        batch = accept_batch(request.body, key, context, now)
        if isinstance(batch, IngestResponse):
            return batch
        _queue(batch.decisions, context, queue, now, counts)
    except MallardError as error:
        log.error("batch not stored: %s", error)
        counts[UNAVAILABLE] += 1
        return EVENT_FRONT.unavailable()
    return answer_batch(batch)


def _queue(
    decisions: Sequence[Decision], context: IngestContext, queue: Queue, now: datetime, counts: Counter[str]
) -> None:
    """Send the events, then their counts. A note that is lost costs a count, and no event."""
    if bodies := messages_of(decisions):
        queue.send(bodies)
    notes = settle(decisions, context, now, partial(_count, counts))
    try:
        if notes:
            queue.send(notes)
    except MallardError as error:
        log.warning("drops not noted: %s", error)


def _count(counts: Counter[str], decision: Decision) -> None:
    if isinstance(decision.outcome, Event):
        counts[ACCEPTED] += 1
    else:
        counts.update((DROPPED, f"{DROPPED}_{decision.outcome.reason}"))
    if decision.ignored:
        counts.update((IGNORED, *map(kind_of, decision.ignored)))
