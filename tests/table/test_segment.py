"""One object: what its bytes keep, and what its footer says to this code and to others."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mallard.errors import TableError
from mallard.table.schema import EVENTS
from mallard.table.segment import Segment, decode, encode
from support.rows import event, events, rows_of

KEY = "events/site_id=a/date=2026-01-02/00000.parquet"
FULL = event(
    5,
    visitor_id=2**62,
    hostname="example.com",
    referrer="https://duck.example/über",
    props='{"plan":"🦆"}',
    revenue_amount="-9999999999.99",
    revenue_currency="EUR",
    scroll_depth=100,
    engagement_ms=2**31 - 1,
)


def file_of(data: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(data))


def footer(segment: Segment, **options: Any) -> dict[str, str]:
    metadata = file_of(encode(segment, **options)).metadata.metadata
    return {name.decode(): value.decode() for name, value in metadata.items() if name.startswith(b"mallard.")}


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("erased_before", [None, 0, 1_767_355_200_000])
def test_a_segment_comes_back_from_its_bytes(sealed: bool, erased_before: int | None) -> None:
    segment = Segment(rows_of([event(1), FULL]), sealed, erased_before)
    assert decode(encode(segment), KEY) == segment


def test_a_segment_without_rows_keeps_its_marks() -> None:
    segment = Segment(EVENTS.empty_table(), sealed=True, erased_before=5)
    assert decode(encode(segment), KEY) == segment


def test_rows_are_sorted_by_time_then_id() -> None:
    mixed = [event(9), event(3), event(2, timestamp=event(9).timestamp), event(4)]
    assert decode(encode(Segment(rows_of(mixed))), KEY).rows["event_id"].to_pylist() == [3, 4, 2, 9]


def test_no_two_writes_have_equal_bytes() -> None:
    segment = Segment(rows_of(events(1, 2)))
    assert encode(segment) != encode(segment)


def test_one_write_id_gives_the_same_bytes() -> None:
    segment = Segment(rows_of(events(1, 2)))
    assert encode(segment, "w") == encode(segment, "w")


def test_the_footer_says_version_write_seal_and_erasure() -> None:
    rows = rows_of(events(1))
    assert footer(Segment(rows), write_id="w") == {
        "mallard.schema_version": "1",
        "mallard.write_id": "w",
        "mallard.sealed": "false",
    }
    assert footer(Segment(rows, sealed=True, erased_before=7), write_id="w") == {
        "mallard.schema_version": "1",
        "mallard.write_id": "w",
        "mallard.sealed": "true",
        "mallard.erased_before": "7",
    }


def test_the_footer_has_the_range_of_ids() -> None:
    statistics = file_of(encode(Segment(rows_of(events(5, 3, 9))))).metadata.row_group(0).column(0).statistics
    assert (statistics.min, statistics.max) == (3, 9)


def test_files_are_zstd() -> None:
    metadata = file_of(encode(Segment(rows_of(events(1))))).metadata
    columns = [metadata.row_group(0).column(number) for number in range(metadata.num_columns)]
    assert {each.compression for each in columns} == {"ZSTD"}


def test_the_schema_of_a_file_is_that_of_events() -> None:
    assert file_of(encode(Segment(rows_of([FULL])))).schema_arrow.equals(EVENTS)
    assert file_of(encode(Segment(EVENTS.empty_table()))).schema_arrow.equals(EVENTS)


def test_no_column_has_an_unsigned_type() -> None:
    assert not [each.name for each in EVENTS if pa.types.is_unsigned_integer(each.type)]
    schema = file_of(encode(Segment(rows_of([FULL])))).schema
    logical = [str(schema.column(number).logical_type) for number in range(len(schema.names))]
    assert not [each for each in logical if "isSigned=false" in each]


def test_times_are_naive_milliseconds_for_other_readers() -> None:
    schema = file_of(encode(Segment(rows_of([FULL])))).schema
    column = schema.column(schema.names.index("timestamp"))
    assert '"isAdjustedToUTC": false' in column.logical_type.to_json() or "isAdjustedToUTC=false" in str(
        column.logical_type
    )


def test_a_column_of_a_later_version_is_kept() -> None:
    rows = rows_of(events(1, 2)).append_column("added_later", pa.array(["x", None]))
    assert decode(encode(Segment(rows)), KEY).rows.equals(rows)


WHOLE = encode(Segment(rows_of(events(1, 2, 3))))


@pytest.mark.parametrize("length", [0, 1, 4, 100, len(WHOLE) // 2, len(WHOLE) - 8, len(WHOLE) - 1])
def test_a_part_of_a_segment_is_none(length: int) -> None:
    with pytest.raises(TableError, match=KEY):
        decode(WHOLE[:length], KEY)


def test_other_bytes_are_no_segment() -> None:
    for data in (b"not a segment", b"\0" * 1000, b"PAR1" + b"\0" * 100 + b"PAR1"):
        with pytest.raises(TableError, match=KEY):
            decode(data, KEY)


def test_parquet_without_a_seal_mark_is_no_segment() -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(rows_of(events(1)), sink)
    with pytest.raises(TableError, match=KEY):
        decode(bytes(sink.getvalue()), KEY)
