"""Reports of a site whose day begins before UTC's."""

from datetime import UTC, date, datetime
from pathlib import Path

from mallard.event import to_ms
from mallard.query.engine import PENDING, Engine
from mallard.query.stats import Stats
from mallard.sites.book import SiteBook
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.write import TableWriter
from support.rows import deliveries, event

SITE = "example.com"
SET = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 20, 0, tzinfo=UTC)
LOCAL_DAY = date(2026, 3, 11)


def test_who_is_there_now_is_counted_where_it_is_tomorrow_already(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    SiteBook(store).change(SITE, {"timezone": "Pacific/Auckland"}, SET)
    seen = event(1, date=LOCAL_DAY.isoformat(), timestamp=to_ms(NOW) - 60_000, visitor_id=7)
    TableWriter(store).append(Partition(SITE, LOCAL_DAY), deliveries([seen]))
    engine = Engine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    assert Stats(engine, NOW).current_visitors(SITE) == 1
    engine.close()
