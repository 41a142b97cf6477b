"""Retention: deletion of partitions, and of their daily counts, after MALLARD_RETENTION_DAYS."""

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from mallard.engine.sql.day_statement import rollup_made_by
from mallard.errors import DamagedObjectError, StoreError
from mallard.event import utc_date
from mallard.maintenance.month_file import Part, known_totals, swap
from mallard.maintenance.rollup_builder import Months, look_into_all, months_before
from mallard.maintenance.visits_builder import KnownVisits, drop_visits, list_visits
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store, surely_past
from mallard.table.layout import DAMAGED, parse_aside
from mallard.table.reader import Days
from mallard.table.rollup import ROLLUPS, fingerprint, parse_rollup, rollup_key
from mallard.table.rollup_file import open_whole

GRACE = timedelta(days=2)
"""After writers began to refuse a date, one may still hold a write for it: no name is freed before it must be over."""

MAX_DELETES = 1000
"""Objects deleted in one run, visits files apart; the rest is for the next."""

log = logging.getLogger("mallard.maintenance")


@dataclass(frozen=True, slots=True)
class DataRetention:
    """``days`` 0 keeps everything; ``keep_rollups`` keeps the daily counts of what is deleted."""

    days: int = 0
    keep_rollups: bool = False


def retain(
    store: Store,
    retention: DataRetention,
    now: datetime,
    *,
    but: Collection[str] = (),
    site_settings: SiteSettingsStore | None = None,
    max_deletes: int = MAX_DELETES,
) -> int:
    """Delete partitions whose local date is past; how many objects.

    ``but``: sites with an erasure under way wait for it.
    """
    if not retention.days:
        return 0
    site_settings = site_settings or SiteSettingsStore(store)
    cutoff = _cutoffs(site_settings, surely_past(store, now), retention.days, but)
    if not retention.keep_rollups:
        _drop_rollups(store, cutoff)
    _drop_set_aside(store, cutoff)
    visits, months = list_visits(store), months_before(store, cutoff)
    _drop_visits_alone(store, cutoff, visits, months, max_deletes)
    deleted = 0
    for (site_id, month), days in months.items():
        try:
            deletable_days = (
                _frozen(store, site_settings, site_id, month, days) if retention.keep_rollups else frozenset(days)
            )
        except StoreError as error:
            log.warning("rollup of %s %s not frozen: %s", site_id, f"{month:%Y-%m}", error)
            continue
        if len(deletable_days) < len(days):
            # It waits to be counted, and without this perhaps for ever.
            look_into_all(store)
        for day in sorted(deletable_days):
            if deleted == max_deletes:
                return deleted
            if day in visits.get(site_id, ()):
                # Before the events: a run that ends here leaves no visits without them.
                drop_visits(store, site_id, day)
            # The highest number goes last: until then the frozen counts prove that no write came in between.
            for row in days[day]:
                if deleted == max_deletes:
                    return deleted
                store.delete(row.key)
                deleted += 1
    return deleted


Cutoff = Callable[[str], date]
"""From a site to its first date that stays."""


def _cutoffs(site_settings: SiteSettingsStore, now: datetime, days: int, but: Collection[str]) -> Cutoff:
    """By the site's local date, or the earlier UTC date: writers have refused a deleted date for a day at least."""

    @cache
    def cutoff(site_id: str) -> date:
        if site_id in but:
            return date.min
        try:
            today = min(site_settings.get(site_id).zones.local_date(now), utc_date(now))
        except DamagedObjectError as error:
            log.error("nothing of %s is deleted: %s", site_id, error)
            return date.min
        return today - timedelta(days=days) - GRACE

    return cutoff


def _frozen(store: Store, site_settings: SiteSettingsStore, site_id: str, month: date, days: Days) -> frozenset[date]:
    """Mark the counts of these days as all that will be left; the days whose counts are there and true."""
    key = rollup_key(site_id, month)
    stored = store.get(key)
    file = open_whole(stored.data) if stored else None
    if stored is None or file is None:
        return frozenset()
    totals, zones = known_totals(file), site_settings.get(site_id).zones
    frozen = {day for day in days if day in totals and totals[day]["frozen"]}
    fresh = {
        day
        for day, segments in days.items()
        if day in totals and totals[day]["fingerprint"] == fingerprint(segments, rollup_made_by(zones.name_on(day)))
    } - frozen
    if fresh:
        swap(store, key, stored.etag, [Part(file, freezing=frozenset(fresh))])
    return frozenset(frozen | fresh)


def _drop_visits_alone(store: Store, cutoff: Cutoff, visits: KnownVisits, months: Months, max_deletes: int) -> None:
    """Visits of past days without events: a builder wrote them while the events were deleted."""
    alone = [
        (site_id, day)
        for site_id, days in visits.items()
        for day in days
        if day < cutoff(site_id) and day not in months.get((site_id, day.replace(day=1)), {})
    ]
    for site_id, day in sorted(alone)[:max_deletes]:
        drop_visits(store, site_id, day)


def _drop_set_aside(store: Store, cutoff: Cutoff) -> None:
    """Damaged files of a date that is past go with its partition."""
    for row in list(store.list(DAMAGED)):
        partition = parse_aside(row.key)
        if partition and partition.date < cutoff(partition.site_id):
            store.delete(row.key)


def _drop_rollups(store: Store, cutoff: Cutoff) -> None:
    for row in list(store.list(ROLLUPS)):
        parsed = parse_rollup(row.key)
        if parsed is None or parsed[1] >= cutoff(parsed[0]):
            continue
        stored = store.get(row.key)
        if stored is None:
            continue
        # An unreadable file may be past too; it is a cache, so it is deleted.
        file = open_whole(stored.data)
        totals = known_totals(file)
        past_days = frozenset(day for day in totals if day < cutoff(parsed[0]))
        if file is None or len(past_days) == len(totals):
            store.delete(row.key)
        elif past_days:
            swap(store, row.key, stored.etag, [Part(file, past_days)])
