"""The wire form of an event: bytes or query parameters in, a checked ``EventRequest`` or a ``Dropped`` out."""

import json
import re
from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NoReturn
from urllib.parse import quote

import msgspec

from mallard.config import MAX_SITE_ID_LENGTH
from mallard.event import ENGAGEMENT
from mallard.ingest.dropped import Dropped, Reason

MAX_BODY_BYTES = 64 * 1024
MAX_FOLDER_NAME_BYTES = 255 - len("site_id=")
"""What a file system takes as one name; `:` is `%3A` there."""

MAX_NAME_LENGTH = 256
MAX_URL_LENGTH = 2048
MAX_PROPS_LENGTH = 4096
MAX_PROPS_COUNT = 30
MAX_CLIENT_ID_LENGTH = 64
MAX_WIDTH_PX = 100_000
MAX_ENGAGEMENT_MS = 86_400_000
MAX_REVENUE = Decimal(10) ** 10
CACHED_SITE_IDS = 4096

_SITE_ID = re.compile(r"[A-Za-z0-9._:-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_CURRENCY = re.compile(r"[A-Za-z]{3}")


class EventRequest(msgspec.Struct, frozen=True):
    """What the client said, checked. ``revenue_amount`` has two places; ``props`` is a JSON object as text."""

    site_id: str
    name: str
    url: str
    referrer: str | None = None
    width_px: int | None = None
    props: str | None = None
    revenue_amount: Decimal | None = None
    revenue_currency: str | None = None
    client_id: str | None = None
    scroll_depth: int | None = None
    engagement_ms: int | None = None


class _RefusalError(Exception):
    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.dropped = Dropped(reason, sentence)


def parse_body(body: bytes) -> EventRequest | Dropped:
    """One event from a JSON body, whatever its content type."""
    if len(body) > MAX_BODY_BYTES:
        return Dropped(Reason.TOO_LARGE, f"The body is over {MAX_BODY_BYTES // 1024} KB.")
    if not body.strip():
        return Dropped(Reason.EMPTY, "The body is empty; it must be a JSON object.")
    try:
        return _checked(_json_object(body, "The body"))
    except _RefusalError as refusal:
        return refusal.dropped


def parse_wire(wire: Mapping[str, Any]) -> EventRequest | Dropped:
    """One event from an object that was JSON."""
    try:
        return _checked(wire)
    except _RefusalError as refusal:
        return refusal.dropped


def parse_pixel(query: Mapping[str, str]) -> EventRequest | Dropped:
    """One event from the pixel's query parameters: d, n, u, r and w; no props, no revenue."""
    wire: dict[str, Any] = {key: query[key] for key in ("d", "n", "u", "r") if key in query}
    if re.fullmatch(r"-?\d{1,9}", query.get("w", "")):
        wire["w"] = int(query["w"])
    elif query.get("w"):
        wire["w"] = query["w"]
    return parse_wire(wire)


def read_props(value: Any) -> str | Dropped | None:
    """Custom properties, an object or one as a string, as they are stored."""
    try:
        return _props(value)
    except _RefusalError as refusal:
        return refusal.dropped


def _checked(wire: Mapping[str, Any]) -> EventRequest:
    name = _required_text(wire, "n", MAX_NAME_LENGTH)
    amount = _revenue(wire.get("ra"))
    ping = name == ENGAGEMENT
    return EventRequest(
        site_id=_site_id(wire),
        name=name,
        url=_required_text(wire, "u", MAX_URL_LENGTH),
        referrer=_optional_text(wire, "r", MAX_URL_LENGTH),
        width_px=_whole(wire, "w", MAX_WIDTH_PX) or None,
        props=_props(wire.get("p")),
        revenue_amount=amount,
        revenue_currency=_currency(wire) if amount is not None else None,
        client_id=_optional_text(wire, "i", MAX_CLIENT_ID_LENGTH),
        scroll_depth=_whole(wire, "sd", 100) if ping else None,
        engagement_ms=_whole(wire, "e", MAX_ENGAGEMENT_MS) if ping else None,
    )


_JSON = msgspec.json.Decoder()


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(word)


def strict_json(text: str | bytes) -> Any:
    """The JSON value of a text; ValueError or RecursionError where it is none. NaN and Infinity are none.

    msgspec reads in a seventh of json's time and takes less: where it reads a value, json reads the same.
    """
    try:
        return _JSON.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return json.loads(text, parse_constant=_refuse_constant)


def _json_object(text: str | bytes, what: str) -> dict[str, Any]:
    try:
        value = strict_json(text)
    except (ValueError, RecursionError):
        raise _RefusalError(Reason.MALFORMED, f"{what} is not JSON.") from None
    if not isinstance(value, dict):
        raise _RefusalError(Reason.MALFORMED, f"{what} is not a JSON object.")
    return value


def _site_id(wire: Mapping[str, Any]) -> str:
    return _checked_site_id(_required_text(wire, "d", MAX_SITE_ID_LENGTH))


@lru_cache(maxsize=CACHED_SITE_IDS)
def _checked_site_id(site_id: str) -> str:
    if not _SITE_ID.fullmatch(site_id) or site_id.strip(".") == "":
        raise _RefusalError(Reason.MALFORMED, "d may hold only ASCII letters, digits and . - _ : as in example.com.")
    if len(quote(site_id, safe="")) > MAX_FOLDER_NAME_BYTES:
        raise _RefusalError(Reason.TOO_LONG, "d has too many colons for its length.")
    return site_id.lower()


def _required_text(wire: Mapping[str, Any], key: str, max_length: int) -> str:
    if key not in wire:
        raise _RefusalError(Reason.MISSING, f"The key {key} is missing.")
    text = _text(wire[key], key, max_length)
    if not text.strip():
        raise _RefusalError(Reason.EMPTY, f"{key} is empty.")
    return text


def _optional_text(wire: Mapping[str, Any], key: str, max_length: int) -> str | None:
    return _text(wire[key], key, max_length) or None if wire.get(key) is not None else None


def _text(value: Any, key: str, max_length: int) -> str:
    if not isinstance(value, str):
        raise _RefusalError(Reason.TYPE, f"{key} must be a string.")
    if len(value) > max_length:
        raise _RefusalError(Reason.TOO_LONG, f"{key} is over {max_length} characters.")
    # What is printable holds none, and is found so in a fifth of the search's time.
    if not value.isprintable() and _CONTROL.search(value):
        raise _RefusalError(Reason.MALFORMED, f"{key} holds control characters.")
    return value


def _whole(wire: Mapping[str, Any], key: str, most: int) -> int | None:
    value = wire.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise _RefusalError(Reason.TYPE, f"{key} must be a whole number.")
    if not 0 <= value <= most:
        raise _RefusalError(Reason.RANGE, f"{key} must be from 0 to {most}.")
    return int(value)


def _revenue(value: Any) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _RefusalError(Reason.TYPE, "ra must be a number.")
    try:
        amount = Decimal(str(value)).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    except InvalidOperation:
        amount = MAX_REVENUE
    if abs(amount) >= MAX_REVENUE:
        raise _RefusalError(Reason.RANGE, f"ra must be less than {MAX_REVENUE} either way.")
    return amount


def _currency(wire: Mapping[str, Any]) -> str | None:
    code = _optional_text(wire, "rc", 3)
    if code is None:
        return None
    if not _CURRENCY.fullmatch(code):
        raise _RefusalError(Reason.MALFORMED, "rc must be an ISO 4217 code such as EUR.")
    return code.upper()


def _props(value: Any) -> str | None:
    """A flat JSON object as text: scalars as they are, nested values as JSON text, nulls left out."""
    if value is None:
        return None
    if isinstance(value, str):
        if len(value) > MAX_PROPS_LENGTH:
            raise _RefusalError(Reason.TOO_LONG, f"p is over {MAX_PROPS_LENGTH} characters.")
        value = _json_object(value, "p") if value.strip() else {}
    if not isinstance(value, dict):
        raise _RefusalError(Reason.TYPE, "p must be a JSON object, or one as a string.")
    if len(value) > MAX_PROPS_COUNT:
        raise _RefusalError(Reason.TOO_LONG, f"p has over {MAX_PROPS_COUNT} properties.")
    flat = {
        key: _json(each) if isinstance(each, dict | list) else each for key, each in value.items() if each is not None
    }
    text = _json(flat)
    if len(text) > MAX_PROPS_LENGTH:
        raise _RefusalError(Reason.TOO_LONG, f"p is over {MAX_PROPS_LENGTH} characters.")
    return text if flat else None


def _json(value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        text.encode()
    except (ValueError, RecursionError):
        raise _RefusalError(Reason.MALFORMED, "p holds a value that JSON cannot carry.") from None
    return text
