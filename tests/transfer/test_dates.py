"""A row's date is its site's: where ingest, or an earlier import, put the event."""

import json
from datetime import date
from pathlib import Path

import pytest

from mallard.sites.time_zone import UTC_DAYS, SiteZones
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from mallard.transfer.load import stage, write
from mallard.transfer.staging import Staging
from mallard.transfer.validate import RowValidator
from support.memory import MemoryStore
from support.rows import deliveries, event
from transfer.files import NOW, SITE, chunks_of, database, exported

BERLIN = SiteZones(((date.min, "UTC"), (date(2026, 1, 3), "Europe/Berlin")))


def dates(*moments: str, zones: SiteZones = BERLIN) -> list[date]:
    checker = RowValidator(database(), SITE, NOW, lambda site: zones if site == SITE else UTC_DAYS)
    rows = [json.dumps({"event_name": "pageview", "timestamp": moment}) for moment in moments]
    (chunk,) = chunks_of("\n".join(rows).encode(), "ndjson")
    return list(checker.check(chunk).rows["date"].to_pylist())


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-01-01T23:30:00Z", date(2026, 1, 1)),
        ("2026-01-02T23:59:59.999Z", date(2026, 1, 2)),
        ("2026-01-03T00:00:00Z", date(2026, 1, 3)),
        ("2026-01-03T22:59:59.999Z", date(2026, 1, 3)),
        ("2026-01-03T23:00:00Z", date(2026, 1, 4)),
    ],
)
def test_import_date_follows_the_site_time_zone_from_its_first_day(moment: str, expected: date) -> None:
    assert dates(moment) == [expected]
    assert dates("2025-06-01T12:00:00Z", moment)[1] == expected


def test_import_date_is_utc_without_a_time_zone() -> None:
    assert dates("2026-01-03T23:30:00Z", zones=UTC_DAYS) == [date(2026, 1, 3)]


def test_exported_events_of_a_site_with_a_time_zone_import_as_duplicates(tmp_path: Path) -> None:
    store = MemoryStore()
    late_ms = 1_767_483_000_000  # 2026-01-03T23:30Z
    stored = event(1, site_id=SITE, date="2026-01-04", timestamp=late_ms, channel="Direct", hostname=SITE)
    TableWriter(store).append(Partition(SITE, date(2026, 1, 4)), deliveries([stored]))
    with Staging(tmp_path) as staging:
        checker = RowValidator(database(), SITE, NOW, lambda _: BERLIN)
        assert [n for n, _ in stage(chunks_of(exported(store, "ndjson"), "ndjson"), checker, staging)] == [1]
        ((_, _, report),) = write(staging, [TableWriter(store)], NOW)
    assert report is not None
    assert (report.written, report.duplicates) == (0, 1)
