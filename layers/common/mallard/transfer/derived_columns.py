"""Values derived once per distinct text: pages, origins, properties, amounts."""

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pyarrow as pa

from mallard.ingest.amount import read_amount
from mallard.ingest.drop_reasons import Dropped
from mallard.ingest.enrich.page_url import UTM_TAGS, read_page
from mallard.ingest.enrich.referrer import read_origin
from mallard.ingest.request import MAX_URL_LENGTH, read_props
from mallard.table.schema import EVENTS

_TEXT = pa.string()
_HINTS = ("named", "click_id")
"""Of an address alone: the word of ``source`` or ``ref``, and the key of a click id."""

PAGES = pa.schema([(name, _TEXT) for name in ("site", "url", "hostname", "pathname", *UTM_TAGS, *_HINTS, "problem")])
_TAGS = ("utm_source", "utm_medium", "utm_campaign")
"""Columns from which source and channel are derived."""

ORIGINS = pa.schema(
    [(name, _TEXT) for name in ("site", "hostname", "given", *_TAGS, *_HINTS, "referrer", "referrer_source", "channel")]
)
NEAT = pa.schema([(name, _TEXT) for name in ("given", "props", "problem")])
AMOUNTS = pa.schema([pa.field("given", _TEXT), pa.field("amount", EVENTS.field("revenue_amount").type)])

_STRING = r'"(?:[ !#-\[\]-~]|\\["\\bfnrt])*"'
"""Of ASCII: other letters are left to ingest's reader, which composes them."""

_NUMBER = r"(?:0|-?[1-9]\d{0,14}|-?(?:0|[1-9]\d{0,9})\.\d{0,3}[1-9])"
"""In the spelling that ingest stores: no exponent, no zero at the end; longer ones are left to ingest's reader."""
_SCALAR = rf"(?:{_STRING}|{_NUMBER}|true|false)"
PLAIN_PROPS = rf"\{{{_STRING}:{_SCALAR}(?:,{_STRING}:{_SCALAR})*\}}"
"""A flat JSON object as ingest stores it, but that a key may come twice."""

PLAIN_AMOUNT = r"[+-]?[0-9]+(\.[0-9]{0,2})?"
"""With two places at most there is nothing to round."""
_NUMBER_OF_JSON = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def read_pages(addresses: Iterable[tuple[str | None, str]]) -> pa.Table:
    """PAGES for pairs of site and address."""
    rows: list[dict[str, Any]] = []
    for site, url in addresses:
        page = read_page(url, site or "") if len(url) <= MAX_URL_LENGTH else None
        if page is None:
            sentence = f"url must be a full URL, or a path that begins with /, of at most {MAX_URL_LENGTH} characters."
            rows.append({"site": site, "url": url, "problem": sentence})
        else:
            rows.append(
                {"site": site, "url": url, "hostname": page.hostname, "pathname": page.pathname, **page.tags}
                | {"named": page.named, "click_id": page.click_id}
            )
    return pa.Table.from_pylist(rows, schema=PAGES)


def read_origins(arrivals: Iterable[tuple[str | None, ...]]) -> pa.Table:
    """ORIGINS for its first columns, by the rules of live events."""
    rows = []
    for arrival in arrivals:
        site, hostname, referrer, *values, named, click_id = arrival
        tags = {name: value for name, value in zip(_TAGS, values, strict=True) if value}
        origin = read_origin(referrer, hostname or site or "", site or "", tags, named=named, click_id=click_id)
        rows.append(dict(zip(ORIGINS.names, (*arrival, origin.referrer, origin.source, origin.channel), strict=True)))
    return pa.Table.from_pylist(rows, schema=ORIGINS)


def neaten_props(texts: Iterable[str]) -> pa.Table:
    """NEAT: each as ingest would store it, or a sentence about its fault."""
    rows: list[dict[str, str | None]] = []
    for text in texts:
        props = read_props(text)
        if isinstance(props, Dropped):
            rows.append({"given": text, "problem": props.sentence.replace("p ", "props ", 1)})
        else:
            rows.append({"given": text, "props": props})
    return pa.Table.from_pylist(rows, schema=NEAT)


def read_amounts(texts: Iterable[str]) -> pa.Table:
    """AMOUNTS: each as ingest would store it, null where it is no amount."""
    return pa.Table.from_pylist([{"given": text, "amount": amount_in_file(text)} for text in texts], schema=AMOUNTS)


def amount_in_file(text: str) -> Decimal | None:
    """An amount as ingest reads it: a JSON number, or a number in common notation; None for other text.

    A file tells no number from a text, so ``1.299`` is a number here, though ambiguous as a text of a page.
    """
    if not _NUMBER_OF_JSON.fullmatch(text):
        return read_amount(text)
    try:
        return read_amount(int(text) if text.lstrip("+-").isdecimal() else float(text))
    except ValueError:
        # An integer of thousands of digits.
        return None
