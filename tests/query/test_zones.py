"""Reports of a site whose day begins before UTC's."""

from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import to_ms
from mallard.maintenance.erasure import Erasure
from mallard.privacy.salts import salt_key
from mallard.reports.standard_reports import Stats
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.schema import EVENTS
from mallard.table.writer import TableWriter
from support.open_access import auth_off, one_address
from support.rows import deliveries, event

SITE = "example.com"
SET = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 10, 20, 0, tzinfo=UTC)
LOCAL_DAY = date(2026, 3, 11)


@pytest.mark.parametrize("begun", ["nothing", "stored", "waiting", "salt"])
def test_time_zone_set_over_the_api_applies_at_once_only_before_any_day_has_begun(tmp_path: Path, begun: str) -> None:
    store, today, waiting = LocalStore(tmp_path), SET.date(), PENDING.empty_table()
    seen = deliveries([event(1, date=today.isoformat())])
    if begun == "stored":
        TableWriter(store).append(Partition(SITE, today), seen)
    elif begun == "waiting":
        waiting = seen.select(EVENTS.names).add_column(0, PENDING.field("date"), pa.array([today]))
    elif begun == "salt":
        store.put_if_absent(salt_key(SITE, today.isoformat()), b"{}")
    with closing(DuckDBEngine(store, lambda _: waiting, memory_mb=256, threads=1)) as engine:
        app = create_app(
            engine=lambda: engine,
            sites=list,
            clock=lambda: SET,
            erase=not_erased,
            auth=auth_off(),
            address_of=one_address,
        )
        answer = TestClient(app).put(f"/api/sites/{SITE}", json={"timezone": "America/New_York"}).json()
        assert answer.get("timezone_from") == (None if begun == "nothing" else "2026-03-02")
        assert engine.zones(SITE).name_on(today) == ("America/New_York" if begun == "nothing" else "UTC")


def not_erased(*_: object) -> Erasure:
    raise AssertionError("nobody erases here")


def test_current_visitors_are_counted_when_the_local_date_is_ahead_of_utc(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    SiteSettingsStore(store).change(SITE, {"timezone": "Pacific/Auckland"}, SET)
    seen = event(1, date=LOCAL_DAY.isoformat(), timestamp=to_ms(NOW) - 60_000, visitor_id=7)
    TableWriter(store).append(Partition(SITE, LOCAL_DAY), deliveries([seen]))
    engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    assert Stats(engine, NOW).current_visitors(SITE) == 1
    assert Stats(engine, NOW).zone(SITE) == "Pacific/Auckland"
    engine.close()
