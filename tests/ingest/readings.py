"""Readings of the wire form in tests: a body that is taken, or the reason of its refusal."""

import json
from typing import Any

from ingest.contexts import SITE, wire_body
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.request import EventRequest, parse_body

MALFORMED = (DropReason.MALFORMED, 400)
EMPTY = (DropReason.EMPTY, 400)
TOO_LONG = (DropReason.TOO_LONG, 400)
MISSING = (DropReason.MISSING, 422)
TYPE = (DropReason.TYPE, 422)
TOO_LARGE = (DropReason.TOO_LARGE, 413)


def taken_bytes(body: bytes) -> EventRequest:
    request = parse_body(body)
    assert isinstance(request, EventRequest), request
    return request


def refused_bytes(body: bytes) -> tuple[DropReason, int]:
    dropped = parse_body(body)
    assert isinstance(dropped, Dropped), dropped
    assert dropped.sentence.endswith(".")
    return dropped.reason, dropped.status


def taken(**keys: Any) -> EventRequest:
    return taken_bytes(wire_body(**keys))


def refused(**keys: Any) -> tuple[DropReason, int]:
    return refused_bytes(wire_body(**keys))


def kept(**keys: Any) -> tuple[str, ...]:
    """The fields of an event that is taken without them, or with repaired ones."""
    return taken(**keys).ignored


def raw(tail: str) -> bytes:
    """A body with one more key, written by hand."""
    return f'{{"d":"{SITE}","n":"x","u":"/",{tail}}}'.encode()


def props_of(value: Any) -> Any:
    props = taken(p=value).props
    return None if props is None else json.loads(props)


def long_props(length: int) -> str:
    """A JSON object of exactly so many characters."""
    return '{"a":"' + "x" * (length - 8) + '"}'
