"""``POST /api/events``: many events in one body, from a server that vouches for them with a key."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from mallard.auth.api_keys import ApiKey, ApiKeys, key_in
from mallard.event import Event
from mallard.http.addresses import address_text
from mallard.ingest.client import agent_text
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.enrich.user_agent import MAX_AGENT_LENGTH
from mallard.ingest.http.responses import IngestResponse, refusal
from mallard.ingest.ignored_fields import NONE, IgnoredField
from mallard.ingest.optional_fields import read_text
from mallard.ingest.pipeline import TOO_LATE, Client, IngestContext, receive
from mallard.ingest.request import EventRequest, parse_wire, strict_json

MAX_BATCH_BYTES = 1024 * 1024
MAX_ROWS = 1000
MAX_AHEAD = timedelta(minutes=5)
"""Clocks of senders may be ahead by this much."""

OLDEST = timedelta(days=40)
"""No salt serves longer than a month and the hours after it."""

BATCH_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One event of a batch: what was sent, of whom, and when it happened (None: now)."""

    request: EventRequest
    sender: Client
    moment: datetime | None
    ignored: tuple[IgnoredField, ...] = NONE


@dataclass(frozen=True, slots=True)
class Repaired:
    """A row that was taken without some of its values, or with repaired ones."""

    index: int
    site_id: str
    fields: tuple[IgnoredField, ...]


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """Outcome of a batch: the events, why each other row was dropped, by its index, and values that were ignored."""

    events: tuple[Event, ...] = ()
    dropped: tuple[tuple[int, Dropped], ...] = ()
    ignored: tuple[Repaired, ...] = ()


def admit(headers: dict[str, str], keys: ApiKeys) -> ApiKey | IngestResponse:
    """The key of a request, or the refusal. Raises StoreUnavailableError where the store fails."""
    text = key_in(headers)
    key = keys.find(text) if text else None
    if key is None:
        sentence = "A key is needed, as Authorization: Bearer or X-API-Key; `mallard keys create` makes one."
        return refusal(401, "key", sentence, {**BATCH_HEADERS, "www-authenticate": "Bearer"})
    if not key.allows("Ingest", "Admin"):
        return refusal(403, "scope", f"The key's scope is {key.scope}; this needs Ingest or Admin.", BATCH_HEADERS)
    return key


def take_batch(body: bytes, key: ApiKey, door: IngestContext, now: datetime) -> BatchOutcome | IngestResponse:
    """Take each row through the pipeline. Raises StoreUnavailableError where a salt cannot be had."""
    rows = _rows(body)
    if isinstance(rows, Dropped):
        return refused_batch(rows)
    events: list[Event] = []
    dropped: list[tuple[int, Dropped]] = []
    ignored: list[Repaired] = []
    for index, wire in enumerate(rows):
        row = _row(wire)
        outcome = _take(row, key, door, now)
        if isinstance(outcome, Dropped):
            dropped.append((index, outcome))
            continue
        events.append(outcome)
        if isinstance(row, BatchRow) and row.ignored:
            ignored.append(Repaired(index, outcome.site_id, row.ignored))
    return BatchOutcome(tuple(events), tuple(dropped), tuple(ignored))


def answer_batch(taken: BatchOutcome) -> IngestResponse:
    """The number of queued rows, why the others were not, and which values were ignored, if any."""
    dropped = [{"index": index, "reason": each.reason.value, "error": each.sentence} for index, each in taken.dropped]
    found: dict[str, Any] = {"accepted": len(taken.events), "dropped": dropped}
    if taken.ignored:
        found["ignored"] = [{"index": each.index, "fields": list(each.fields)} for each in taken.ignored]
    return IngestResponse(202, {**BATCH_HEADERS, "content-type": "application/json"}, json.dumps(found).encode())


def _take(row: BatchRow | Dropped, key: ApiKey, door: IngestContext, now: datetime) -> Event | Dropped:
    if isinstance(row, Dropped):
        # A key for one site must not write notes about another.
        is_told = row.site_id is not None and key.reaches(row.site_id)
        return door.attributed(row) if is_told else replace(row, site_id=None)
    if not key.reaches(row.request.site_id):
        return Dropped(DropReason.SITE, "The key is not for this site.")
    refused = door.refuse_site(row.request.site_id, now)
    if refused is not None:
        return refused
    refusal_of_time = _refuse_time(row, door, now)
    if refusal_of_time is not None:
        return door.attributed(refusal_of_time)
    return receive(row.request, row.sender, door, now, row.moment or now)


def _refuse_time(row: BatchRow, door: IngestContext, now: datetime) -> Dropped | None:
    site_id = row.request.site_id
    moment = row.moment or now
    zones = door.settings(site_id).zones
    if moment > now + MAX_AHEAD:
        return Dropped(DropReason.TIME, "ts is more than five minutes ahead.", site_id=site_id)
    if moment < now - OLDEST or not door.salts.lives(zones, zones.local_date(moment), now):
        return Dropped(DropReason.TIME, TOO_LATE, site_id=site_id)
    return None


def _row(wire: Any) -> BatchRow | Dropped:
    if not isinstance(wire, dict):
        return Dropped(DropReason.MALFORMED, "A row must be a JSON object.")
    request = parse_wire(wire)
    if isinstance(request, Dropped):
        return request
    moment = _moment(wire)
    if isinstance(moment, Dropped):
        return replace(moment, site_id=request.site_id)
    address = _address(wire)
    if isinstance(address, Dropped):
        return replace(address, site_id=request.site_id)
    ignored = list(request.ignored)
    agent = agent_text(read_text(wire.get("ua"), IgnoredField.USER_AGENT, MAX_AGENT_LENGTH, ignored) or "")
    return BatchRow(request, Client(address, agent, vouched=True), moment, tuple(ignored))


def _moment(wire: Mapping[str, Any]) -> datetime | Dropped | None:
    """The time of a row, which is a fact about it: a wrong one cannot be left out, for the event would be of now."""
    if "ts" not in wire:
        return None
    if not isinstance(wire["ts"], str):
        return Dropped(DropReason.TYPE, "ts must be a string.")
    try:
        moment = datetime.fromisoformat(wire["ts"])
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    return Dropped(DropReason.TIME, "ts must be RFC 3339 with an offset, such as 2026-01-31T12:00:00Z.")


def _address(wire: Mapping[str, Any]) -> str | Dropped:
    """The address of a row, which makes its visitor: a wrong one cannot be left out either."""
    given = wire.get("ip")
    if given is None or given == "":
        return ""
    if not isinstance(given, str):
        return Dropped(DropReason.TYPE, "ip must be a string.")
    text = address_text(given)
    return Dropped(DropReason.ADDRESS, "ip must be an IPv4 or IPv6 address.") if text is None else text


def _rows(body: bytes) -> list[Any] | Dropped:
    """A JSON array, or one JSON value a line; a line that is none is a row that will be dropped."""
    if len(body) > MAX_BATCH_BYTES:
        return Dropped(DropReason.TOO_LARGE, f"The body is over {MAX_BATCH_BYTES // 1024} KB.")
    text = body.strip()
    if not text:
        return Dropped(DropReason.EMPTY, "The body is empty; it must be a JSON array or lines of JSON objects.")
    rows = _array(text) if text.startswith(b"[") else list(_lines(text))
    if rows is None:
        return Dropped(DropReason.MALFORMED, "The body is not a JSON array.")
    if len(rows) > MAX_ROWS:
        return Dropped(DropReason.TOO_LARGE, f"The body has over {MAX_ROWS} rows.")
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


def refused_batch(dropped: Dropped) -> IngestResponse:
    """The refusal of a whole body."""
    return refusal(dropped.status, dropped.reason.value, dropped.sentence, BATCH_HEADERS)
