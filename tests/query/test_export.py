"""Downloads: what is in them, in which form, and how they reach their client."""

import asyncio
import csv
import io
import json
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message

from mallard.api import downloads
from mallard.api.app import create_app
from mallard.api.downloads import Deliver, stream, through_store
from mallard.api.middleware.query_timeout import QueryTimeout
from mallard.engine.base import PENDING
from mallard.engine.cancellation import CURRENT, Cancellation, current_stop
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import ENGAGEMENT, PAGEVIEW
from mallard.reports import report_export
from mallard.reports.report_export import Download, Export, download
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.filters import parse_filters
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.schema import EVENTS
from mallard.table.writer import TableWriter
from mallard.transfer.formats.writers import DOWNLOAD_FORMATS
from support.memory import MemoryStore
from support.moto import moto_server
from support.open_access import auth_off, one_address
from support.place import DAYS, NOW, SITE, TODAY, Place
from support.reference import Row, matched
from support.restless import GROWING, STILL, STILL_ROWS, Restless
from support.s3 import Server
from transfer.files import chunks_of, import_chunks

WEEK = read_period("7d", None, None, NOW)


@lru_cache(maxsize=8)
def make_app(engine: DuckDBEngine, deliver: Deliver = stream) -> FastAPI:
    erase: Any = None
    return create_app(
        engine=lambda: engine,
        sites=lambda: [SITE],
        clock=lambda: NOW,
        erase=erase,
        auth=auth_off(),
        address_of=one_address,
        deliver=deliver,
    )


def get(engine: DuckDBEngine, deliver: Deliver = stream, /, **parameters: str) -> Any:
    client = TestClient(make_app(engine, deliver), raise_server_exceptions=False)
    return client.get("/api/stats/export", params={"site_id": SITE, **parameters}, follow_redirects=False)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Ten events on each of four days."""
    found = Place(LocalStore(tmp_path))
    with closing(found.engine):
        for number, day in enumerate(DAYS):
            found.write(day, *range(number * 20 + 1, number * 20 + 11))
        yield found


def rows_in(answer: Any) -> list[Row]:
    """The rows of any form, numbers and moments as text alike."""
    kind = answer.headers["content-type"].partition(";")[0]
    if kind == "text/csv":
        return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    if kind == "application/json":
        found: list[Row] = json.loads(answer.content)
        return found
    return list(pq.read_table(io.BytesIO(answer.content)).to_pylist())


# What is in them


def test_exported_days_are_the_same_from_events_and_from_rollups(place: Place) -> None:
    expected = """\
date,visitors,pageviews,visits,bounce_rate,visit_duration,events
2026-03-04,0,0,0,0,0,0
2026-03-05,0,0,0,0,0,0
2026-03-06,3,10,3,0,7,10
2026-03-07,3,10,3,0,7,10
2026-03-08,3,10,3,0,7,10
2026-03-09,0,0,0,0,0,0
2026-03-10,3,10,3,0,7,10
"""
    assert get(place.engine, period="7d", bom="false").text == expected
    assert place.build() == 3
    assert get(place.engine, period="7d", bom="false").text == expected


def test_exported_days_under_a_filter_match_the_reports(place: Place) -> None:
    filters = json.dumps([["is", "event:page", ["/1"]]])
    answer = get(place.engine, period="7d", filters=filters, format="json")
    for row in answer.json():
        start, end = row["date"], str(datetime.fromisoformat(row["date"]).date() + timedelta(days=1))
        scope = Scope(SITE, read_period(None, start, end, NOW), parse_filters(filters))
        main = Stats(place.engine, NOW).main(scope)
        assert row == {
            "date": start,
            "visitors": main["unique_visitors"],
            "pageviews": main["total_pageviews"],
            "visits": main["visits"],
            "bounce_rate": round(main["bounce_rate"], 4),
            "visit_duration": round(main["avg_visit_duration_secs"], 1),
            "events": main["events"],
        }
    assert sum(row["visits"] for row in answer.json()) > 0


def test_export_of_all_time_begins_at_the_first_date_with_events(place: Place) -> None:
    assert get(place.engine, period="all").text.splitlines()[1].startswith("2026-03-06,3,")


def random_rows(count: int) -> list[Row]:
    """Few visitors, pages and moments, so that visits are made of several events."""
    random, rows = Random(8), []
    for event_id in range(1, count + 1):
        moment = NOW - timedelta(minutes=random.randrange(3 * 1440))
        rows.append(
            dict.fromkeys(EVENTS.names)
            | {
                "event_id": event_id,
                "visitor_id": random.choice([None, *(moment.date().toordinal() * 10 + n for n in range(8))]),
                "timestamp": moment.replace(tzinfo=None),
                "event_name": random.choice([PAGEVIEW, PAGEVIEW, "signup", ENGAGEMENT]),
                "pathname": random.choice(["/", "/a", "/b"]),
                "country_code": random.choice(["DE", "US", None]),
            }
        )
    return rows


def as_table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=EVENTS)


@pytest.fixture
def mixed(tmp_path: Path) -> Iterator[tuple[DuckDBEngine, list[Row]]]:
    """300 random events in the table, in the queue, and fifty in both, as between write and acknowledgement."""
    rows = random_rows(300)
    store = LocalStore(tmp_path)
    for day in {row["timestamp"].date() for row in rows}:
        part = [row for row in rows[:200] if row["timestamp"].date() == day]
        TableWriter(store, seal_rows=20).append(Partition(SITE, day), as_deliveries(as_table(part)))
    dates = pa.array([row["timestamp"].date() for row in rows[150:]], pa.date32())
    waiting = as_table(rows[150:]).add_column(0, PENDING.field("date"), dates)
    with closing(DuckDBEngine(store, lambda _: waiting, memory_mb=256, threads=2)) as engine:
        yield engine, rows


def in_order(rows: list[Row]) -> list[int]:
    return [row["event_id"] for row in sorted(rows, key=lambda row: (row["timestamp"], row["event_id"]))]


def test_exported_events_are_all_rows_in_time_order_including_pings(mixed: tuple[DuckDBEngine, list[Row]]) -> None:
    engine, rows = mixed
    found = rows_in(get(engine, what="events", format="parquet"))
    assert [row["event_id"] for row in found] == in_order(rows)
    by_id = {row["event_id"]: row for row in rows}
    assert all(row == by_id[row["event_id"]] | {"date": row["timestamp"].date()} for row in found)


FILTERS = [
    [["is", "event:page", ["/a"]]],
    [["is", "visit:country", ["DE"]]],
    [["is", "visit:entry_page", ["/b"]], ["is_not", "event:name", ["signup"]]],
    [["has_done", ["is", "event:name", ["signup"]]]],
    [["is", "event:page", ["/nowhere"]]],
]


@pytest.mark.parametrize("filters", FILTERS, ids=json.dumps)
def test_exported_events_under_a_filter_exclude_pings(
    mixed: tuple[DuckDBEngine, list[Row]], filters: list[Any]
) -> None:
    engine, rows = mixed
    passing = [row for row, _ in matched([row for row in rows if row["event_name"] != ENGAGEMENT], filters)]
    found = rows_in(get(engine, what="events", format="json", filters=json.dumps(filters)))
    assert [row["event_id"] for row in found] == in_order(passing)


def test_exported_events_of_realtime_are_those_of_the_last_minutes(mixed: tuple[DuckDBEngine, list[Row]]) -> None:
    engine, rows = mixed
    since = (NOW - timedelta(minutes=5)).replace(tzinfo=None)
    found = rows_in(get(engine, what="events", format="json", period="realtime"))
    assert [row["event_id"] for row in found] == in_order([row for row in rows if row["timestamp"] >= since])


def test_export_during_segment_swaps_is_a_consistent_snapshot(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    with Restless(store) as table, closing(DuckDBEngine(store, no_rows, memory_mb=256, threads=1)) as engine:
        for _ in range(10):
            low = dict(table.written)
            exported = download(Stats(engine, NOW), Export(Scope(SITE, WEEK), "events", "parquet"))
            batches = pq.read_table(io.BytesIO(b"".join(exported.pieces))).to_pylist()
            high, ids = dict(table.begun), [row["event_id"] for row in batches]
            assert len(set(ids)) == len(ids)
            counts = {day: sum(row["date"] == day for row in batches) for day in (*GROWING, STILL)}
            assert counts[STILL] == STILL_ROWS
            assert all(low[day] <= counts[day] <= high[day] for day in GROWING)


def no_rows(_: str) -> pa.Table:
    return PENDING.empty_table()


# In which form


HOSTILE = [
    "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1+1", "\u00a0=1", "\u3000@x", "\u200b+1", "\ufeff-1",
    "＝1+1", "＋1", "－1", "＠x", " \t1",
]  # fmt: skip


HARMLESS = ['a "b", c', "line\nbreak", "ünï 🦆", "\\", "1-1", "a=b", ""]


def of_texts(place: Place, texts: list[str], form: str) -> list[Any]:
    """The rows of an export of events in order of the texts, each of which was one's referrer."""
    for number, text in enumerate(texts):
        place.write(TODAY, 900 + number, referrer=text, revenue_amount="-1.50", revenue_currency="EUR")
    found = {int(row["event_id"]): row for row in rows_in(get(place.engine, what="events", format=form))}
    return [found[900 + number] for number in range(len(texts))]


def test_formula_cell_is_escaped_in_csv(place: Place) -> None:
    found = of_texts(place, HOSTILE, "csv")
    assert [(row["referrer"], row["revenue_amount"]) for row in found] == [(f"'{text}", "-1.50") for text in HOSTILE]


@pytest.mark.parametrize("form", ["json", "parquet"])
def test_formula_cell_is_unchanged_in_other_formats(place: Place, form: str) -> None:
    found = of_texts(place, HOSTILE, form)
    assert [(row["referrer"], float(row["revenue_amount"])) for row in found] == [(text, -1.5) for text in HOSTILE]


@pytest.mark.parametrize("form", DOWNLOAD_FORMATS)
def test_harmless_text_is_exported_unchanged_in_every_format(place: Place, form: str) -> None:
    assert [row["referrer"] for row in of_texts(place, HARMLESS, form)] == HARMLESS


def test_export_formats_contain_the_same_rows(mixed: tuple[DuckDBEngine, list[Row]]) -> None:
    def told(value: object) -> str:
        if isinstance(value, datetime):
            return value.isoformat(timespec="milliseconds") + "Z"
        return "" if value is None else str(value)

    answers = [rows_in(get(mixed[0], what="events", format=form)) for form in DOWNLOAD_FORMATS]
    first, *others = [[{name: told(value) for name, value in row.items()} for row in rows] for rows in answers]
    assert len(first) == 300
    assert all(other == first for other in others)


@pytest.mark.parametrize("what", ["days", "events"])
def test_csv_begins_with_a_byte_order_mark_unless_disabled(place: Place, what: str) -> None:
    marked, bare = (get(place.engine, what=what, **more).content for more in ({}, {"bom": "false"}))
    assert marked == get(place.engine, what=what, bom="true").content == b"\xef\xbb\xbf" + bare
    assert bare.startswith(b"date,")
    for form in ("json", "parquet"):
        assert b"\xef\xbb\xbf" not in get(place.engine, what=what, format=form).content[:10]


ODD = ["=1+1", " =1", "' ＝1", "'=1+1", "''-x", "'x", "@", "\tx", "\na", '"', "é", None]


@pytest.mark.sampled(3, 1)
@pytest.mark.parametrize("form", DOWNLOAD_FORMATS)
@pytest.mark.parametrize("more", [{}, {"bom": "false"}], ids=["bom", "bare"])
def test_import_of_exported_events_adds_no_rows(
    place: Place, form: str, more: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, text in enumerate(ODD):
        changes: dict[str, Any] = {"utm_term": text, "city": text, "props": text and json.dumps({"a": text})}
        place.write(DAYS[0], 900 + number, **changes)
    data = get(place.engine, what="events", format=form, period="7d", **more).content
    chunks = chunks_of(data, "ndjson" if form == "json" else form)
    report = import_chunks(place.store, chunks, place.store.scratch, SITE, NOW)
    assert (report.written, report.duplicates) == (0, 40 + len(ODD))


def test_empty_export_has_a_header_an_empty_array_or_a_schema(place: Place) -> None:
    nothing = {"what": "events", "start_date": "2020-01-01", "end_date": "2020-02-01"}
    assert get(place.engine, bom="false", **nothing).text == ",".join(PENDING.names) + "\n"
    assert get(place.engine, format="json", **nothing).json() == []
    table = pq.read_table(io.BytesIO(get(place.engine, format="parquet", **nothing).content))
    assert (table.num_rows, table.column_names) == (0, PENDING.names)


def test_exported_file_has_a_name_and_is_not_cacheable(place: Place) -> None:
    headers = get(place.engine, what="events", format="parquet", period="7d").headers
    name = "example.com-events-2026-03-04-2026-03-10.parquet"
    assert headers["content-disposition"] == f'attachment; filename="{name}"'
    assert headers["content-type"] == "application/vnd.apache.parquet"
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


# What is refused


@pytest.mark.sampled(3)
@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"format": "xml"}, "format is 'xml', but must be one of csv, json, parquet."),
        ({"format": ""}, "format is '', but must be one of csv, json, parquet."),
        ({"bom": "no"}, "bom is 'no', but must be one of true, false."),
        ({"what": "visits"}, "what is 'visits', but must be one of days, events."),
        ({"site_id": ""}, "site_id is missing"),
        ({"period": "8d"}, "period is '8d', but must be one of"),
        ({"start_date": "2026-01-01"}, "start_date and end_date come together"),
        ({"filters": "{}"}, "filters"),
        ({"form": "csv"}, "'form' is not a parameter here"),
        ({"compare": "previous_period"}, "'compare' is not a parameter here"),
        ({"filters": '[["matches", "event:page", ["("]]]', "what": "events"}, "'(' is no regular expression"),
    ],
)
def test_invalid_export_parameter_is_400_with_a_sentence(
    place: Place, parameters: dict[str, str], sentence: str
) -> None:
    answer = get(place.engine, **parameters)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)


def test_export_over_the_event_limit_is_413(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_export, "MAX_EVENTS", 39)
    answer = get(place.engine, what="events")
    assert (answer.status_code, answer.json()["error"]) == (
        413,
        "The range has 40 events, but an export may have 39; ask for fewer days.",
    )
    assert get(place.engine, what="events", filters='[["is", "event:page", ["/1"]]]').status_code == 200


# How they reach their client


def test_export_streams_day_by_day_and_pins_no_files_between_days(place: Place) -> None:
    made = download(Stats(place.engine, NOW), Export(Scope(SITE, WEEK), "events", "csv"))
    before = [len(next(made.pieces).splitlines()) - 1]
    assert [path for path in place.store.scratch.iterdir() if path.is_dir()] == []
    # The days to come are read only when they are asked for.
    place.write(TODAY, 901, 902)
    assert before + [len(piece.splitlines()) for piece in made.pieces] == [10, 10, 10, 12]


def test_disconnect_ends_the_export(place: Place) -> None:
    """Straight through the application, as a server calls it: the client leaves after the first piece."""
    sent: list[Message] = []
    made: list[str] = []

    def deliver(file: Download, headers: Any) -> Any:
        def told() -> Iterator[bytes]:
            try:
                yield from file.pieces
                made.append("all of it")
            finally:
                file.pieces.close()  # type: ignore[attr-defined]
                made.append("ended")

        return stream(Download(file.name, file.media_type, told()), headers)

    async def run() -> None:
        left = asyncio.Event()
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> Message:
            for message in asked:
                return message
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)
            if message.get("body"):
                left.set()
                # A connection that is closed takes nothing more.
                await asyncio.sleep(60)

        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "method": "GET",
            "path": "/api/stats/export",
            "query_string": f"site_id={SITE}&what=events".encode(),
            "headers": [],
        }
        await asyncio.wait_for(make_app(place.engine, deliver)(scope, receive, send), 20)

    asyncio.run(run())
    assert made == ["ended"]
    assert sent[0]["status"] == 200
    assert len([message for message in sent if message.get("body")]) == 1


def test_cancelled_export_ends_without_an_error(place: Place) -> None:
    stop = Cancellation()
    token = CURRENT.set(stop)
    try:
        made = download(Stats(place.engine, NOW), Export(Scope(SITE, WEEK), "events", "json"))
        next(made.pieces)
        stop.stop()
        assert list(made.pieces) == []
    finally:
        CURRENT.reset(token)


def test_started_export_may_exceed_the_query_timeout() -> None:
    seen: list[Message] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.3)
        current_stop().check()
        await send({"type": "http.response.body", "body": b"late"})

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError("unreachable")

    async def send(message: Message) -> None:
        seen.append(message)

    asyncio.run(QueryTimeout(app, 0.1)({"type": "http", "method": "GET"}, receive, send))
    assert seen[-1]["body"] == b"late"


def test_small_export_is_sent_directly_when_large_ones_go_through_the_store(place: Place) -> None:
    store = MemoryStore()
    answer = get(place.engine, through_store(lambda: store), period="7d")
    assert (answer.status_code, len(answer.text.splitlines())) == (200, 8)
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["cache-control"] == "no-store"
    assert store.objects == {}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with moto_server() as address:
        yield Server(address)


def test_large_export_redirects_to_an_unguessable_address_in_the_bucket(
    place: Place, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_DIRECT_BYTES", 100)
    store = server.new_store("some/prefix")
    answers = [get(place.engine, through_store(lambda: store), what="events") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers["cache-control"] == "no-store"
    assert len({row.key for row in store.list("exports/")}) == 2
    address = answers[0].headers["location"]
    assert "X-Amz-Expires=3600" in address
    with urllib.request.urlopen(address, timeout=10) as found:
        assert found.read() == get(place.engine, what="events").content
        assert found.headers["content-type"] == "text/csv; charset=utf-8"
        assert found.headers["content-disposition"].startswith('attachment; filename="example.com-events-')


def test_export_is_sent_directly_when_the_store_signs_no_addresses(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "MAX_DIRECT_BYTES", 100)
    store: Store = place.store
    answer = get(place.engine, through_store(lambda: store), what="events")
    assert (answer.status_code, len(rows_in(answer))) == (200, 40)


def test_export_too_large_for_one_store_write_is_413(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "MAX_STORED_BYTES", 100)
    store = MemoryStore()
    answer = get(place.engine, through_store(lambda: store), what="events")
    assert answer.status_code == 413
    assert "ask for fewer days, or for parquet" in answer.json()["error"]
    assert store.objects == {}
