"""The examples of docs/sql.md run, and give rows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mallard.bootstrap.query_engine import open_query_engine
from mallard.bootstrap.sql_queries import open_sql
from mallard.config import Settings
from mallard.engine.duckdb.sql_access import SqlAccess
from mallard.engine.sql_query import SqlQuery
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.docs_pages import read
from support.rows import deliveries, event

SITE, DAY = "example.com", date(2026, 3, 9)
EXAMPLES = [block.text for block in read(Path("docs/sql.md")).blocks if block.language == "sql"]
SEARCH: dict[str, Any] = {"channel": "Organic Search", "visitor_id": 1, "date": DAY.isoformat()}


@pytest.fixture(scope="module")
def sql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlAccess]:
    folder = tmp_path_factory.mktemp("examples")
    store = LocalStore(folder)
    noon = int(datetime(2026, 3, 9, 12, tzinfo=UTC).timestamp() * 1000)
    rows = [
        event(1, timestamp=noon, pathname="/", **SEARCH),
        event(2, timestamp=noon + 1000, pathname="/a", **SEARCH),
        event(3, timestamp=noon + 2000, event_name="engagement", pathname="/a", scroll_depth=70, **SEARCH),
        event(4, timestamp=noon + 3000, event_name="buy", props='{"plan":"pro"}', revenue_amount="9.50", **SEARCH),
    ]
    TableWriter(store).append(Partition(SITE, DAY), deliveries(rows))
    settings = Settings(data_dir=str(folder))
    engine = open_query_engine(settings, store)
    yield open_sql(settings, lambda: engine, lambda: datetime(2026, 3, 10, tzinfo=UTC))
    engine.close()


@pytest.mark.parametrize("text", EXAMPLES, ids=range(len(EXAMPLES)))
def test_each_example_gives_rows(text: str, sql: SqlAccess) -> None:
    assert sql.answer(SqlQuery(text, (SITE,))).num_rows == 1
