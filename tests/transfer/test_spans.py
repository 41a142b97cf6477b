"""Visitors of several days, imported by every way: one number before a rollup, after it and under a filter."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.contexts import open_context
from mallard.auth.api_keys import ApiKey
from mallard.errors import TransferError
from mallard.flush.drain import flush
from mallard.ingest.batch import BatchOutcome, accept_batch
from mallard.privacy.rotation import Rotation
from mallard.queue.base import Message
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.filters import parse_filters
from mallard.store.lease import Lease
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.unconditional_writer import UnconditionalWriter
from mallard.table.writer import TableWriter
from mallard.transfer import visitor_spans
from support.place import DAYS, NOW, SITE, Place, noon_ms
from support.rows import deliveries, event, segments
from transfer.files import chunks_of, exported, import_chunks

WEEK = read_period("7d", None, None, NOW)
EVERYWHERE = [["contains", "event:page", ["/"]]]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    found = Place(LocalStore(tmp_path / "data"))
    with closing(found.engine):
        yield found


def line(number: int, visitor_id: int) -> bytes:
    row = {"timestamp": noon_ms(DAYS[number]), "event_name": "pageview", "pathname": "/", "visitor_id": visitor_id}
    return json.dumps(row).encode()


def take(place: Place, *lines: bytes) -> None:
    import_chunks(place.store, chunks_of(b"\n".join(lines), "ndjson"), Path(), site_id=SITE, now=NOW)


def visitors(place: Place) -> list[int]:
    """Of the week: before the rollup, after it, and under a filter that lets everything pass."""
    filtered = Scope(SITE, WEEK, parse_filters(json.dumps(EVERYWHERE)))
    found = [Stats(place.engine, NOW).main(Scope(SITE, WEEK))["unique_visitors"]]
    place.build()
    place.engine.forget()
    found += [Stats(place.engine, NOW).main(scope)["unique_visitors"] for scope in (Scope(SITE, WEEK), filtered)]
    return found


def marked(place: Place) -> list[bool]:
    return [any(each.spans_days for each in segments(place.store, Partition(SITE, day))) for day in DAYS]


def test_visitor_id_on_several_days_of_a_file_is_one_visitor(place: Place) -> None:
    take(place, line(0, 5), line(1, 5), line(2, 5), line(3, 6))
    assert marked(place) == [True, True, True, False]
    assert visitors(place) == [2, 2, 2]


def test_visitor_id_in_several_files_is_one_visitor_also_after_rollups(place: Place) -> None:
    for number in range(3):
        take(place, line(number, 5), line(number, 10 + number))
        assert visitors(place) == [2 + number] * 3
    assert marked(place) == [True, True, True, False]


def test_visitor_ids_of_single_days_set_no_spans_days_mark(place: Place) -> None:
    take(place, *(line(number, 5 + number) for number in range(4)))
    assert marked(place) == [False] * 4
    assert visitors(place) == [4, 4, 4]


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_import_of_an_exported_spanning_day_is_marked_again(place: Place, form: str, tmp_path: Path) -> None:
    for day, path in zip(DAYS[:2], ("/a", "/b"), strict=True):
        rows = deliveries([event(1, timestamp=noon_ms(day), visitor_id=5, pathname=path)])
        TableWriter(place.store).append(Partition(SITE, day), rows)
    assert marked(place) == [False] * 4
    data = exported(place.store, form, SITE)
    other = Place(LocalStore(tmp_path / "other"))
    with closing(other.engine):
        for target in (other, place):
            import_chunks(target.store, chunks_of(data, form), Path(), site_id=SITE, now=NOW)
            assert marked(target) == [True, True, False, False]
            assert visitors(target) == [1, 1, 1]


def test_spans_days_mark_is_set_on_single_writer_and_sealed_days(place: Place) -> None:
    names = UnconditionalWriter(place.store, Lease(place.store, "me"))
    single, full = TableWriter(place.store, unique_names=names), TableWriter(place.store, seal_rows=1)
    for number, table in enumerate((single, full)):
        table.append(Partition(SITE, DAYS[number]), deliveries([event(1, visitor_id=5)]))
        table.mark_spanning(Partition(SITE, DAYS[number]))
        table.append(Partition(SITE, DAYS[number]), deliveries([event(2, visitor_id=5)]))
    assert marked(place) == [True, True, False, False]
    assert visitors(place) == [1, 1, 1]


def test_spans_days_mark_is_written_once(place: Place) -> None:
    take(place, line(0, 5), line(1, 5))
    before = {row.key: row.version for row in place.store.list("events/")}
    take(place, line(0, 5), line(1, 5))
    assert {row.key: row.version for row in place.store.list("events/")} == before


@pytest.mark.parametrize("rotation", ["week", "month"])
def test_spans_days_mark_is_set_for_batches_under_a_longer_rotation(place: Place, rotation: str) -> None:
    context = open_context(place.store, rotation=Rotation(((DAYS[0].min, rotation),)))
    rows: list[dict[str, Any]] = [
        {
            "d": SITE,
            "n": "pageview",
            "u": "/",
            "ip": "203.0.113.7",
            "ua": "",
            "ts": (NOW - timedelta(days=back)).isoformat(),
        }
        for back in (0, 1)
    ]
    taken = accept_batch(json.dumps(rows).encode(), ApiKey("hash", "a server", "Admin", NOW.isoformat()), context, NOW)
    assert isinstance(taken, BatchOutcome)
    messages = [Message(str(number), each.to_message(), 1) for number, each in enumerate(taken.events)]
    assert flush(messages, TableWriter(place.store), NOW).rows.written == 2
    assert visitors(place) == [1, 1, 1]


def test_span_search_reads_again_after_the_general_error_of_duckdb(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    located, failures = visitor_spans._open_locations, [duckdb.Error("a file was replaced")]

    def broken_once(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return located(*arguments)

    monkeypatch.setattr(visitor_spans, "_open_locations", broken_once)
    take(place, line(0, 5), line(1, 5))
    assert marked(place) == [True, True, False, False]


def test_span_search_reports_too_little_memory_as_its_own_error(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise duckdb.OutOfMemoryException("could not allocate block")

    monkeypatch.setattr(visitor_spans, "_open_locations", exhausted)
    with pytest.raises(TransferError, match="256 MB"):
        take(place, line(0, 5), line(1, 5))
