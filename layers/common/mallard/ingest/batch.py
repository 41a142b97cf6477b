"""``POST /api/events``: many events in one body, from a server that vouches for them with a key."""

import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from mallard.auth.keys import ApiKey, KeyRing, key_in
from mallard.event import Event
from mallard.ingest.answer import Answer, refusal
from mallard.ingest.dropped import Dropped, Reason
from mallard.ingest.pipeline import Door, Sender, receive
from mallard.ingest.request import EventRequest, parse_wire, strict_json

MAX_BATCH_BYTES = 1024 * 1024
MAX_ROWS = 1000
MAX_AHEAD = timedelta(minutes=5)
"""Clocks of senders may be ahead by this much."""

OLDEST = timedelta(days=40)
"""No salt serves longer than a month and the hours after it."""

_HALF = re.compile(r"[\ud800-\udfff]")
"""A surrogate alone, which JSON can say and no text can hold."""

BATCH_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Row:
    """One event of a batch: what was sent, of whom, and when it happened (None: now)."""

    request: EventRequest
    sender: Sender
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch: the events, and why each other row was dropped, by its index."""

    events: tuple[Event, ...] = ()
    dropped: tuple[tuple[int, Dropped], ...] = ()


def admit(headers: dict[str, str], keys: KeyRing) -> ApiKey | Answer:
    """The key of a request, or the refusal. Raises StoreUnavailableError where the store fails."""
    text = key_in(headers)
    key = keys.find(text) if text else None
    if key is None:
        sentence = "A key is needed, as Authorization: Bearer or X-API-Key; `mallard keys create` makes one."
        return refusal(401, "key", sentence, {**BATCH_HEADERS, "www-authenticate": "Bearer"})
    if not key.allows("Ingest", "Admin"):
        return refusal(403, "scope", f"The key's scope is {key.scope}; this needs Ingest or Admin.", BATCH_HEADERS)
    return key


def take_batch(body: bytes, key: ApiKey, door: Door, now: datetime) -> Taken | Answer:
    """Take each row through the pipeline. Raises StoreUnavailableError where a salt cannot be had."""
    rows = _rows(body)
    if isinstance(rows, Dropped):
        return refused_batch(rows)
    events: list[Event] = []
    dropped: list[tuple[int, Dropped]] = []
    for index, row in enumerate(rows):
        outcome = _take(row, key, door, now)
        if isinstance(outcome, Event):
            events.append(outcome)
        else:
            dropped.append((index, outcome))
    return Taken(tuple(events), tuple(dropped))


def answer_batch(taken: Taken) -> Answer:
    """How many were queued, and why the others were not."""
    dropped = [{"index": index, "reason": each.reason.value, "error": each.sentence} for index, each in taken.dropped]
    body = json.dumps({"accepted": len(taken.events), "dropped": dropped}).encode()
    return Answer(202, {**BATCH_HEADERS, "content-type": "application/json"}, body)


def _take(wire: Any, key: ApiKey, door: Door, now: datetime) -> Event | Dropped:
    row = _row(wire)
    if isinstance(row, Dropped):
        return row
    if not key.reaches(row.request.site_id):
        return Dropped(Reason.SITE, "The key is not for this site.")
    moment = row.moment or now
    zones = door.settings(row.request.site_id).zones
    if moment > now + MAX_AHEAD:
        return Dropped(Reason.TIME, "ts is more than five minutes ahead.")
    if moment < now - OLDEST or not door.salts.lives(zones, zones.local_date(moment), now):
        return Dropped(
            Reason.TIME, "ts is of a day whose visitor ids can no longer be made; `mallard import` takes it."
        )
    return receive(row.request, row.sender, door, now, moment)


def _row(wire: Any) -> Row | Dropped:
    if not isinstance(wire, dict):
        return Dropped(Reason.MALFORMED, "A row must be a JSON object.")
    request = parse_wire(wire)
    if isinstance(request, Dropped):
        return request
    for name in ("ts", "ip", "ua"):
        if not isinstance(wire.get(name, ""), str):
            return Dropped(Reason.TYPE, f"{name} must be a string.")
    if _HALF.search(wire.get("ua", "")):
        return Dropped(Reason.MALFORMED, "ua holds half of a character.")
    try:
        moment = _moment(wire["ts"]) if "ts" in wire else None
    except (ValueError, OverflowError):
        return Dropped(Reason.TIME, "ts must be RFC 3339 with an offset, such as 2026-01-31T12:00:00Z.")
    try:
        address = str(ipaddress.ip_address(wire["ip"])) if wire.get("ip") else ""
    except ValueError:
        return Dropped(Reason.ADDRESS, "ip must be an IPv4 or IPv6 address.")
    return Row(request, Sender(address, wire.get("ua", ""), vouched=True), moment)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC)


def _rows(body: bytes) -> list[Any] | Dropped:
    """A JSON array, or one JSON value a line; a line that is none is a row that will be dropped."""
    if len(body) > MAX_BATCH_BYTES:
        return Dropped(Reason.TOO_LARGE, f"The body is over {MAX_BATCH_BYTES // 1024} KB.")
    text = body.strip()
    if not text:
        return Dropped(Reason.EMPTY, "The body is empty; it must be a JSON array or lines of JSON objects.")
    rows = _array(text) if text.startswith(b"[") else list(_lines(text))
    if rows is None:
        return Dropped(Reason.MALFORMED, "The body is not a JSON array.")
    if len(rows) > MAX_ROWS:
        return Dropped(Reason.TOO_LARGE, f"The body has over {MAX_ROWS} rows.")
    return rows


def _array(text: bytes) -> list[Any] | None:
    try:
        value = strict_json(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _lines(text: bytes) -> Iterator[Any]:
    for line in text.split(b"\n"):
        if line.strip():
            try:
                yield strict_json(line)
            except (ValueError, RecursionError):
                yield None


def refused_batch(dropped: Dropped) -> Answer:
    """The refusal of a whole body."""
    return refusal(dropped.status, dropped.reason.value, dropped.sentence, BATCH_HEADERS)
