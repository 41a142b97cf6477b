"""HTTP responses of ingest, the same for ASGI and Lambda."""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from mallard.event import Event
from mallard.http.header_policy import completed
from mallard.ingest.drop_reasons import Dropped
from mallard.ingest.ignored_fields import HEADER, NONE, IgnoredField, listed

CORS = {
    "access-control-allow-origin": "*",
    "access-control-expose-headers": "x-mallard-dropped, x-mallard-ignored, x-plausible-dropped, retry-after",
    # A page that loads the pixel or posts from another site is the normal case.
    "cross-origin-resource-policy": "cross-origin",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}
PREFLIGHT = {
    **CORS,
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-max-age": "86400",
}
MAX_ASKED_LENGTH = 1024
"""Characters of header names that a preflight is answered with."""

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]{1,64}")

PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


@dataclass(frozen=True, slots=True)
class IngestResponse:
    """Status, lower-case headers and body."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


ACCEPTED = IngestResponse(202, CORS)
"""Of every event that is queued: one object, which a front may turn into its own form once for all."""


def answer_event(
    outcome: Event | Dropped, ignored: tuple[IgnoredField, ...] = NONE, refused: tuple[Dropped, ...] = ()
) -> IngestResponse:
    """202 and nothing where the event is queued (or a bot's), else the refusal as JSON.

    ``ignored`` names the values of a queued event that were repaired or left out, ``refused`` are the refusals by other
    sites of the same event.
    """
    if isinstance(outcome, Event):
        if not ignored and not refused:
            return ACCEPTED
        return IngestResponse(202, {**CORS, **_ignored(ignored), **_dropped(refused)})
    headers = {**CORS, **_dropped((outcome, *refused))}
    if outcome.retry_after_seconds is not None:
        headers["retry-after"] = str(outcome.retry_after_seconds)
    if outcome.status == 202:
        return IngestResponse(202, headers)
    return refusal(outcome.status, outcome.reason.value, outcome.sentence, headers)


def answer_pixel(
    outcome: Event | Dropped, ignored: tuple[IgnoredField, ...] = NONE, refused: tuple[Dropped, ...] = ()
) -> IngestResponse:
    """Always the image: a page must not show a broken one."""
    if isinstance(outcome, Dropped):
        return _image(_dropped((outcome, *refused)))
    return _image({**_ignored(ignored), **_dropped(refused)})


def _ignored(fields: tuple[IgnoredField, ...]) -> dict[str, str]:
    return {HEADER: listed(fields)} if fields else {}


def _dropped(refused: tuple[Dropped, ...]) -> dict[str, str]:
    """Each reason once, and the number of sites that have not taken the event."""
    if not refused:
        return {}
    reasons = ", ".join(dict.fromkeys(each.reason.value for each in refused))
    return {"x-mallard-dropped": reasons, "x-plausible-dropped": str(len(refused))}


def _image(headers: dict[str, str]) -> IngestResponse:
    return IngestResponse(200, {**CORS, "content-type": "image/gif", **headers}, PIXEL)


def answer_preflight(requested: str = "") -> IngestResponse:
    """Any page may ask, and send the headers that ``Access-Control-Request-Headers`` names.

    Libraries that trace a page's requests add theirs (``traceparent``, ``baggage``); nothing here reads them.
    """
    names = dict.fromkeys(("content-type", *(name.strip() for name in requested[:MAX_ASKED_LENGTH].lower().split(","))))
    allowed = ", ".join(name for name in names if _HEADER_NAME.fullmatch(name))
    return IngestResponse(204, {**PREFLIGHT, "access-control-allow-headers": allowed})


def answer_unavailable() -> IngestResponse:
    """Store or queue are out of reach: nothing was taken, and the client should try again."""
    headers = {**CORS, "retry-after": "1"}
    return refusal(503, "unavailable", "The event could not be stored; please try again.", headers)


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """Responses of one kind of request: for a decision, and for a failing store or queue."""

    outcome: Callable[[Event | Dropped, tuple[IgnoredField, ...], tuple[Dropped, ...]], IngestResponse]
    unavailable: Callable[[], IngestResponse]


EVENT_FRONT = ResponseFormat(answer_event, answer_unavailable)
PIXEL_FRONT = ResponseFormat(answer_pixel, lambda: _image({"x-mallard-dropped": "unavailable"}))


def answer_wrong_method() -> IngestResponse:
    """Neither GET, POST nor OPTIONS."""
    headers = {**CORS, "allow": "GET, POST, OPTIONS"}
    return refusal(405, "method", "Events are sent by POST, or by GET as a pixel.", headers)


def answer_encoded(headers: dict[str, str] = CORS) -> IngestResponse:
    """A body with ``Content-Encoding``: bodies are never decompressed, since anyone may send one."""
    sentence = "The body must be sent as it is, without Content-Encoding: it is never unpacked here."
    return refusal(415, "encoding", sentence, {**headers, "accept-encoding": "identity"})


def answer_wrong_batch_method() -> IngestResponse:
    """Not POST."""
    return refusal(405, "method", "Batches are sent by POST.", {"allow": "POST", "cache-control": "no-store"})


def refusal(status: int, reason: str, sentence: str, headers: dict[str, str]) -> IngestResponse:
    """A JSON error. It has all response headers of the API, as a browser may show it."""
    body = json.dumps({"error": sentence, "reason": reason}).encode()
    complete = headers | completed(headers, is_tls=False)
    return IngestResponse(status, {**complete, "content-type": "application/json"}, body)
