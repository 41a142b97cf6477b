"""A site's events out of the table and in again."""

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mallard.errors import DamagedSegmentError, TransferError
from mallard.event import Event
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.schema import EVENTS
from mallard.table.segment import Segment, encode
from mallard.table.writer import TableWriter
from mallard.transfer.formats.csv import CsvWriter
from mallard.transfer.table_export import EXPORTED, Exporter, days_of
from support.damage import KINDS, damage
from support.memory import MemoryStore
from support.rows import DAY, HERE, NOON_MS, deliveries, event, events, rows_of, segments, stored_rows
from transfer.files import chunks_of, exported, import_chunks

odd = st.one_of(
    st.sampled_from(
        ["", '"', '""', "a\nb", "a\r\nb", ",", "=1+1", "+1", "-1", "@x", "'", "null", "\\", "\u2028", "\x1f"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=10),
)
texts = st.one_of(st.none(), odd)
FREE = ("pathname", "utm_source", "utm_term", "browser", "language", "country_code", "city")


@st.composite
def odd_events(draw: st.DrawFn) -> Event:
    free: dict[str, Any] = {name: draw(texts) for name in FREE}
    return event(
        draw(st.integers(0, 2**63 - 1)),
        accepted_ms=0,
        timestamp=event(draw(st.integers(0, 1000))).timestamp,
        event_name=draw(odd.filter(lambda text: text.strip() != "")),
        visitor_id=draw(st.one_of(st.none(), st.integers(0, 2**63 - 1))),
        hostname="example.com",
        channel="Email",
        referrer_source="Newsletter",
        props=draw(st.sampled_from([None, '{"a":"=1"}', '{"é\\"":1.5,"b":true}', '{"a":"{\\"b\\":null}"}'])),
        revenue_amount=draw(st.sampled_from([None, "-9999999999.99", "0.00", "12.30"])),
        scroll_depth=draw(st.sampled_from([None, 0, 100])),
        hour_order=draw(st.none() | st.integers(0, 2**62 - 1)),
        interactive=draw(st.sampled_from([None, False])),
        **free,
    )


def filled(given: list[Event]) -> MemoryStore:
    store = MemoryStore()
    TableWriter(store).append(HERE, deliveries(given))
    return store


# Many events in few tables: a table takes a dozen databases, an event next to nothing.
@settings(max_examples=4, deadline=None)
@given(st.lists(odd_events(), min_size=1, max_size=24, unique_by=lambda each: each.event_id))
@pytest.mark.sampled(3)
@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
def test_exported_events_import_as_the_same_rows(form: str, given: list[Event]) -> None:
    first, second = filled(given), MemoryStore()
    import_chunks(second, chunks_of(exported(first, form), form), Path())
    assert stored_rows(second) == stored_rows(first)
    for each in ("csv", "ndjson"):
        assert exported(second, each) == exported(first, each)


def test_import_of_an_own_export_adds_no_rows() -> None:
    named = {"hostname": "example.com", "channel": "Direct"}
    store = filled([event(1, **named), event(2, **named, referrer_source="X"), event(3, hostname="example.com")])
    for form in ("csv", "ndjson", "parquet"):
        report = import_chunks(store, chunks_of(exported(store, form), form), Path())
        assert (report.written, report.duplicates) == (0, 3)


def test_an_import_of_its_own_export_keeps_the_order_of_rounded_times() -> None:
    rounded = {"hostname": "example.com", "channel": "Direct", "visitor_id": 7, "timestamp": NOON_MS}
    store = filled([event(1, **rounded, hour_order=2**62 - 1), event(2, **rounded, hour_order=0), event(3, **rounded)])
    for form in ("csv", "ndjson", "parquet"):
        second = MemoryStore()
        import_chunks(second, chunks_of(exported(store, form), form), Path())
        assert stored_rows(second) == stored_rows(store)
        report = import_chunks(store, chunks_of(exported(store, form), form), Path())
        assert (report.written, report.duplicates) == (0, 3)
    lines = exported(store, "ndjson").splitlines()
    assert [json.loads(line)["event_id"] for line in lines] == [2, 1, 3]


def test_csv_quotes_text_and_writes_null_as_an_empty_cell() -> None:
    store = filled([event(7, pathname='=a"b', city="", revenue_amount="1.50", scroll_depth=9)])
    header, row, end = exported(store, "csv").decode().split("\n")
    assert end == ""
    cells = dict(zip(header.replace('"', "").split(","), row.split(","), strict=True))
    assert cells["timestamp"] == '"2026-01-02T12:00:00.007Z"'
    assert (cells["pathname"], cells["city"], cells["browser"]) == ('"=a""b"', '""', "")
    assert (cells["event_id"], cells["scroll_depth"], cells["date"]) == ("7", "9", '"2026-01-02"')


def test_ndjson_omits_absent_values() -> None:
    store = filled([event(7, props='{"a":1}')])
    assert json.loads(exported(store, "ndjson")) == {
        "site_id": "example.com",
        "date": "2026-01-02",
        "event_id": 7,
        "timestamp": "2026-01-02T12:00:00.007Z",
        "event_name": "pageview",
        "pathname": "/7",
        "props": '{"a":1}',
    }


def test_parquet_has_the_tables_types_and_the_columns_of_the_path() -> None:
    table = pq.read_table(io.BytesIO(exported(filled(events(1, 2)), "parquet")))
    assert table.schema.names == EXPORTED.names
    assert [field.type for field in table.schema] == [field.type for field in EXPORTED]
    assert table["date"].to_pylist() == [DAY, DAY]


def test_exported_events_are_in_time_order_across_segments_and_days(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "data")
    writer = TableWriter(store, seal_rows=2)
    tomorrow = date(2026, 1, 3)
    writer.append(Partition(HERE.site_id, tomorrow), deliveries([event(8, date=tomorrow.isoformat())]))
    for batch in ((5, 1, 4), (3, 2)):
        writer.append(HERE, deliveries(events(*batch)))
    lines = exported(store, "ndjson").splitlines()
    assert [json.loads(line)["event_id"] for line in lines] == [1, 2, 3, 4, 5, 8]


def test_export_bounds_exclude_the_end_date() -> None:
    store = MemoryStore()
    for number in (1, 2, 3):
        TableWriter(store).append(Partition("example.com", date(2026, 1, number)), deliveries(events(number)))
    assert list(days_of(store, "example.com", date(2026, 1, 2), date(2026, 1, 3))) == [date(2026, 1, 2)]
    assert list(days_of(store, "example.com", None, None)) == [date(2026, 1, number) for number in (1, 2, 3)]
    assert not days_of(store, "example", None, None)


def test_export_writes_null_for_a_column_missing_from_an_older_file() -> None:
    store = MemoryStore()
    older = rows_of(events(1)).drop_columns(["engagement_ms"])
    store.put_if_absent(HERE.segment(0), encode(Segment(older)))
    assert "engagement_ms" not in exported(store, "ndjson").decode()
    assert exported(store, "csv").decode().splitlines()[1].endswith(",")


def test_export_omits_an_unknown_column() -> None:
    store = MemoryStore()
    newer = rows_of(events(1)).append_column("mood", pa.array(["good"]))
    store.put_if_absent(HERE.segment(0), encode(Segment(newer)))
    assert b"mood" not in exported(store, "csv")


def test_export_of_an_erased_day_has_no_rows() -> None:
    store = MemoryStore()
    store.put_if_absent(HERE.segment(0), encode(Segment(EVENTS.empty_table(), sealed=True, erased_before=1)))
    assert exported(store, "ndjson") == b""


def test_spans_days_mark_survives_a_parquet_export() -> None:
    first, second = MemoryStore(), MemoryStore()
    TableWriter(first).append(HERE, deliveries([event(1, visitor_id=5)]), spans_days=True)
    import_chunks(second, chunks_of(exported(first, "parquet"), "parquet"), Path())
    assert [each.spans_days for each in segments(second)] == [True]


def test_export_rereads_a_day_swapped_during_the_read(tmp_path: Path) -> None:
    class Vanishing(LocalStore):
        """Its first listing names a sealed segment that is gone when it is read."""

        lies = 1
        pins_are_cheap = False

        def location(self, key: str) -> str:
            if self.lies and key:
                self.lies -= 1
                return super().location(key) + ".gone"
            return super().location(key)

    store = Vanishing(tmp_path / "data")
    TableWriter(store, seal_rows=1).append(HERE, deliveries(events(1, 2)))
    assert len(exported(store, "ndjson").splitlines()) == 2
    assert store.lies == 0


def test_export_reports_each_day_with_its_event_count() -> None:
    store = filled(events(1, 2, 3))
    exporter = Exporter(store)
    days = days_of(store, HERE.site_id, None, None)
    assert list(exporter.write(HERE.site_id, days, CsvWriter(io.BytesIO(), EXPORTED))) == [(DAY, 3)]
    exporter.close()


@pytest.mark.sampled(2)
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("kind", KINDS)
def test_export_names_the_damaged_file(kind: str, number: int, tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    TableWriter(store, seal_rows=3).append(HERE, deliveries(events(1, 2, 3, 4)))
    damage(store, HERE.segment(number), kind)
    with pytest.raises(DamagedSegmentError, match=HERE.segment(number)):
        exported(store, "ndjson")


def test_export_reports_too_little_memory_as_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object) -> None:
        raise duckdb.OutOfMemoryException("could not allocate block")

    store = LocalStore(tmp_path)
    TableWriter(store).append(HERE, deliveries(events(1)))
    monkeypatch.setattr(Exporter, "_read", exhausted)
    with pytest.raises(TransferError, match="512 MB"):
        exported(store, "ndjson")


def test_export_applies_renewed_credentials_before_it_reads_again(tmp_path: Path) -> None:
    class Expiring(LocalStore):
        """Readable only after its second setup."""

        setups = 0
        pins_are_cheap = False

        def reader_setup(self) -> list[str]:
            self.setups += 1
            return [f"SET VARIABLE key = {self.setups}"]

        def location(self, key: str) -> str:
            return super().location(key) + (".gone" if self.setups < 2 else "")

    store = Expiring(tmp_path / "data")
    TableWriter(store, seal_rows=1).append(HERE, deliveries(events(1, 2)))
    assert len(exported(store, "ndjson").splitlines()) == 2
