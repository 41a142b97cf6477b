"""Bytes of exports and downloads."""

import io
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mallard.transfer.formats.writers import download_writer, export_writer
from mallard.transfer.table_export import EXPORTED

ROW = {
    "site_id": "example.com",
    "date": date(2026, 1, 2),
    "event_id": 7,
    "timestamp": datetime(2026, 1, 2, 12, 0, 0, 7000),  # noqa: DTZ001  # naive, as it is stored
    "event_name": "=1+1",
    "pathname": '/a"b',
    "browser": "'=x",
    "city": "",
    "revenue_amount": Decimal("1.50"),
    "scroll_depth": 9,
}
COLUMNS = pa.schema([EXPORTED.field(name) for name in ROW] + [EXPORTED.field("os")])
EMPTY_JSON = b"[]\n"

BYTES = {
    "export csv": '\ufeff"site_id","date","event_id","timestamp","event_name","pathname","browser","city",'
    '"revenue_amount","scroll_depth","os"\n'
    '"example.com","2026-01-02",7,"2026-01-02T12:00:00.007Z","=1+1","/a""b","\'=x","","1.50",9,\n',
    "export ndjson": '{"site_id":"example.com","date":"2026-01-02","event_id":7,'
    '"timestamp":"2026-01-02T12:00:00.007Z","event_name":"=1+1","pathname":"/a\\"b","browser":"\'=x","city":"",'
    '"revenue_amount":"1.50","scroll_depth":9}\n',
    "download csv": "\ufeffsite_id,date,event_id,timestamp,event_name,pathname,browser,city,revenue_amount,"
    "scroll_depth,os\n"
    '"example.com",2026-01-02,7,"2026-01-02T12:00:00.007Z","\'=1+1","/a""b","\'\'=x","",1.50,9,\n',
    "download json": '[\n{"site_id":"example.com","date":"2026-01-02","event_id":7,'
    '"timestamp":"2026-01-02T12:00:00.007Z","event_name":"=1+1","pathname":"/a\\"b","browser":"\'=x","city":"",'
    '"revenue_amount":1.5,"scroll_depth":9,"os":null}\n]\n',
}
"""One row as version 0.9 wrote it."""

WRITERS: dict[str, Callable[..., Any]] = {"export": export_writer, "download": download_writer}


def written(case: str, *batches: Any, spans_days: bool = False, bom: bool = True) -> bytes:
    file = io.BytesIO()
    kind, form = case.split()
    writer = WRITERS[kind](form, file, COLUMNS, bom=bom)
    for batch in batches:
        writer.write(batch)
    writer.finish(spans_days=spans_days)
    return file.getvalue()


def batch() -> Any:
    return pa.Table.from_pylist([ROW], schema=COLUMNS).to_batches()[0]


@pytest.mark.parametrize("case", BYTES)
def test_writer_keeps_the_bytes_of_text_formats(case: str) -> None:
    assert written(case, batch()).decode() == BYTES[case]


@pytest.mark.parametrize("case", ["export csv", "download csv"])
def test_csv_writer_leaves_out_the_byte_order_mark_when_asked(case: str) -> None:
    assert written(case, batch(), bom=False).decode() == BYTES[case].removeprefix("\ufeff")


def test_parquet_of_an_export_and_a_download_are_the_same_bytes() -> None:
    table = pa.Table.from_batches([batch()])
    file = io.BytesIO()
    with pq.ParquetWriter(file, COLUMNS, compression="zstd", store_schema=False) as writer:
        writer.write_table(table, row_group_size=131_072)
    assert written("export parquet", batch()) == written("download parquet", batch()) == file.getvalue()


def test_parquet_writer_marks_visitor_ids_that_span_days() -> None:
    marked = pq.ParquetFile(io.BytesIO(written("export parquet", batch(), spans_days=True)))
    assert marked.metadata.metadata[b"mallard.visitors_span_days"] == b"true"


def test_json_writer_writes_an_empty_array_without_rows() -> None:
    assert written("download json") == EMPTY_JSON
