"""What a row does not say itself, worked out once per distinct value: page, origin, properties."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from mallard.ingest.dropped import Dropped
from mallard.ingest.page import UTM_TAGS, read_page
from mallard.ingest.request import MAX_URL_LENGTH, read_props
from mallard.ingest.source import read_origin

_TEXT = pa.string()
PAGES = pa.schema([(name, _TEXT) for name in ("site", "url", "hostname", "pathname", *UTM_TAGS, "problem")])
_TAGS = ("utm_source", "utm_medium", "utm_campaign")
"""Those that a source and a channel may follow from."""

ORIGINS = pa.schema(
    [(name, _TEXT) for name in ("site", "hostname", "given", *_TAGS, "referrer", "referrer_source", "channel")]
)
NEAT = pa.schema([(name, _TEXT) for name in ("given", "props", "problem")])

_STRING = r'"(?:[^"\\\x00-\x1f]|\\["\\/bfnrt])*"'
_SCALAR = rf"(?:{_STRING}|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false)"
PLAIN_PROPS = rf"\{{{_STRING}:{_SCALAR}(?:,{_STRING}:{_SCALAR})*\}}"
"""A flat JSON object in its shortest form, without nulls: what ingest stores."""


def read_pages(addresses: Iterable[tuple[str | None, str]]) -> pa.Table:
    """PAGES for pairs of site and address."""
    rows: list[dict[str, Any]] = []
    for site, url in addresses:
        page = read_page(url, site or "") if len(url) <= MAX_URL_LENGTH else None
        if page is None:
            sentence = f"url must be a full URL, or a path that begins with /, of at most {MAX_URL_LENGTH} characters."
            rows.append({"site": site, "url": url, "problem": sentence})
        else:
            rows.append({"site": site, "url": url, "hostname": page.hostname, "pathname": page.pathname, **page.tags})
    return pa.Table.from_pylist(rows, schema=PAGES)


def read_origins(arrivals: Iterable[tuple[str | None, ...]]) -> pa.Table:
    """ORIGINS for its first columns, by the rules that live events meet."""
    rows = []
    for arrival in arrivals:
        site, hostname, referrer, *values = arrival
        tags = {name: value for name, value in zip(_TAGS, values, strict=True) if value}
        origin = read_origin(referrer, hostname or site or "", site or "", tags)
        rows.append(dict(zip(ORIGINS.names, (*arrival, origin.referrer, origin.source, origin.channel), strict=True)))
    return pa.Table.from_pylist(rows, schema=ORIGINS)


def neaten_props(texts: Iterable[str]) -> pa.Table:
    """NEAT: each as ingest would store it, or what is wrong with it."""
    rows: list[dict[str, str | None]] = []
    for text in texts:
        props = read_props(text)
        if isinstance(props, Dropped):
            rows.append({"given": text, "problem": props.sentence.replace("p ", "props ", 1)})
        else:
            rows.append({"given": text, "props": props})
    return pa.Table.from_pylist(rows, schema=NEAT)
