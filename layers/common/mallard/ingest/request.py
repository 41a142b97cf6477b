"""Parser of events: bytes or query parameters in, ``EventRequest`` or ``Dropped`` out."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from mallard.event import ENGAGEMENT
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.ignored_fields import NONE, IgnoredField
from mallard.ingest.optional_fields import (
    cut_to,
    is_clean,
    read_client_id,
    read_interactive,
    read_properties,
    read_revenue,
    read_text,
    read_whole,
    size_of,
)
from mallard.ingest.plausible_words import MAX_SITES, WORDS, in_own_words, site_of_address, sites_in
from mallard.ingest.props import MAX_PROPS_COUNT as MAX_PROPS_COUNT
from mallard.ingest.props import MAX_PROPS_LENGTH as MAX_PROPS_LENGTH
from mallard.ingest.props import neat_props
from mallard.normalize.hashed_cache import hashed_cache
from mallard.normalize.names import nfc_text, stored_label
from mallard.normalize.strict_json import parse_json
from mallard.sites.site_id import MAX_SITE_ID_LENGTH, fits_folder, read_site_id

MAX_BODY_BYTES = 64 * 1024
MAX_NAME_LENGTH = 256
MAX_URL_LENGTH = 2048
MAX_EVENT_BYTES = 8192
"""Of all texts of an event as it is stored, in UTF-8."""

OTHER_BYTES = 1536
"""Bytes of an event beside name, address, referrer and properties: place, browser, source, site."""

FIXED_BYTES = 300
"""The same of a usual event."""

MOST_BYTES_OF_A_CHARACTER = 4
"""In UTF-8."""

MAX_CLIENT_ID_LENGTH = 64
MAX_PIXEL_FIELDS = 200
MAX_WIDTH_PX = 100_000
MAX_ENGAGEMENT_MS = 86_400_000
PIXEL_KEYS = ("d", "n", "u", "r", "w")
SITE_IDS_BYTES = 1024 * 1024


_REFERRER, _WIDTH = IgnoredField.REFERRER, IgnoredField.WIDTH
"""Of every event: a look into the enumeration takes as long as reading the value."""


class EventRequest(msgspec.Struct, frozen=True):
    """A checked request. ``revenue_amount`` has two places; ``props`` is a JSON object as text.

    ``ignored`` names the optional values that were repaired or left out.
    """

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
    ignored: tuple[IgnoredField, ...] = NONE
    automated: bool = False
    interactive: bool | None = None
    """False where the visitor did not cause the event, else None."""

    more_sites: tuple[str | Dropped, ...] = ()
    """Other sites of the same event, and the refusals of names that are none."""

    @property
    def size_bytes(self) -> int:
        """About what the event takes as it is stored."""
        referrer, props = self.referrer or "", self.props or ""
        characters = len(self.name) + len(self.url) + len(referrer) + len(props)
        is_ascii = self.url.isascii() and referrer.isascii() and props.isascii()
        return FIXED_BYTES + (characters if is_ascii else MOST_BYTES_OF_A_CHARACTER * characters)


class _RefusalError(Exception):
    def __init__(self, reason: DropReason, sentence: str) -> None:
        super().__init__(sentence)
        self.dropped = Dropped(reason, sentence)


def parse_body(body: bytes) -> EventRequest | Dropped:
    """One event from a JSON body, whatever its content type."""
    if len(body) > MAX_BODY_BYTES:
        return Dropped(DropReason.TOO_LARGE, f"The body is over {MAX_BODY_BYTES // 1024} KB.")
    if not body.strip():
        return Dropped(DropReason.EMPTY, "The body is empty; it must be a JSON object.")
    try:
        wire = parse_json(body)
    except (ValueError, RecursionError):
        return Dropped(DropReason.MALFORMED, "The body is not JSON.")
    return (
        parse_wire(wire) if isinstance(wire, dict) else Dropped(DropReason.MALFORMED, "The body is not a JSON object.")
    )


def parse_wire(wire: Mapping[str, Any]) -> EventRequest | Dropped:
    """One event from an object that was JSON; a refusal names the site where ``d`` is a valid id."""
    if not WORDS.isdisjoint(wire):
        wire = in_own_words(wire)
    given = wire.get("d")
    more_sites: tuple[str | Dropped, ...] = ()
    try:
        if isinstance(given, str) and "," not in given:
            # So are most; each id is checked once.
            site_id = _checked_site_id(given)
        else:
            site_id, more_sites = _sites(wire)
    except _RefusalError as refusal:
        return refusal.dropped
    try:
        return _checked(wire, site_id, more_sites)
    except _RefusalError as refusal:
        return replace(refusal.dropped, site_id=site_id)


def requests_of(request: EventRequest) -> tuple[EventRequest | Dropped, ...]:
    """The request of each site that an event names."""
    if not request.more_sites:
        return (request,)
    of_sites = (request.site_id, *request.more_sites)
    return tuple(
        each if isinstance(each, Dropped) else msgspec.structs.replace(request, site_id=each, more_sites=())
        for each in of_sites
    )


def parse_pixel_query(query: str) -> EventRequest | Dropped:
    """One event from the pixel's query as it came; no more of its fields are decoded than are read."""
    found: dict[str, str] = {}
    for field in query.split("&", MAX_PIXEL_FIELDS)[:MAX_PIXEL_FIELDS]:
        key, _, value = field.partition("=")
        if key in PIXEL_KEYS and value:
            found[key] = unquote_plus(value)
    return parse_pixel(found)


def parse_pixel(query: Mapping[str, str]) -> EventRequest | Dropped:
    """One event from the pixel's query parameters: d, n, u, r and w; no props, no revenue."""
    return parse_wire({key: query[key] for key in PIXEL_KEYS if key in query})


def read_props(value: Any) -> str | Dropped | None:
    """Custom properties, an object or one as a string, as they are stored; ``Dropped`` where they need repair."""
    text, problem = neat_props(value)
    return Dropped(DropReason.MALFORMED, problem) if problem else text


def _checked(wire: Mapping[str, Any], site_id: str, more_sites: tuple[str | Dropped, ...]) -> EventRequest:
    name = stored_label(_required_text(wire, "n", MAX_NAME_LENGTH))
    if not name:
        raise _RefusalError(DropReason.EMPTY, "n is empty.")
    if len(name) > MAX_NAME_LENGTH:
        # A few letters have no composed form and become several.
        raise _RefusalError(DropReason.TOO_LONG, f"n is over {MAX_NAME_LENGTH} characters.")
    ignored: list[IgnoredField] = []
    amount, currency = read_revenue(wire, ignored)
    url = _required_text(wire, "u", MAX_URL_LENGTH)
    if not url.isascii():
        url = _fitting(url, IgnoredField.URL, ignored)
    referrer = read_text(wire.get("r"), _REFERRER, MAX_URL_LENGTH, ignored)
    if referrer is not None and not referrer.isascii():
        referrer = _fitting(referrer, _REFERRER, ignored)
    width = read_whole(wire.get("w"), _WIDTH, MAX_WIDTH_PX, ignored) or None
    props = wire.get("p")
    if props is not None:
        props = read_properties(props, _room_beside(name, url, referrer), ignored)
    ping = name == ENGAGEMENT
    interactive = None
    if wire.get("i") is False or "interactive" in wire:
        interactive = read_interactive(wire, name, ignored)
    return EventRequest(
        site_id=site_id,
        name=name,
        url=url,
        referrer=referrer,
        width_px=width,
        props=props,
        revenue_amount=amount,
        revenue_currency=currency,
        client_id=read_client_id(wire.get("i"), MAX_CLIENT_ID_LENGTH, ignored),
        scroll_depth=read_whole(wire.get("sd"), IgnoredField.SCROLL_DEPTH, 100, ignored) if ping else None,
        engagement_ms=read_whole(wire.get("e"), IgnoredField.ENGAGEMENT, MAX_ENGAGEMENT_MS, ignored) if ping else None,
        ignored=tuple(ignored) if ignored else NONE,
        automated="wd" in wire and wire["wd"] in (True, 1),
        interactive=interactive,
        more_sites=more_sites,
    )


def _room_beside(name: str, url: str, referrer: str | None) -> int:
    """Bytes that an event has left for its properties."""
    return MAX_EVENT_BYTES - OTHER_BYTES - size_of(name) - size_of(url) - (size_of(referrer) if referrer else 0)


def _fitting(address: str, field: IgnoredField, ignored: list[IgnoredField]) -> str:
    """An address beyond ASCII in MAX_URL_LENGTH bytes; browsers send none."""
    # Composed before it is measured: a few letters take three times the bytes in their composed form.
    text = nfc_text(address)
    if size_of(text) > MAX_URL_LENGTH and field not in ignored:
        ignored.append(field)
    return cut_to(text, MAX_URL_LENGTH)


def _sites(wire: Mapping[str, Any]) -> tuple[str, tuple[str | Dropped, ...]]:
    """The first site that an event names, and the others, where ``d`` is no single name."""
    if isinstance(wire.get("d"), str):
        return _several_sites(wire["d"])
    if "d" not in wire and (host := site_of_address(wire)) is not None:
        return _checked_site_id(host), ()
    return _required_text(wire, "d", MAX_SITE_ID_LENGTH), ()


def _several_sites(text: str) -> tuple[str, tuple[str | Dropped, ...]]:
    names = sites_in(text) if len(text) <= MAX_SITES * (MAX_SITE_ID_LENGTH + 2) else ()
    if not 0 < len(names) <= MAX_SITES:
        raise _RefusalError(DropReason.TOO_LONG, f"d names over {MAX_SITES} sites.")
    found = list(dict.fromkeys(map(_site_or_refusal, names)))
    first = next((each for each in found if isinstance(each, str)), None)
    if first is None:
        raise _RefusalError(DropReason.MALFORMED, f"d names {len(names)} sites, none of which is a site id.")
    found.remove(first)
    return first, tuple(found)


def _site_or_refusal(name: str) -> str | Dropped:
    try:
        return _checked_site_id(name)
    except _RefusalError as refusal:
        return refusal.dropped


@hashed_cache(most_bytes=SITE_IDS_BYTES)
def _checked_site_id(text: str) -> str:
    site_id = read_site_id(_required_text({"d": text}, "d", MAX_SITE_ID_LENGTH))
    if site_id is None:
        sentence = "d must be a site id: a host's name, or ASCII letters, digits and . - _ :, as in example.com."
        raise _RefusalError(DropReason.MALFORMED, sentence)
    if not fits_folder(site_id):
        raise _RefusalError(DropReason.TOO_LONG, "d has too many colons for its length.")
    return site_id


def _required_text(wire: Mapping[str, Any], key: str, max_length: int) -> str:
    if key not in wire:
        raise _RefusalError(DropReason.MISSING, f"The key {key} is missing.")
    text = _text(wire[key], key, max_length)
    if not text.strip():
        raise _RefusalError(DropReason.EMPTY, f"{key} is empty.")
    return text


def _text(value: Any, key: str, max_length: int) -> str:
    if not isinstance(value, str):
        raise _RefusalError(DropReason.TYPE, f"{key} must be a string.")
    if len(value) > max_length:
        raise _RefusalError(DropReason.TOO_LONG, f"{key} is over {max_length} characters.")
    if not is_clean(value):
        raise _RefusalError(DropReason.MALFORMED, f"{key} holds control characters.")
    return value
