"""One object: what its bytes keep, and what its footer says to this code and to others."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mallard.demo.traffic import generate
from mallard.errors import DamagedSegmentError, TableError
from mallard.table.schema import EVENTS, HOUR_ORDER, RARE
from mallard.table.segment import (
    ROW_GROUP_ROWS,
    Segment,
    damage_of,
    decode,
    decode_ids,
    encode,
    has_our_footer,
)
from support.damage import KINDS
from support.rows import event, events, rows_of

GOLDEN = Path(__file__).parent / "golden" / "without_hour_order.parquet"
"""Written by a version that had no such column."""

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
    hour_order=2**62 - 1,
    interactive=False,
)


DEMO = next(
    rows
    for _, rows in generate(
        "demo.example.com",
        events=ROW_GROUP_ROWS,
        days=1,
        random_seed=1,
        end=datetime(2026, 1, 30, 23, 59, 59, tzinfo=UTC),
    )
)
"""A full segment."""


def file_of(data: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(data))


def chunks(data: bytes) -> list[Any]:
    group = file_of(data).metadata.row_group(0)
    return [group.column(number) for number in range(group.num_columns)]


def footer(segment: Segment, **options: Any) -> dict[str, str]:
    metadata = file_of(encode(segment, **options)).metadata.metadata
    return {name.decode(): value.decode() for name, value in metadata.items() if name.startswith(b"mallard.")}


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("erased_before", [None, 0, 1_767_355_200_000])
def test_segment_round_trips_through_bytes(sealed: bool, erased_before: int | None) -> None:
    segment = Segment(rows_of([FULL, event(1)]), sealed, erased_before)
    assert decode(encode(segment), KEY) == segment


def test_a_segment_without_rows_keeps_its_marks() -> None:
    segment = Segment(EVENTS.empty_table(), sealed=True, erased_before=5)
    assert decode(encode(segment), KEY) == segment


def test_segment_rows_are_grouped_by_visitor_then_time_and_id() -> None:
    mixed = [event(9, visitor_id=7), event(3, visitor_id=8), event(2, visitor_id=7, timestamp=event(9).timestamp)]
    rows = decode(encode(Segment(rows_of([event(1), *mixed, event(4, visitor_id=7)]))), KEY).rows
    assert rows["event_id"].to_pylist() == [4, 2, 9, 3, 1]


def test_segment_rows_are_grouped_by_place_and_browser() -> None:
    places = [("DE", "Berlin", "Firefox"), ("US", "Austin", "Chrome"), ("DE", "Berlin", "Chrome"), ("DE", None, "Edge")]
    mixed = [
        event(number, visitor_id=10 - number, country_code=country, city=city, browser=browser)
        for number, (country, city, browser) in enumerate(places, 1)
    ]
    assert decode(encode(Segment(rows_of(mixed))), KEY).rows["event_id"].to_pylist() == [3, 1, 4, 2]


def test_segment_bytes_do_not_depend_on_the_order_of_arrival() -> None:
    rows = DEMO.slice(0, 500)
    parts = pa.concat_tables([rows.slice(300), rows.slice(0, 300)])
    assert encode(Segment(parts), "w") == encode(Segment(rows), "w")


def test_segment_bytes_differ_between_writes() -> None:
    segment = Segment(rows_of(events(1, 2)))
    assert encode(segment) != encode(segment)


def test_segment_bytes_are_equal_for_the_same_write_id() -> None:
    segment = Segment(rows_of(events(1, 2)))
    assert encode(segment, "w") == encode(segment, "w")


def test_footer_has_version_write_id_seal_and_erasure() -> None:
    rows = rows_of(events(1))
    digest = footer(Segment(rows), write_id="w")["mallard.digest"]
    assert footer(Segment(rows), write_id="w") == {
        "mallard.schema_version": "1",
        "mallard.write_id": "w",
        "mallard.sealed": "false",
        "mallard.digest": digest,
    }
    digest = footer(Segment(rows, sealed=True, erased_before=7), write_id="w")["mallard.digest"]
    assert footer(Segment(rows, sealed=True, erased_before=7), write_id="w") == {
        "mallard.schema_version": "1",
        "mallard.write_id": "w",
        "mallard.sealed": "true",
        "mallard.erased_before": "7",
        "mallard.digest": digest,
    }


def test_the_footer_has_the_range_of_ids() -> None:
    statistics = file_of(encode(Segment(rows_of(events(5, 3, 9))))).metadata.row_group(0).column(0).statistics
    assert (statistics.min, statistics.max) == (3, 9)


def test_row_group_metadata_has_its_event_id_range() -> None:
    file = file_of(encode(Segment(pa.concat_tables([DEMO, DEMO.slice(0, 5)]))))
    assert [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)] == [ROW_GROUP_ROWS, 5]
    for number in range(file.num_row_groups):
        chunk = file.metadata.row_group(number).column(0)
        ids = file.read_row_group(number, columns=["event_id"])["event_id"].to_pylist()
        assert (chunk.path_in_schema, chunk.statistics.min, chunk.statistics.max) == ("event_id", min(ids), max(ids))


def test_columns_are_zstd_in_portable_encodings() -> None:
    columns = chunks(encode(Segment(DEMO)))
    assert [each.path_in_schema for each in columns] == EVENTS.names[: -len(RARE)]
    assert {each.compression for each in columns} == {"ZSTD"}
    encodings = {each.path_in_schema: set(each.encodings) for each in columns}
    assert encodings.pop("timestamp") == {"DELTA_BINARY_PACKED", "RLE"}
    assert set().union(*encodings.values()) == {"PLAIN", "RLE", "RLE_DICTIONARY"}


@pytest.mark.parametrize("named_by_client", [False, True])
def test_an_event_of_the_demo_takes_at_most_25_bytes(named_by_client: bool) -> None:
    hashes = pa.array(random.Random(1).getrandbits(63) for _ in range(ROW_GROUP_ROWS))
    rows = DEMO.set_column(0, EVENTS.field("event_id"), hashes) if named_by_client else DEMO
    size = len(encode(Segment(rows))) / ROW_GROUP_ROWS
    # Far less than random ids alone would take: then rows are missing.
    assert 5 < size <= 25


def test_the_schema_of_a_file_is_that_of_events() -> None:
    assert file_of(encode(Segment(rows_of([FULL])))).schema_arrow.equals(EVENTS)


def test_encode_omits_rare_columns_without_values() -> None:
    exact = pa.schema([each for each in EVENTS if each.name not in RARE])
    for rows in (rows_of(events(1, 2)), EVENTS.empty_table()):
        data = encode(Segment(rows))
        assert file_of(data).schema_arrow.equals(exact)
        assert decode(data, KEY).rows.equals(rows)


def test_encode_omits_only_the_rare_column_without_values() -> None:
    for name in RARE:
        rows = rows_of([msgspec.structs.replace(FULL, **{name: None})])
        data = encode(Segment(rows))
        assert set(EVENTS.names) - set(file_of(data).schema_arrow.names) == {name}
        assert decode(data, KEY).rows.equals(rows)


def test_segment_without_rare_columns_can_be_extended_with_rounded_times() -> None:
    older = decode(GOLDEN.read_bytes(), KEY)
    assert older.rows.schema.equals(EVENTS)
    both = pa.concat_tables([older.rows, rows_of([FULL])], promote_options="default")
    grown = decode(encode(Segment(both)), KEY).rows
    assert grown.schema.equals(EVENTS)
    assert sorted(grown[HOUR_ORDER].to_pylist(), key=str) == [2**62 - 1, None, None, None, None, None]


def test_no_column_has_an_unsigned_type() -> None:
    assert not [each.name for each in EVENTS if pa.types.is_unsigned_integer(each.type)]
    schema = file_of(encode(Segment(rows_of([FULL])))).schema
    logical = [str(schema.column(number).logical_type) for number in range(len(schema.names))]
    assert not [each for each in logical if "isSigned=false" in each]


def test_times_are_naive_milliseconds_for_other_readers() -> None:
    schema = file_of(encode(Segment(rows_of([FULL])))).schema
    kind = json.loads(schema.column(schema.names.index("timestamp")).logical_type.to_json())
    assert (kind["isAdjustedToUTC"], kind["timeUnit"]) == (False, "milliseconds")


def test_unknown_column_is_kept() -> None:
    rows = rows_of(events(1, 2)).append_column("added_later", pa.array(["x", None]))
    assert decode(encode(Segment(rows)), KEY).rows.equals(rows)


def test_column_missing_from_an_older_file_is_null(tmp_path: Path) -> None:
    older = rows_of(events(1, 2)).drop_columns(["scroll_depth", "engagement_ms"])
    (tmp_path / "00000.parquet").write_bytes(encode(Segment(older)))
    (tmp_path / "00001.parquet").write_bytes(encode(Segment(rows_of([FULL]))))
    found = duckdb.sql(
        "SELECT event_id, scroll_depth, engagement_ms FROM read_parquet($files, union_by_name = true) ORDER BY ALL",
        params={"files": [str(file) for file in sorted(tmp_path.iterdir())]},
    ).fetchall()
    assert found == [(1, None, None), (2, None, None), (5, 100, 2**31 - 1)]


def test_column_missing_from_an_older_segment_is_null_when_extended() -> None:
    older = decode(encode(Segment(rows_of(events(1)).drop_columns(["props", "engagement_ms"]))), KEY).rows
    both = pa.concat_tables([older, rows_of([FULL])], promote_options="default")
    grown = decode(encode(Segment(both.select(EVENTS.names))), KEY).rows.sort_by("event_id")
    assert grown.schema.equals(EVENTS)
    assert grown.select(["event_id", "props", "engagement_ms"]).to_pylist() == [
        {"event_id": 1, "props": None, "engagement_ms": None},
        {"event_id": 5, "props": '{"plan":"🦆"}', "engagement_ms": 2**31 - 1},
    ]


WHOLE = encode(Segment(rows_of(events(1, 2, 3))))


@pytest.mark.parametrize("length", [0, 1, 4, 100, len(WHOLE) // 2, len(WHOLE) - 8, len(WHOLE) - 1])
def test_truncated_segment_is_rejected(length: int) -> None:
    with pytest.raises(TableError, match=KEY):
        decode(WHOLE[:length], KEY)


def test_bytes_of_other_files_are_no_segment() -> None:
    for data in (b"not a segment", b"\0" * 1000, b"PAR1" + b"\0" * 100 + b"PAR1"):
        with pytest.raises(TableError, match=KEY):
            decode(data, KEY)


def test_parquet_without_a_seal_mark_is_no_segment() -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(rows_of(events(1)), sink)
    with pytest.raises(TableError, match=KEY):
        decode(bytes(sink.getvalue()), KEY)


@pytest.mark.parametrize("place", range(0, len(WHOLE), 97))
def test_decode_rejects_a_segment_with_a_flipped_bit(place: int) -> None:
    data = bytearray(WHOLE)
    data[place] ^= 4
    with pytest.raises(DamagedSegmentError, match=KEY):
        decode(bytes(data), KEY)
    with pytest.raises(DamagedSegmentError, match=KEY):
        decode_ids(bytes(data), KEY)
    assert damage_of(bytes(data))


def test_decode_accepts_an_older_segment_without_a_digest() -> None:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, EVENTS) as writer:
        writer.write_table(rows_of(events(1, 2)))
        writer.add_key_value_metadata({"mallard.sealed": "true"})
    data = bytes(sink.getvalue())
    assert decode(data, KEY).sealed
    assert damage_of(data) is None


def test_decode_names_a_column_of_another_type() -> None:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, pa.schema([*list(EVENTS)[:4], ("pathname", pa.int64())])) as writer:
        writer.add_key_value_metadata({"mallard.sealed": "true"})
    with pytest.raises(DamagedSegmentError, match="its column pathname is int64"):
        decode(bytes(sink.getvalue()), KEY)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("footer", "data")])
def test_has_our_footer_distinguishes_segments_from_other_files(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "00000.parquet"
    file.write_bytes(WHOLE)
    assert has_our_footer(file)
    file.write_bytes(KINDS[kind](WHOLE))
    assert not has_our_footer(file)
