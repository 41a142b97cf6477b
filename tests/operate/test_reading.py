"""What docs/reading.md shows reads a table as it stands on disk, and has our own numbers."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from mallard.cli import main
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import DateRange
from mallard.store.local import LocalStore
from mallard.table.schema import EVENTS
from support.moto import moto_server
from support.s3 import Server

PAGE = Path(__file__).parents[2] / "docs" / "reading.md"
DAYS = 5


def snippets(heading: str, language: str) -> list[str]:
    """The blocks of a language below a heading."""
    part = re.split(r"^## ", PAGE.read_text(), flags=re.MULTILINE)
    (text,) = (each for each in part if each.startswith(f"{heading}\n"))
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some days of traffic of example.com, and of another site that must not show, below ``data``."""
    folder = tmp_path_factory.mktemp("reading")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MALLARD_DATA_DIR", str(folder / "data"))
        for site, events in (("example.com", "12000"), ("example.net", "300")):
            command = ["demo", "--site", site, "--events", events, "--days", str(DAYS)]
            assert main(command) == 0
    return folder


@pytest.fixture(autouse=True)
def _there(table: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(table)
    with duckdb.connect() as connection:
        monkeypatch.setattr(duckdb, "sql", connection.sql)
        yield


def ours(table: Path) -> list[dict[str, Any]]:
    """The numbers of each full day, oldest first."""
    engine = DuckDBEngine(LocalStore(table / "data"), lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    now = datetime.now(UTC)
    today, stats = now.date(), Stats(engine, now)
    days = [today - timedelta(days=number) for number in range(DAYS, 0, -1)]
    found = [{"date": day, **stats.main(Scope("example.com", DateRange(day, day + timedelta(days=1))))} for day in days]
    engine.close()
    return [each for each in found if each["events"]]


def test_documented_sql_gives_the_reported_visitors_and_pageviews(table: Path) -> None:
    rows = duckdb.sql(snippets("DuckDB", "sql")[0]).fetchall()
    assert len(rows) >= DAYS - 1
    assert rows == [(each["date"], each["unique_visitors"], each["total_pageviews"]) for each in ours(table)]


def test_documented_sql_gives_the_reported_visits(table: Path) -> None:
    rows = duckdb.sql(snippets("DuckDB", "sql")[1]).fetchall()
    known = ours(table)
    assert [row[:2] for row in rows] == [(each["date"], each["visits"]) for each in known]
    for row, each in zip(rows, known, strict=True):
        assert row[2:] == pytest.approx((each["bounce_rate"], each["avg_visit_duration_secs"]), abs=1e-6)


def test_documented_sql_reads_properties_and_revenue(table: Path) -> None:
    rows = duckdb.sql(snippets("DuckDB", "sql")[2]).fetchall()
    sql = "SELECT sum(revenue_amount) FROM 'data/events/site_id=example.com/*/*.parquet' WHERE date < today()"
    assert sum(row[1] for row in rows) == duckdb.sql(sql).fetchall()[0][0] > 0


def test_a_bucket_is_read_by_the_same_sql_after_the_settings_of_the_page(table: Path) -> None:
    sql, _, _, settings = snippets("DuckDB", "sql")
    secret, *sets = [each.strip() for each in settings.split(";") if each.strip()]
    assert secret.startswith("CREATE SECRET (TYPE s3,")
    known = duckdb.sql(sql).fetchall()
    with moto_server() as address:
        store = Server(address).new_store()
        for path in (table / "data" / "events").rglob("*.parquet"):
            store.put_if_absent(path.relative_to(table / "data").as_posix(), path.read_bytes())
        # httpfs from its wheel, and the secret of this server.
        for statement in [*store.reader_setup(), *sets]:
            duckdb.sql(statement)
        assert duckdb.sql(sql.replace("data/events", store.location("events"))).fetchall() == known


def test_documented_athena_table_has_the_columns_of_the_schema() -> None:
    kinds = {
        "int64": "bigint",
        "timestamp[ms]": "timestamp",
        "string": "string",
        "int16": "smallint",
        "int32": "int",
        "bool": "boolean",
    }
    ddl, _ = snippets("Athena", "text")
    columns = re.findall(
        r"`?(\w+)`? (bigint|timestamp|string|decimal\(12,2\)|smallint|int|boolean)[,)]", ddl.partition("PARTITIONED")[0]
    )
    assert columns == [
        (field.name, kinds.get(str(field.type), "decimal(12,2)" if field.name == "revenue_amount" else ""))
        for field in EVENTS
    ]


@pytest.mark.heavy
def test_documented_pandas_snippets_give_the_same_pages() -> None:
    by_duckdb, alone = snippets("pandas", "python")
    names: dict[str, Any] = {}
    exec(by_duckdb, names)
    exec(alone, names)
    top = {row.pathname: row.pageviews for row in names["pages"].itertuples()}
    assert len(top) >= 5
    assert {name: int(count) for name, count in names["views"].items() if name in top} == top
