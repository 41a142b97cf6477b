"""Erasing a day that goes on: what is accepted afterwards stays, what was accepted before is shown no more."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.contexts import NOW, SITE, open_context, take
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.duckdb.pending_events import LocalPending
from mallard.flush.drain import drain
from mallard.ingest.pipeline import IngestContext
from mallard.maintenance.erasure import ALLOWED_SKEW, Erasure, carry_out, request_erasure
from mallard.maintenance.jobs import MaintenanceJobs
from mallard.queue.local import LocalQueue
from mallard.reports.standard_reports import Scope, Stats
from mallard.sites.erased_days import MAX_ERASED_DAYS, ErasedDays
from mallard.sites.settings_store import TTL_SECONDS, SiteSettingsStore, site_key
from mallard.stats.date_range import read_period
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.rows import stored_rows

TODAY = NOW.date()


@dataclass
class Instance:
    """One server: a queue of its own over a store that others may share. ``seconds`` is its monotonic clock."""

    store: LocalStore
    queue: LocalQueue
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.site_settings = SiteSettingsStore(self.store, clock=lambda: self.seconds)
        pending = LocalPending(self.queue, lambda site_id: self.site_settings.get(site_id).erased)
        self.engine = DuckDBEngine(self.store, pending.rows, memory_mb=256, threads=1, site_settings=self.site_settings)
        self.context: IngestContext = open_context(self.store, site_settings=self.site_settings)
        self.house = MaintenanceJobs(
            self.store, self.engine, site_settings=self.site_settings, erase_pending=self.queue.erase
        )

    def accept(self, path: str, now: datetime = NOW) -> None:
        event = take(self.context, now=now, url=f"https://{SITE}{path}")
        self.queue.send([event.to_message()])

    def shown(self, now: datetime = NOW) -> list[str]:
        scope = Scope(SITE, read_period("today", None, None, now))
        return sorted(row["value"] for row in Stats(self.engine, now).breakdown(scope, "pages", 10))

    def erase(self, now: datetime = NOW) -> Erasure:
        key = request_erasure(self.store, SITE, TODAY, TODAY, now)
        return carry_out(
            self.store,
            key,
            erase_pending=self.queue.erase,
            clock=lambda: now,
            site_settings=self.site_settings,
            sleep=lambda _: None,
        )

    def flush(self, now: datetime = NOW) -> None:
        drain(self.queue, TableWriter(self.store), clock=lambda: now)
        self.engine.forget()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Any]:
    """Instances over one store."""
    opened: list[Instance] = []
    store = LocalStore(tmp_path / "store")

    def another() -> Instance:
        queue = LocalQueue(tmp_path / f"{len(opened)}.sqlite", clock=NOW.timestamp)
        opened.append(Instance(store, queue))
        return opened[-1]

    yield another
    for each in opened:
        each.engine.close()
        each.queue.close()


@pytest.mark.parametrize("after", [timedelta(0), timedelta(seconds=1), ALLOWED_SKEW, timedelta(hours=1)])
def test_events_accepted_after_an_erasure_of_today_are_kept(make: Any, after: timedelta) -> None:
    here = make()
    here.accept("/before")
    here.flush()
    here.accept("/waiting")
    assert here.shown() == ["/before", "/waiting"]
    assert here.erase().done
    assert here.shown() == []
    here.accept("/after", NOW + after)
    assert here.shown() == ["/after"]
    here.flush(NOW + after)
    assert here.shown() == ["/after"]
    assert [row["pathname"] for row in stored_rows(here.store, Partition(SITE, TODAY))] == ["/after"]


def test_events_of_a_function_with_a_slow_clock_are_kept_after_an_erasure(make: Any) -> None:
    here, other = make(), make()
    here.erase()
    other.accept("/after", NOW - timedelta(minutes=4))
    other.flush()
    assert here.shown() == ["/after"]


def test_erasure_is_known_to_other_instances_within_seconds(make: Any) -> None:
    here, other = make(), make()
    other.accept("/before", NOW + timedelta(minutes=1))
    here.erase()
    other.seconds += TTL_SECONDS
    assert other.shown() == []
    other.accept("/after", NOW + timedelta(minutes=1))
    assert other.shown() == ["/after"]
    other.flush()
    assert other.shown() == here.shown() == ["/after"]


def test_maintenance_notifies_the_ingest_of_its_process_of_an_erasure(make: Any) -> None:
    here = make()
    here.accept("/before")
    request_erasure(here.store, SITE, TODAY, TODAY, NOW)
    assert here.house.keep(NOW).erasures == 1
    here.accept("/after")
    here.flush()
    assert here.shown() == ["/after"]


def test_events_of_other_days_and_sites_keep_their_acceptance_time(make: Any) -> None:
    here = make()
    key = request_erasure(here.store, SITE, TODAY - timedelta(days=9), TODAY - timedelta(days=1), NOW)
    carry_out(here.store, key, clock=lambda: NOW, site_settings=here.site_settings)
    assert take(here.context).accepted_ms == int(NOW.timestamp() * 1000)
    assert take(here.context, site_id="other.example").accepted_ms == int(NOW.timestamp() * 1000)


def test_second_erasure_of_today_removes_events_kept_by_the_first(make: Any) -> None:
    here = make()
    here.erase()
    here.accept("/between")
    later = NOW + timedelta(seconds=1)
    assert here.erase(later).pending == 1
    assert here.shown() == []
    here.accept("/after", later)
    here.flush(later)
    assert here.shown() == ["/after"]


def test_damaged_site_settings_do_not_block_an_erasure(make: Any) -> None:
    here = make()
    here.accept("/before")
    here.flush()
    here.store.put_if_absent(site_key(SITE), b"damaged")
    assert here.erase().events == 1


def test_site_settings_store_erasures_without_showing_them(make: Any) -> None:
    here = make()
    here.erase()
    erased = here.site_settings.get(SITE).erased
    assert [(each.first, each.last) for each in erased] == [(TODAY, TODAY)]
    here.site_settings.change(SITE, {"timezone": "Europe/Berlin"}, NOW)
    fresh = SiteSettingsStore(here.store).get(SITE)
    assert fresh.erased == erased
    assert "erased" not in fresh.to_api(TODAY)


def test_site_settings_remember_a_bounded_number_of_erasures(tmp_path: Path) -> None:
    site_settings = SiteSettingsStore(LocalStore(tmp_path))
    day_ms = 86_400_000
    for number in range(MAX_ERASED_DAYS + 20):
        site_settings.note_erasure(SITE, ErasedDays(TODAY, TODAY, number))
    assert len(site_settings.get(SITE).erased) == MAX_ERASED_DAYS
    site_settings.note_erasure(SITE, ErasedDays(TODAY, TODAY, 8 * day_ms))
    site_settings.note_erasure(SITE, ErasedDays(TODAY, TODAY, 8 * day_ms))
    assert site_settings.get(SITE).erased == (ErasedDays(TODAY, TODAY, 8 * day_ms),)


def test_pending_events_of_an_erased_day_are_not_shown(tmp_path: Path) -> None:
    with closing(LocalQueue(tmp_path / "queue.sqlite")) as queue:
        context = open_context(LocalStore(tmp_path / "store"))
        queue.send([take(context, now=moment).to_message() for moment in (NOW, NOW + timedelta(minutes=5))])
        mark = ErasedDays(TODAY, TODAY, int((NOW + timedelta(minutes=5)).timestamp() * 1000))
        rows = LocalPending(queue, lambda _: (mark,)).rows(SITE)
        assert [each.replace(tzinfo=UTC) for each in rows["timestamp"].to_pylist()] == [NOW + timedelta(minutes=5)]
