"""One event by every way into the table: the same row."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.contexts import open_context
from mallard.auth.api_keys import ApiKey
from mallard.event import Event
from mallard.ingest.batch import BatchOutcome, accept_batch
from mallard.ingest.pipeline import Client, IngestContext, receive
from mallard.ingest.request import parse_body
from mallard.table.layout import Partition
from mallard.table.messages import partitions, read_deliveries
from mallard.table.schema import EVENTS
from mallard.table.writer import TableWriter
from support.memory import MemoryStore
from support.rows import stored_rows
from transfer.files import chunks_of, exported, import_chunks, parquet_of

SITE = "example.com"
NOW = datetime(2026, 2, 1, 9, 30, 0, 250_000, tzinfo=UTC)
HERE = Partition(SITE, NOW.date())
KEY = ApiKey("hash", "a server", "Admin", NOW.isoformat())
OWN = ("event_id", "visitor_id")
"""Columns that differ: an event gets an id of its own, and an import has no salt."""

NUMBERS = [
    "1e3",
    "1.50",
    "-0",
    "-0.0",
    "0.10",
    "1E+2",
    "1e22",
    "0.00001",
    "123456789012345678901",
    "12345678901234567.0",
    "7",
    "-3.25",
    "0.0",
    "1e-7",
]
LITERALS = [*NUMBERS, "true", "false", "null", '"a\\/b"', '"\\u00e9"', '"é\\n"', '"1e3"', '{"b": 1.50}', "[1, 2e2]"]
KEYS = ['"plan"', '"a b"', '"\\u0061"', '"a"', '"é"']
URLS = [
    "https://example.com/",
    "https://www.example.com/a%20b?utm_source=Google&utm_medium=cpc",
    "https://example.com/?ref=hackernews",
    "https://example.com/x?gclid=1",
    "/only/a/path?utm_campaign=spring&utm_term=%20x",
]
REFERRERS = [None, "https://www.google.de/search?q=x#top", "https://example.com/before", "https://u:p@b.example/"]
AMOUNTS = [
    None,
    "12.345",
    "12.355",
    "-0.125",
    "2.675",
    "1e3",
    "1.005",
    "0",
    "9999999999.99",
    "49.9",
    "1.0050000000000001",
]


def objects(members: Iterable[tuple[str, str]]) -> str:
    """The text of a JSON object, each value in its own spelling."""
    return "{" + ", ".join(f"{key}: {value}" for key, value in members) + "}"


@st.composite
def sent(draw: st.DrawFn) -> dict[str, Any]:
    """What a client says; ``props`` and ``amount`` as JSON literals."""
    members = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(LITERALS)), max_size=4)
    decimals = st.decimals(-1000, 1000, places=3, allow_nan=False).map(str)
    return {
        "url": draw(st.sampled_from(URLS)),
        "referrer": draw(st.sampled_from(REFERRERS)),
        # Widths that are steps already: a file's are stored as they are, live ones are rounded down.
        "width": draw(st.sampled_from([300, 800, 1200])),
        "props": draw(st.one_of(st.none(), members.map(objects))),
        "amount": draw(st.one_of(st.sampled_from(AMOUNTS), decimals)),
        "moment": NOW - timedelta(milliseconds=draw(st.integers(0, 5000))),
    }


def body(each: dict[str, Any], **more: str) -> str:
    """The event as JSON of ``/api/event``."""
    keys = {
        "d": SITE,
        "n": "pageview",
        "u": each["url"],
        "r": each["referrer"],
        "w": each["width"],
        "rc": "eur",
        **more,
    }
    members = [(json.dumps(key), json.dumps(value)) for key, value in keys.items()]
    members += [(f'"{key}"', each[name]) for key, name in (("p", "props"), ("ra", "amount")) if each[name]]
    return objects(members)


def by_ingest(context: IngestContext, events: list[dict[str, Any]]) -> list[Event]:
    found = [
        receive(parse_body(body(each).encode()), Client("", "", vouched=True), context, NOW, each["moment"])
        for each in events
    ]
    return [each for each in found if isinstance(each, Event)]


def by_batch(context: IngestContext, events: list[dict[str, Any]]) -> list[Event]:
    lines = [body(each, ts=each["moment"].isoformat()) for each in events]
    taken = accept_batch("\n".join(lines).encode(), KEY, context, NOW)
    assert isinstance(taken, BatchOutcome)
    return list(taken.events)


def row(each: dict[str, Any]) -> dict[str, Any]:
    """The event as columns of an import, all text."""
    return {
        "timestamp": each["moment"].isoformat(),
        "event_name": "pageview",
        "url": each["url"],
        "referrer": each["referrer"],
        "screen_size": str(each["width"]),
        "props": each["props"],
        "revenue_amount": each["amount"],
        "revenue_currency": "eur" if each["amount"] else None,
    }


def as_ndjson(events: list[dict[str, Any]], *, values: bool) -> bytes:
    """Properties and amounts as JSON values, or as text."""
    lines = []
    for each in events:
        members = [(f'"{key}"', json.dumps(value)) for key, value in row(each).items() if value is not None]
        literal = {'"props"': each["props"], '"revenue_amount"': each["amount"]} if values else {}
        lines.append(objects((key, literal.get(key, value)) for key, value in members))
    return "\n".join(lines).encode()


def as_csv(events: list[dict[str, Any]]) -> bytes:
    rows, text = [row(each) for each in events], io.StringIO()
    writer = csv.DictWriter(text, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def as_parquet(events: list[dict[str, Any]], *, values: bool) -> bytes:
    table = pa.Table.from_pylist(
        [row(each) for each in events], schema=pa.schema([(name, pa.string()) for name in row(events[0])])
    )
    if not values:
        return parquet_of(table)
    amounts = pa.array([float(each["amount"]) if each["amount"] else None for each in events], pa.float64())
    return parquet_of(table.set_column(table.column_names.index("revenue_amount"), "revenue_amount", amounts))


def stored(events: list[Event]) -> MemoryStore:
    store = MemoryStore()
    for partition, _, rows in partitions(read_deliveries([each.to_message() for each in events])):
        TableWriter(store).append(partition, rows)
    return store


def imported(data: bytes, form: str) -> MemoryStore:
    store = MemoryStore()
    import_chunks(store, chunks_of(data, form), Path(), now=NOW)
    return store


def contents(store: MemoryStore) -> list[str]:
    """The columns of all rows, in an order that depends on nothing else."""
    return sorted(
        repr([(name, row[name]) for name in EVENTS.names if name not in OWN]) for row in stored_rows(store, HERE)
    )


# Many events in few tables: each way writes tables of its own.
@pytest.mark.heavy
@pytest.mark.divided
@settings(max_examples=3, deadline=None)
@given(st.lists(sent(), min_size=20, max_size=80))
def test_event_is_the_same_row_over_every_endpoint_and_import(events: list[dict[str, Any]]) -> None:
    context = open_context(MemoryStore())
    first = stored(by_ingest(context, events))
    expected = contents(first)
    assert len(expected) == len(events)
    assert contents(stored(by_batch(context, events))) == expected
    assert contents(imported(as_ndjson(events, values=True), "ndjson")) == expected
    assert contents(imported(as_ndjson(events, values=False), "ndjson")) == expected
    assert contents(imported(as_csv(events), "csv")) == expected
    assert contents(imported(as_parquet(events, values=False), "parquet")) == expected
    assert contents(imported(as_parquet(events, values=True), "parquet")) == expected
    for form in ("csv", "ndjson", "parquet"):
        again = exported(first, form)
        assert import_chunks(first, chunks_of(again, form), Path(), now=NOW).written == 0
        assert contents(imported(again, form)) == expected
