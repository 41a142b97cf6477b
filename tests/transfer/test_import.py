"""`mallard import` and `mallard export` as commands, and what an import does to the table."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mallard.cli import main
from mallard.demo.traffic import generate
from mallard.errors import StoreUnavailableError
from mallard.event import Event, to_ms
from mallard.maintenance.erasure import carry_out, request_erasure
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.local import LocalStore
from mallard.table.append_report import AppendReport
from mallard.table.schema import EVENTS, FILLED, GIVEN_ID
from mallard.table.segment import Segment, encode
from mallard.table.writer import TableWriter
from mallard.transfer.input_files import find_source, read_chunks
from mallard.transfer.load import stage, with_own_ids, write
from mallard.transfer.staging import Staging
from mallard.transfer.validate import RowValidator, open_database
from support.memory import MemoryStore
from support.rows import HERE, deliveries, event, segments, stored_rows
from transfer.files import NOW, SITE, chunks_of, import_chunks

END = datetime(2026, 1, 31, tzinfo=UTC)
COUNT = "SELECT count(*), count(DISTINCT event_id) FROM read_parquet('data/events/**/*.parquet', union_by_name = true)"


@pytest.fixture(autouse=True)
def _data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLARD_DATA_DIR", "data")


def counted() -> tuple[int, ...]:
    found = duckdb.execute(COUNT).fetchone()
    assert found is not None
    return found


def lines(*values: Mapping[str, object]) -> bytes:
    return b"\n".join(json.dumps({"timestamp": 1767355200, "event_name": "x", **each}).encode() for each in values)


def demo_file(name: str, count: int, days: int) -> None:
    """Rows without ids, in no order of time."""
    tables = [rows for _, rows in generate(SITE, events=count, days=days, random_seed=1, end=END)]
    rows = pa.concat_tables(tables).drop_columns(["event_id"]).sort_by([("visitor_id", "ascending")])
    pq.write_table(rows, name)


def test_import_of_the_same_file_twice_adds_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    demo_file("a.parquet", 3000, 5)
    assert main(["import", "a.parquet", "--site", SITE]) == 0
    assert capsys.readouterr().out == "3,000 events written.\n"
    assert main(["import", "a.parquet", "--site", SITE]) == 0
    assert capsys.readouterr().out == "0 events written (3,000 were there already).\n"
    assert counted() == (3000, 3000)


KILLED_IN_THE_MIDDLE = """
import os, signal, sys
from mallard.cli import main
from mallard.store.local import LocalStore

put, left = LocalStore.put_if_absent, [5]

def put_and_die(store, key, data):
    etag = put(store, key, data)
    left[0] -= key.startswith("events/")
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return etag

LocalStore.put_if_absent = put_and_die
main(sys.argv[1:])
"""


def test_import_repeated_after_a_kill_has_each_row_once() -> None:
    demo_file("a.parquet", 30_000, 60)
    command = [sys.executable, "-c", KILLED_IN_THE_MIDDLE, "import", "a.parquet", "--site", SITE]
    assert subprocess.run(command, capture_output=True, check=False).returncode == -signal.SIGKILL
    assert 0 < counted()[0] < 30_000
    assert main(["import", "a.parquet", "--site", SITE]) == 0
    assert counted() == (30_000, 30_000)
    assert not [file for file in Path("data/.mallard/tmp").iterdir() if file.stat().st_size > 1_000_000]


def test_import_repeated_after_a_store_failure_loses_no_rows() -> None:
    class Failing(MemoryStore):
        writes = 0

        def put_if_absent(self, key: str, data: bytes) -> str:
            self.writes += 1
            if self.writes == 3:
                raise StoreUnavailableError("Gone.")
            return super().put_if_absent(key, data)

    store = Failing()
    chunks = chunks_of(lines(*({"timestamp": 1767355200 + 86_400 * n, "city": str(n)} for n in range(6))), "ndjson")
    with Staging(Path()) as staging:
        for _ in stage(chunks, RowValidator(open_database(), SITE, NOW), staging):
            pass
        table = TableWriter(store, sleep=lambda seconds: None)
        assert [report.written for *_, report in write(staging, [table], NOW) if report] == [1] * 6
    again = import_chunks(store, chunks, Path())
    assert (again.written, again.duplicates) == (0, 6)


def test_import_reports_invalid_rows_and_takes_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.ndjson").write_bytes(lines({}, {"city": 1}) + b"\nnope\n" + b"\n".join([b"{}"] * 30))
    assert main(["import", "a.ndjson", "--site", SITE]) == 1
    said = capsys.readouterr()
    assert said.out == "2 events written.\n"
    shown = said.err.splitlines()
    assert shown[:2] == ["line 3: it is not JSON.", "line 4: event_name is missing."]
    assert len(shown) == 21
    assert shown[-1] == "mallard: 31 rows were rejected; the first 20 are above."


def test_strict_import_writes_no_rows_when_one_is_invalid(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.ndjson").write_bytes(lines({}, {"scroll_depth": 200}))
    assert main(["import", "a.ndjson", "--site", SITE, "--strict"]) == 1
    said = capsys.readouterr().err
    assert said == (
        "mallard: line 2: scroll_depth is '200', but must be a whole number from 0 to 100. Nothing was written.\n"
    )
    assert not list(Path("data").glob("events/**/*.parquet"))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.ndjson", b""),
        ("a.ndjson", b"\n\r\n"),
        ("a.json", b"[]"),
        ("a.csv", b"timestamp,event_name\r"),
        ("a.tsv", b"timestamp\tevent_name\n"),
    ],
)
def test_a_file_without_rows_is_an_error(capsys: pytest.CaptureFixture[str], name: str, data: bytes) -> None:
    Path(name).write_bytes(data)
    assert main(["import", name, "--site", SITE]) == 1
    assert capsys.readouterr().err == f"mallard: {name} has no rows, so nothing was imported.\n"


def test_a_file_with_returns_alone_is_imported(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.csv").write_bytes(b"TIMESTAMP;Event_Name\r2026-01-02;x\r2026-01-03;y\r")
    assert main(["import", "a.csv", "--site", SITE]) == 0
    assert capsys.readouterr().out == "2 events written.\n"


def test_an_export_as_csv_has_a_byte_order_mark_in_a_file_only(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Path("a.ndjson").write_bytes(lines({}))
    main(["import", "a.ndjson", "--site", SITE])
    capfdbinary.readouterr()
    command = ["export", "--site", SITE, "--format", "csv"]
    for more, marked in (
        ([], False),
        (["--bom"], True),
        (["--output", "a"], True),
        (["--output", "b", "--no-bom"], False),
    ):
        assert main([*command, *more]) == 0
        data = Path(more[1]).read_bytes() if len(more) > 1 else capfdbinary.readouterr().out
        assert data.startswith(b"\xef\xbb\xbf") is marked
    assert main(["export", "--site", SITE, "--output", "c.ndjson"]) == 0
    assert Path("c.ndjson").read_bytes().startswith(b"{")
    assert main(["import", "a", "--format", "csv"]) == 0


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet"])
@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_import_of_an_export_adds_no_rows_for_any_options(
    capsys: pytest.CaptureFixture[str], form: str, zone: str
) -> None:
    site_settings = SiteSettingsStore(LocalStore(Path("data")))
    site_settings.change(SITE, {"timezone": zone}, datetime(2026, 1, 10, 12, tzinfo=UTC))
    hours = [{"timestamp": f"2026-01-{day:02}T{hour:02}:45:00Z"} for day in (9, 10, 11, 12) for hour in range(24)]
    Path("a.ndjson").write_bytes(lines(*hours))
    assert main(["import", "a.ndjson", "--site", SITE]) == 0
    for name, options in {"all": [], "some": ["--start", "2026-01-10", "--end", "2026-01-12"]}.items():
        assert main(["export", "--site", SITE, "--format", form, "--output", name, *options]) == 0
        for more in ([], ["--site", SITE], ["--site", SITE.upper()]):
            capsys.readouterr()
            assert main(["import", name, "--format", form, *more]) == 0
            assert capsys.readouterr().out.startswith("0 events written")
    assert counted() == (96, 96)


def test_unknown_column_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.ndjson").write_bytes(lines({"mood": 1}, {"mood": 2}))
    assert main(["import", "a.ndjson", "--site", SITE]) == 0
    assert capsys.readouterr().err == "The column 'mood' is unknown and ignored.\n"


def test_import_reads_stdin() -> None:
    command = [sys.executable, "-m", "mallard", "import", "-", "--format", "ndjson", "--site", SITE]
    done = subprocess.run(command, input=lines({}, {}), capture_output=True, check=True)
    assert done.stdout == b"2 events written.\n"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["import", "nowhere.csv"], 1, "mallard: nowhere.csv does not exist.\n"),
        (["export", "--site", "none.example"], 1, "mallard: The table has no events of none.example.\n"),
    ],
)
def test_transfer_command_reports_an_error_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, sentence: str
) -> None:
    assert main(arguments) == code
    assert capsys.readouterr().err.startswith(sentence)


def test_rows_past_retention_are_skipped_and_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MALLARD_RETENTION_DAYS", "30")
    today = datetime.now(UTC)
    moments = [(today - timedelta(days=days)).isoformat() for days in (1, 29, 32, 400)]
    Path("a.ndjson").write_bytes(lines(*({"timestamp": moment} for moment in moments)))
    assert main(["import", "a.ndjson", "--site", SITE]) == 0
    said = capsys.readouterr()
    assert said.out == "2 events written.\n"
    assert said.err == "2 rows are older than retention, and were skipped.\n"


def test_imported_rows_are_accepted_now_and_not_affected_by_earlier_erasures() -> None:
    store, now_ms = MemoryStore(), to_ms(NOW)
    chunks = chunks_of(lines({"event_id": 5}), "ndjson")
    for erased_before, written in ((now_ms + 1, 0), (now_ms, 1)):
        store.objects = {HERE.segment(0): encode(Segment(EVENTS.empty_table(), erased_before=erased_before))}
        report = import_chunks(store, chunks, Path())
        assert (report.written, report.erased) == (written, 1 - written)


def test_import_writes_rows_of_a_day_erased_a_moment_ago() -> None:
    store = MemoryStore()
    chunks = chunks_of(lines({"event_id": 5}), "ndjson")
    assert import_chunks(store, chunks, Path()).written == 1
    carry_out(store, request_erasure(store, SITE, HERE.date, HERE.date, NOW), clock=lambda: NOW)
    assert import_chunks(store, chunks, Path()) == AppendReport(written=1)


def test_imported_visitor_name_sets_the_spans_days_mark() -> None:
    store = MemoryStore()
    import_chunks(store, chunks_of(lines({"visitor_id": 5}), "ndjson"), Path())
    assert [each.spans_days for each in segments(store)] == [False]
    import_chunks(store, chunks_of(lines({"visitor": "joe"}), "ndjson"), Path())
    assert [each.spans_days for each in segments(store)] == [True]


def test_rows_are_written_to_their_own_site_without_the_site_option() -> None:
    store = MemoryStore()
    import_chunks(store, chunks_of(lines({"site_id": "a.example"}, {"site_id": "B.example"}), "ndjson"), Path(), None)
    assert sorted(store.objects) == [
        "events/site_id=a.example/date=2026-01-02/00000.parquet",
        "events/site_id=b.example/date=2026-01-02/00000.parquet",
    ]


def test_import_of_colliding_event_ids_loses_no_row_and_is_fast() -> None:
    store = MemoryStore()
    full = {"hostname": "example.com", "channel": "Direct"}
    chunks = chunks_of(lines(*({"event_id": 0, "city": str(n % 1500), **full} for n in range(3000))), "ndjson")
    first, second = (import_chunks(store, chunks, Path()) for _ in range(2))
    assert (first.written, first.duplicates) == (1500, 1500)
    assert (second.written, second.duplicates) == (0, 3000)


@pytest.mark.parametrize("full", [{}, {"hostname": "example.com", "channel": "Direct"}], ids=["filled", "full"])
def test_import_keeps_rows_of_one_id_with_different_content(full: dict[str, object]) -> None:
    rows = [{"event_id": 5, "city": "a"}, {"event_id": 5, "city": "b"}, {"event_id": 5, "region": "a"}]
    store, chunks = MemoryStore(), chunks_of(lines(*(each | full for each in rows)), "ndjson")
    assert [import_chunks(store, chunks, Path()).written for _ in range(2)] == [3, 0]
    for each in (rows, rows[::-1]):
        assert import_chunks(store, chunks_of(lines(*(row | full for row in each)), "ndjson"), Path()).written == 0
    alone = [import_chunks(store, chunks_of(lines(each | full), "ndjson"), Path()) for each in rows]
    assert [each.written for each in alone] == [0] * 3


def test_import_keeps_rows_of_one_id_from_several_files() -> None:
    store, files = MemoryStore(), [chunks_of(lines({"event_id": 2**63 - 1, "city": city}), "ndjson") for city in "abc"]
    for written in (1, 0):
        assert [import_chunks(store, each, Path()).written for each in files] == [written] * 3
    assert sorted(row["city"] for row in stored_rows(store)) == ["a", "b", "c"]


def test_missing_value_is_not_stored_as_text() -> None:
    rows = imported([event(1), event(1, city="x"), event(1, city="None"), event(1, city="x", region="None")])
    assert with_own_ids(rows).num_rows == 4
    assert len(set(with_own_ids(rows)["event_id"].to_pylist())) == 4


def test_import_of_the_same_file_twice_adds_no_rows_for_any_site_option(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.ndjson").write_bytes(lines({"site_id": SITE}, {"site_id": SITE.upper(), "city": "x"}))
    assert main(["import", "a.ndjson"]) == main(["import", "a.ndjson", "--site", SITE]) == 0
    assert capsys.readouterr().out == "2 events written.\n0 events written (2 were there already).\n"


def imported(given: list[Event]) -> pa.Table:
    rows = deliveries(given)
    nothing = pa.nulls(rows.num_rows, pa.int64())
    return rows.append_column(FILLED, nothing).append_column(GIVEN_ID, nothing)


def test_repeated_row_is_one_and_another_with_the_same_id_gets_a_new_id() -> None:
    rows = imported([event(1), event(2), event(1), event(1, city="x"), event(2, named_by_client=True, city="x")])
    settled = with_own_ids(rows).to_pylist()
    assert sorted(row["event_id"] for row in settled)[:2] == [1, 2]
    assert len(settled) == 3
    assert next(row["city"] for row in settled if row["event_id"] not in (1, 2)) == "x"


def test_staging_writes_days_one_after_another_for_any_input_order(tmp_path: Path) -> None:
    demo_file("a.parquet", 5000, 20)
    store = LocalStore(tmp_path / "data")
    with Staging(tmp_path, run_rows=700) as staging:
        for _ in stage(
            read_chunks(find_source("a.parquet"), open_database()), RowValidator(open_database(), SITE, NOW), staging
        ):
            pass
        written = [
            (partition, rows) for partition, rows, _ in write(staging, [TableWriter(store), TableWriter(store)], NOW)
        ]
    assert [partition for partition, _ in written] == sorted({partition for partition, _ in written})
    assert sum(rows for _, rows in written) == 5000
    assert counted() == (5000, 5000)


def test_staging_splits_a_large_day_into_segments(tmp_path: Path) -> None:
    store = MemoryStore()
    chunks = chunks_of(lines(*({"city": str(n)} for n in range(25))), "ndjson")
    with Staging(tmp_path, run_rows=4) as staging:
        for _ in stage(chunks, RowValidator(open_database(), SITE, NOW), staging):
            pass
        pieces = list(write(staging, [TableWriter(store, seal_rows=10)], NOW, piece_rows=10))
    assert [rows for _, rows, _ in pieces] == [10, 10, 5]
    assert [(each.rows.num_rows, each.sealed) for each in segments(store)] == [(10, True), (10, True), (5, False)]
    assert [int(row["city"]) for row in sorted(stored_rows(store), key=lambda row: int(row["city"]))] == list(range(25))


def test_export_writes_a_new_file_and_overwrites_none_without_the_option(capsys: pytest.CaptureFixture[str]) -> None:
    Path("a.ndjson").write_bytes(lines({}, {}))
    main(["import", "a.ndjson", "--site", SITE])
    assert main(["export", "--site", SITE, "--output", "out.csv"]) == 0
    whole = Path("out.csv").read_bytes()
    assert whole.startswith(b'\xef\xbb\xbf"site_id","date","event_id"')
    capsys.readouterr()
    assert main(["export", "--site", SITE, "--output", "out.csv"]) == 1
    assert capsys.readouterr().err == "mallard: out.csv exists; --force replaces it.\n"
    Path("out.csv").write_text("old")
    assert main(["export", "--site", SITE, "--output", "out.csv", "--force"]) == 0
    assert Path("out.csv").read_bytes() == whole
    assert sorted(file.name for file in Path().iterdir()) == ["a.ndjson", "data", "out.csv"]


def test_failed_export_keeps_the_old_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("a.ndjson").write_bytes(lines({}))
    main(["import", "a.ndjson", "--site", SITE])
    Path("out.csv").write_text("old")
    (segment,) = Path("data/events").rglob("*.parquet")
    segment.write_bytes(b"no Parquet")
    assert main(["export", "--site", SITE, "--output", "out.csv", "--force"]) == 1
    assert Path("out.csv").read_text() == "old"
    assert sorted(file.name for file in Path().iterdir()) == ["a.ndjson", "data", "out.csv"]


def test_export_writes_to_stdout_by_default(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Path("a.ndjson").write_bytes(lines({"event_id": 5}, {"event_id": 6, "timestamp": 1767441600}))
    main(["import", "a.ndjson", "--site", SITE])
    capfdbinary.readouterr()
    assert main(["export", "--site", SITE, "--start", "2026-01-03", "--end", "2026-01-04"]) == 0
    said = capfdbinary.readouterr()
    assert [json.loads(line)["event_id"] for line in said.out.splitlines()] == [6]
    assert said.err.decode() == f"2026-01-03: 1 events\n1 events of {SITE} exported.\n"


def test_export_ends_with_one_sentence_on_a_broken_pipe() -> None:
    demo_file("a.parquet", 20_000, 3)
    assert main(["import", "a.parquet", "--site", SITE]) == 0
    command = [sys.executable, "-m", "mallard", "export", "--site", SITE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(100)
        process.stdout.close()
        said = process.stderr.read().decode()
    assert process.returncode == 1
    assert said.splitlines()[-1] == "mallard: The reader of the standard output closed it."
