"""Files of each format as rows with their lines, wherever the blocks of the file end."""

import gzip
import json
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallard.errors import TransferError
from mallard.table.segment import Segment, encode
from mallard.transfer.input_files import find_source, format_of, read_chunks
from support.rows import events, rows_of
from transfer.files import checked, chunks_of, database, parquet_of

LINE = b'{"timestamp": 1767355200, "event_name": "pageview"}'


def test_ndjson_counts_every_line_and_skips_blank_ones() -> None:
    data = b"\xef\xbb\xbf" + b"\n".join([LINE, b"", b"nope", b" \r", b"[1]", b"7", LINE[:-1], LINE + b"\r", b'"\xff"'])
    rows, refused = checked(data)
    assert len(rows) == 2
    assert refused == [
        "line 3: it is not JSON.",
        "line 5: it is not a JSON object.",
        "line 6: it is not a JSON object.",
        "line 7: it is not JSON.",
        "line 9: it is not UTF-8.",
    ]


def test_endless_line_raises_without_exhausting_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mallard.transfer.formats.ndjson.MAX_LINE_BYTES", 1000)
    with pytest.raises(TransferError, match="A line is longer than"):
        chunks_of(b"x" * 5000, "ndjson", 100)


def test_unknown_columns_are_named_and_ignored() -> None:
    assert chunks_of(LINE[:-1] + b', "Referer": "x", "date": "y"}', "ndjson")[0].unknown == {"Referer"}
    assert chunks_of(b"timestamp,event_name,date,a\n1767355200,x,y,z\n", "csv")[0].unknown == {"a"}


CSV = b"""timestamp,event_name,pathname,browser
2026-01-02,pageview,"/a
b",""

1767355200,pageview,,"Chro""me"
1,2
2026-01-02,\xff,,
2026-01-02,visit,,x,y
2026-01-02,visit,,
"""


def test_csv_counts_records_and_distinguishes_empty_cells_from_empty_text() -> None:
    rows, refused = checked(CSV, "csv")
    assert [(row["pathname"], row["browser"]) for row in rows] == [("/a\nb", ""), (None, 'Chro"me'), (None, None)]
    assert refused == [
        "line 5: it has 2 cells, the header 4.",
        "line 6: event_name is not UTF-8.",
        "line 7: it has 5 cells, the header 4.",
    ]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "has no column timestamp"),
        (b"timestamp\n", "has no column event_name"),
        (b"timestamp,event_name,city,city\n", "has two columns city"),
        (b"\xfftimestamp,event_name\n", "has a header that is not CSV"),
    ],
)
def test_invalid_csv_header_raises(data: bytes, sentence: str) -> None:
    with pytest.raises(TransferError, match=sentence):
        chunks_of(data, "csv")


def test_a_header_alone_is_a_file_without_rows() -> None:
    assert checked(b'\xef\xbb\xbf"timestamp","event_name"\r\n', "csv") == ([], [])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("begin", [b"", b"\xef\xbb\xbf"], ids=["bare", "bom"])
@pytest.mark.parametrize("size", [70, 1 << 20])
def test_csv_of_common_spreadsheets_is_read(end: str, delimiter: str, begin: bytes, size: int) -> None:
    records = [
        ["Timestamp", '"EVENT_NAME"', " City "],
        ["1767355200", "x", f'"a{delimiter}{end}b"'],
        ["1767355200", "y", "é"],
    ]
    data = begin + end.join(delimiter.join(each) for each in records).encode()
    for text in (data, data + end.encode()):
        rows = [row for each in chunks_of(text, "csv", size) for row in each.rows.to_pylist()]
        assert [(row["line"], row["event_name"], row["city"]) for row in rows] == [
            (2, "x", f"a{delimiter}{end}b"),
            (3, "y", "é"),
        ]


def test_csv_header_ends_at_its_line_for_any_read_size(monkeypatch: pytest.MonkeyPatch) -> None:
    data = b'timestamp,"event_name","a\r\nb"\r\n1767355200,x,"c\r\nd"\r\n'
    for size in range(1, len(data) + 1):
        monkeypatch.setattr("mallard.transfer.formats.csv_header.READ_BYTES", size)
        (row,) = [row for each in chunks_of(data, "csv") for row in each.rows.to_pylist()]
        assert (row["line"], row["event_name"]) == (2, "x")


@pytest.mark.parametrize("size", [20, 1 << 20])
def test_ndjson_with_carriage_returns_alone_is_split_into_lines(size: int) -> None:
    data = b"\r".join([LINE, LINE, b"nope"])
    found = chunks_of(data, "ndjson", max(size, len(LINE)))
    assert sum(each.rows.num_rows for each in found) == 2
    assert [refusal.line for each in found for refusal in each.refused] == [3]


@pytest.mark.parametrize("size", [80, 1 << 20])
def test_json_array_with_one_object_per_line_is_read(size: int) -> None:
    data = b"[\n" + LINE + b",\r\n" + LINE[:-1] + b', "city": "a],"}\n]\n'
    found = chunks_of(data, "ndjson", size)
    assert [row["city"] for each in found for row in each.rows.to_pylist()] == [None, "a],"]
    assert [refusal for each in found for refusal in each.refused] == []
    assert [each.rows.num_rows for each in chunks_of(b"[]\n", "ndjson")] == [0]


def test_column_names_are_case_insensitive() -> None:
    lines = [
        {"TIMESTAMP": 1, "event_name": "x", "City": "a"},
        {"timestamp": 2, "Event_Name": "y", "city": "b", "City": "c"},
    ]
    (chunk,) = chunks_of("\n".join(map(json.dumps, lines)).encode(), "ndjson")
    assert [(row["timestamp"], row["event_name"], row["city"]) for row in chunk.rows.to_pylist()] == [
        ("1", "x", "a"),
        ("2", "y", "b"),
    ]
    assert chunk.unknown == frozenset()
    (chunk,) = chunks_of(parquet_of(pa.table({"Timestamp": [1], "EVENT_NAME": ["x"], "Mood": ["good"]})), "parquet")
    assert (chunk.rows["event_name"].to_pylist(), chunk.unknown) == (["x"], frozenset({"Mood"}))
    with pytest.raises(TransferError, match="has two columns city"):
        chunks_of(
            parquet_of(pa.table({"timestamp": [1], "event_name": ["x"], "city": ["a"], "City": ["b"]})), "parquet"
        )


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(deadline=None)
@given(st.lists(st.one_of(cells, st.none()), min_size=1, max_size=20), st.integers(60, 400))
def test_ndjson_rows_do_not_depend_on_the_block_size(cities: list[str | None], chunk_bytes: int) -> None:
    lines = [json.dumps({"timestamp": 1, "event_name": "x", "city": each}, ensure_ascii=False) for each in cities]
    found = chunks_of("\n".join(lines).encode(), "ndjson", chunk_bytes)
    rows = [row for each in found for row in each.rows.to_pylist()]
    assert [(row["line"], row["city"]) for row in rows] == list(enumerate(cities, 1))


@settings(deadline=None)
@given(st.lists(st.one_of(cells, st.none(), st.just("bad")), min_size=1, max_size=20), st.integers(200, 600))
def test_csv_rows_do_not_depend_on_the_block_size(cities: list[str | None], chunk_bytes: int) -> None:
    def record(city: str | None) -> str:
        if city == "bad":
            return "1,x"
        return "1,x," + ("" if city is None else '"' + city.replace('"', '""') + '"')

    data = "timestamp,event_name,city\n" + "\n".join(map(record, cities)) + "\n"
    found = chunks_of(data.encode(), "csv", chunk_bytes)
    rows = [(row["line"], row["city"]) for each in found for row in each.rows.to_pylist()]
    assert rows == [(number, city) for number, city in enumerate(cities, 2) if city != "bad"]
    bad = [refusal.line for each in found for refusal in each.refused]
    assert bad == [number for number, city in enumerate(cities, 2) if city == "bad"]


def test_parquet_may_have_other_types() -> None:
    berlin = timezone(timedelta(hours=1))
    table = pa.table(
        {
            "timestamp": pa.array([datetime(2026, 1, 2, 13, 0, 0, 5999, berlin)], pa.timestamp("us", "Europe/Berlin")),
            "event_name": pa.array(["pageview"]).dictionary_encode(),
            "event_id": pa.array([7], pa.uint64()),
            "visitor": pa.array([12], pa.int32()),
            "city": pa.array([b"Berlin"], pa.large_binary()),
            "props": pa.array([[("plan", "pro")]], pa.map_(pa.string(), pa.string())),
            "revenue_amount": pa.array([Decimal("9.5")], pa.decimal128(20, 4)),
            "scroll_depth": pa.array([50.0]),
        }
    )
    (row,), refused = checked(parquet_of(table), "parquet")
    assert refused == []
    assert row["timestamp"].isoformat() == "2026-01-02T12:00:00.005000"
    assert (row["event_name"], row["event_id"], row["city"]) == ("pageview", 7, "Berlin")
    assert (row["props"], row["revenue_amount"], row["scroll_depth"]) == ('{"plan":"pro"}', Decimal("9.50"), 50)
    assert row["spans_days"] is True


def test_parquet_may_have_a_date_for_a_moment_and_a_struct_for_properties() -> None:
    table = pa.table({"timestamp": [date(2026, 1, 2)], "event_name": ["x"], "props": [{"a": 1, "b": None}]})
    (row,), _ = checked(parquet_of(table), "parquet")
    assert (row["timestamp"].isoformat(), row["props"]) == ("2026-01-02T00:00:00", '{"a":1}')


def test_invalid_utf8_refuses_only_its_row() -> None:
    table = pa.table({"timestamp": [1, 1], "event_name": ["x", "y"], "city": [b"\xff", b"Berlin"]})
    rows, refused = checked(parquet_of(table), "parquet")
    assert [row["city"] for row in rows] == ["Berlin"]
    assert refused == ["line 1: city is not UTF-8."]


@pytest.mark.parametrize(
    ("data", "sentence"), [(b"no", "cannot be read as Parquet"), (parquet_of(pa.table({"a": [1]})), "has no column")]
)
def test_invalid_parquet_raises(data: bytes, sentence: str) -> None:
    with pytest.raises(TransferError, match=sentence):
        chunks_of(data, "parquet")


def test_segment_reader_returns_the_spans_days_mark() -> None:
    rows = rows_of(events(1))
    for spans_days in (False, True):
        (chunk,) = chunks_of(encode(Segment(rows, spans_days=spans_days)), "parquet")
        assert chunk.spans_days is spans_days


def test_a_folder_of_the_layout_gives_each_row_its_site() -> None:
    for site in ("a.example", "b.example%3A8080"):
        folder = Path("backup", "events", f"site_id={site}", "date=2026-01-02")
        folder.mkdir(parents=True)
        (folder / "00000.parquet").write_bytes(encode(Segment(rows_of(events(1)))))
    chunks = list(read_chunks(find_source("backup"), database()))
    assert [chunk.rows["site_id"].to_pylist() for chunk in chunks] == [["a.example"], ["b.example:8080"]]
    assert chunks[0].file == "events/site_id=a.example/date=2026-01-02/00000.parquet"


def test_compressed_file_is_read_directly() -> None:
    Path("events.ndjson.gz").write_bytes(gzip.compress(LINE))
    (chunk,) = read_chunks(find_source("events.ndjson.gz"), database())
    assert chunk.rows.num_rows == 1


def test_truncated_compressed_file_raises() -> None:
    Path("events.csv.gz").write_bytes(gzip.compress(CSV)[:40])
    with pytest.raises(TransferError, match="cannot be read"):
        list(read_chunks(find_source("events.csv.gz"), database()))


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.ndjson", "ndjson"), ("A.JSONL.GZ", "ndjson"), ("a.csv", "csv"), ("a.parquet", "parquet"), ("a.txt", None)],
)
def test_format_is_determined_by_the_file_name(name: str, form: str | None) -> None:
    assert format_of(name) == form


@pytest.mark.parametrize(
    ("name", "form", "sentence"),
    [
        ("nowhere.csv", None, "nowhere.csv does not exist."),
        ("-", None, "say --format"),
        ("-", "parquet", "Parquet cannot come from the standard input"),
        (".", "csv", "only a folder of Parquet files"),
    ],
)
def test_invalid_source_raises(name: str, form: str | None, sentence: str) -> None:
    with pytest.raises(TransferError, match=sentence):
        find_source(name, form)


def test_folder_without_parquet_raises() -> None:
    with pytest.raises(TransferError, match=r"has no \*.parquet file"):
        list(read_chunks(find_source("."), database()))
