"""``POST /api/events``: batches of events from a server with an API key."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from mallard.auth.api_keys import ApiKey, ApiKeys, key_in
from mallard.event import Event
from mallard.http.addresses import address_text
from mallard.ingest.accept import Decision, decided, each_site, of_sites
from mallard.ingest.client import Client, agent_text
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.enrich.user_agent import MAX_AGENT_LENGTH
from mallard.ingest.http.responses import IngestResponse, refusal
from mallard.ingest.ignored_fields import IgnoredField
from mallard.ingest.optional_fields import read_text
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.request import EventRequest, parse_wire
from mallard.normalize.strict_json import parse_json

MAX_BATCH_BYTES = 1024 * 1024
MAX_ROWS = 1000
BATCH_HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One event of a batch: its request, its client and its time (None: now)."""

    request: EventRequest
    sender: Client
    moment: datetime | None


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """The decision on each row of a batch, in its order."""

    decisions: tuple[Decision, ...] = ()

    @property
    def events(self) -> tuple[Event, ...]:
        """The accepted events."""
        return tuple(each.outcome for each in each_site(self.decisions) if isinstance(each.outcome, Event))

    @property
    def dropped(self) -> tuple[tuple[int, Dropped], ...]:
        """The drops, by the index of their rows."""
        rows = enumerate(self.decisions)
        return tuple(
            (index, each.outcome)
            for index, row in rows
            for each in each_site((row,))
            if isinstance(each.outcome, Dropped)
        )

    @property
    def ignored(self) -> tuple[tuple[int, tuple[IgnoredField, ...]], ...]:
        """The values that were repaired or left out of events, by the index of their rows."""
        return tuple((index, each.ignored) for index, each in enumerate(self.decisions) if each.ignored)


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


def accept_batch(
    body: bytes | Dropped, key: ApiKey, context: IngestContext, now: datetime
) -> BatchOutcome | IngestResponse:
    """The decision on each row, or the refusal of the whole body. Raises StoreUnavailableError as ``receive``."""
    rows = body if isinstance(body, Dropped) else _rows(body)
    if isinstance(rows, Dropped):
        return refusal(rows.status, rows.reason.value, rows.sentence, BATCH_HEADERS)
    return BatchOutcome(tuple(_accept_row(_row(wire), key, context, now) for wire in rows))


def answer_batch(batch: BatchOutcome) -> IngestResponse:
    """The number of queued rows, the drops of the others, and the values that were ignored, if any."""
    dropped = [{"index": index, "reason": each.reason.value, "error": each.sentence} for index, each in batch.dropped]
    body: dict[str, Any] = {"accepted": len(batch.events), "dropped": dropped}
    if batch.ignored:
        body["ignored"] = [{"index": index, "fields": list(fields)} for index, fields in batch.ignored]
    return IngestResponse(202, {**BATCH_HEADERS, "content-type": "application/json"}, json.dumps(body).encode())


def _accept_row(row: BatchRow | Dropped, key: ApiKey, context: IngestContext, now: datetime) -> Decision:
    if isinstance(row, Dropped):
        # A key for one site must not write notes about another.
        is_reached = row.site_id is not None and key.reaches(row.site_id)
        return Decision(context.attributed(row) if is_reached else replace(row, site_id=None))

    def decide(request: EventRequest) -> Decision:
        if not key.reaches(request.site_id):
            return Decision(Dropped(DropReason.SITE, "The key is not for this site."))
        return decided(request, row.sender, context, now, row.moment or now)

    return of_sites(row.request, decide, context)


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
    if len(ignored) > len(request.ignored):
        request = msgspec.structs.replace(request, ignored=tuple(ignored))
    return BatchRow(request, Client(address, agent, vouched=True), moment)


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
        value = parse_json(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, list) else None


def _lines(text: bytes) -> Iterator[Any]:
    for line in text.split(b"\n"):
        if line.strip():
            try:
                yield parse_json(line)
            except (ValueError, RecursionError):
                yield None
