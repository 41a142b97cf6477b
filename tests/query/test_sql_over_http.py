"""``POST /api/sql`` and ``mallard query``: who gets which sites, the formats, and the sentences."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mallard.cli import EXIT_FAULT, EXIT_USAGE, main
from mallard.cli.text_table import text_table
from mallard.store.local import LocalStore
from support.damage import damage
from support.proof_people import OTHER, PUBLIC, SITE, People
from support.random_events import random_rows, store_rows

NOW = datetime.now(UTC)
COUNT = "SELECT site_id, count(*) AS n FROM events GROUP BY site_id ORDER BY site_id"


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    with People(tmp_path_factory.mktemp("sql") / "data") as people:
        for number, site_id in enumerate((SITE, OTHER, PUBLIC), 1):
            store_rows(people.store, random_rows(Random(7), 10 * number, NOW), 1000, site_id=site_id)
        yield people


def ask(people: People, body: Any, who: str = "Admin key") -> Any:
    return people.client.post("/api/sql", json=body, headers=people.headers(who))


@pytest.mark.parametrize(
    ("who", "more", "expected"),
    [
        ("Admin key", {}, {OTHER: 20, PUBLIC: 30, SITE: 10}),
        ("ReadOnly key, this site", {}, {SITE: 10}),
        ("session on our page", {"site_id": OTHER}, {OTHER: 20}),
        ("ReadOnly key", {"site_id": "unknown.example"}, {}),
        ("Admin key", {"site_id": SITE, "start_date": "2020-01-01", "end_date": "2020-02-01"}, {}),
    ],
)
def test_sql_reads_the_sites_that_its_sender_may(
    who: str, more: dict[str, str], expected: dict[str, int], people: People
) -> None:
    answer = ask(people, {"sql": COUNT, **more}, who)
    assert answer.status_code == 200, answer.text
    # Another test has a site of its own.
    assert {row["site_id"]: row["n"] for row in answer.json() if row["site_id"] in (SITE, OTHER, PUBLIC)} == expected


def test_a_key_does_not_read_a_site_that_it_is_not_limited_to(people: People) -> None:
    answer = ask(people, {"sql": COUNT, "site_id": OTHER}, "ReadOnly key, this site")
    assert (answer.status_code, answer.json()) == (403, {"error": f"The key does not give access to {OTHER}."})
    assert ask(people, {"sql": COUNT}, "link").status_code == 403


@pytest.mark.parametrize("form", ["csv", "parquet", "arrow"])
def test_formats_are_files_with_their_media_types(form: str, people: People) -> None:
    answer = ask(people, {"sql": "SELECT 1 AS a, 'x' AS b", "format": form, "site_id": SITE})
    assert answer.headers["content-disposition"] == f'attachment; filename="query.{form}"'
    kinds = {
        "csv": "text/csv; charset=utf-8",
        "parquet": "application/vnd.apache.parquet",
        "arrow": "application/vnd.apache.arrow.stream",
    }
    assert answer.headers["content-type"] == kinds[form]
    if form == "csv":
        assert answer.text == 'a,b\n1,"x"\n'
    elif form == "parquet":
        assert pq.read_table(io.BytesIO(answer.content)).to_pylist() == [{"a": 1, "b": "x"}]
    else:
        assert pa.ipc.open_stream(answer.content).read_all().to_pylist() == [{"a": 1, "b": "x"}]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ([], "The body must be a JSON object with the key sql."),
        ({}, "sql is missing; it is one SELECT statement over the tables events and visits."),
        ({"sql": 1}, "sql is 1, but must be a text."),
        (
            {"sql": "SELECT 1", "limit": 3},
            "'limit' is not a key of the body, whose keys are sql, site_id",
        ),
        ({"sql": "SELECT 1", "format": "xml"}, "format is 'xml', but must be one of json, csv, parquet, arrow."),
        (
            {"sql": "SELECT 1", "start_date": "1.1.2026"},
            "start_date is '1.1.2026', but must be a date",
        ),
        (
            {"sql": "SELECT 1", "start_date": "2026-01-02", "end_date": "2026-01-02"},
            "end_date is 2026-01-02, but must be after start_date 2026-01-02: it is the day after the last.",
        ),
        ({"sql": "SELECT 1", "site_id": "no site"}, "site_id"),
        ({"sql": "SELECT a"}, "The SQL cannot be run: Binder Error: "),
        ({"sql": "DROP VIEW events"}, "The SQL must be one SELECT statement"),
    ],
)
def test_a_wrong_body_is_answered_by_its_sentence(body: Any, sentence: str, people: People) -> None:
    answer = ask(people, body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)


def test_too_large_results_are_413(people: People) -> None:
    answer = ask(people, {"sql": "SELECT * FROM range(100001)"})
    assert (answer.status_code, "rows" in answer.json()["error"]) == (413, True)


def test_dates_of_damaged_files_are_in_a_header(people: People) -> None:
    site = "damaged.example"
    store_rows(people.store, random_rows(Random(5), 30, NOW), 1000, site_id=site)
    segment = next(iter(people.store.list(f"events/site_id={site}/")))
    damage(people.store, segment.key, "cut")
    answer = ask(people, {"sql": COUNT, "site_id": site})
    assert answer.headers["x-mallard-incomplete"] in segment.key


def test_sql_is_refused_where_it_is_off(tmp_path: Path) -> None:
    with People(tmp_path / "data", sql=False) as people:
        answer = ask(people, {"sql": "SELECT 1"})
        assert answer.status_code == 403
        assert answer.json() == {"error": "SQL is off on this server; MALLARD_SQL=true turns it on."}
        assert ask(people, {"sql": "SELECT 1"}, "nobody").status_code == 401


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    data = tmp_path / "data"
    store_rows(LocalStore(data), random_rows(Random(7), 12, NOW - timedelta(days=1)), 1000, site_id=SITE)
    store_rows(LocalStore(data), random_rows(Random(7), 24, NOW - timedelta(days=1)), 1000, site_id=OTHER)
    monkeypatch.setenv("MALLARD_DATA_DIR", str(data))
    return data


def test_query_command_prints_csv_and_writes_files(
    data: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["query", COUNT]) == 0
    assert capfdbinary.readouterr().out == f'site_id,n\n"{OTHER}",24\n"{SITE}",12\n'.encode()
    file = tmp_path / "rows.parquet"
    assert main(["query", COUNT, "--site", SITE, "--output", str(file)]) == 0
    assert pq.read_table(file).to_pylist() == [{"site_id": SITE, "n": 12}]
    assert main(["query", COUNT, "--start", "2020-01-01", "--end", "2020-01-02", "--format", "json"]) == 0
    assert json.loads(capfdbinary.readouterr().out) == []
    # A reader makes no queue.
    assert not (data / "queue").exists()


def test_query_command_reads_pending_events(data: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    with People(data, flush_interval=3600) as people:
        headers = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0"}
        body = {"d": "new.example", "n": "pageview", "u": "https://new.example/"}
        assert people.client.post("/api/event", json=body, headers=headers).status_code == 202
        assert main(["query", COUNT, "--site", "new.example"]) == 0
    assert capfdbinary.readouterr().out == b'site_id,n\n"new.example",1\n'


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["SELECT a"], EXIT_USAGE, "Binder Error"),
        (["COPY (SELECT 1) TO 'a'"], EXIT_USAGE, "one SELECT statement"),
        (["SELECT 1", "--site", "none.example"], EXIT_FAULT, "no events of none.example"),
        (["SELECT 1", "--start", "2026-01-02", "--end", "2026-01-01"], EXIT_USAGE, "--end is 2026-01-01"),
        (["SELECT * FROM range(100001)"], EXIT_FAULT, "more than 100,000 rows"),
    ],
)
def test_query_command_ends_with_a_sentence(
    arguments: list[str], code: int, sentence: str, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", *arguments]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err
    assert printed.err.count("\n") == 1


def test_text_table_aligns_numbers_and_hides_control_characters() -> None:
    rows = pa.table({"page": ["/", "/a\x1b[2J", None], "views": [10, 2, None], "day": [None, None, None]})
    assert text_table(rows).splitlines() == [
        "page    views  day",
        "------  -----  ---",
        "/          10",
        "/a [2J      2",
        "",
        "(3 rows)",
    ]
    many = pa.table({"n": list(range(100))})
    assert text_table(many).endswith("\n39\n(100 rows, 40 shown; --format csv has all)")
