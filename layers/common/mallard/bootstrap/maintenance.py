"""Builds the maintenance jobs by the settings."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from mallard.config import Settings
from mallard.late_part import LatePart
from mallard.maintenance.data_retention import DataRetention
from mallard.maintenance.erasure import ErasePending
from mallard.maintenance.jobs import MaintenanceJobs
from mallard.sites.settings_store import SiteSettingsStore
from mallard.sites.time_zone import SiteZones
from mallard.store.base import Listed, Store
from mallard.table.reader import Days

if TYPE_CHECKING:
    from mallard.engine.day_counter import DayCounts
    from mallard.engine.duckdb.engine import DuckDBEngine
    from mallard.engine.sql.local_hours import LocalHours


class LateDayCounter:
    """A ``DayCounter`` whose engine is opened with the first day that needs a rollup: most runs count none."""

    def __init__(self, engine: "Callable[[], DuckDBEngine]", site_settings: SiteSettingsStore) -> None:
        """``engine`` returns the same one each time."""
        self._engine = engine
        self._site_settings = site_settings

    def zones(self, site_id: str) -> SiteZones:
        """The site's time zones."""
        return self._site_settings.get(site_id).zones

    def count_day(self, segments: tuple[Listed, ...], hours: "LocalHours", fingerprint: str = "") -> "DayCounts":
        """As of ``DayCounter``."""
        return self._engine().count_day(segments, hours, fingerprint)

    def count_days(self, days: Days, hours: "LocalHours", fingerprints: Mapping[date, str]) -> "dict[date, DayCounts]":
        """As of ``DayCounter``."""
        return self._engine().count_days(days, hours, fingerprints)


def open_maintenance_jobs(
    settings: Settings,
    store: Store,
    *,
    engine: "Callable[[], DuckDBEngine] | None" = None,
    site_settings: SiteSettingsStore | None = None,
    erase_pending: ErasePending | None = None,
    after_erasure: Callable[[], None] = lambda: None,
    notes_sites: bool = False,
) -> MaintenanceJobs:
    """The jobs of one process. Without an ``engine`` they get one of their own over the table alone.

    ``notes_sites``: events are taken by functions that may not list the store.
    """
    has_patterns = any(each.startswith("*.") for each in settings.sites)
    own_settings = site_settings or SiteSettingsStore(store)

    def open_engine() -> "DuckDBEngine":
        # Imported here: a run without a day to count loads no DuckDB.
        from mallard.bootstrap.query_engine import open_query_engine

        return open_query_engine(settings, store, site_settings=own_settings, has_cache=False)

    return MaintenanceJobs(
        store,
        LateDayCounter(engine or LatePart(open_engine), own_settings),
        site_settings=own_settings,
        retention=DataRetention(settings.retention_days, settings.retention_keep_rollups),
        erase_pending=erase_pending,
        after_erasure=after_erasure,
        noted_beyond=settings.sites if notes_sites and has_patterns else None,
    )
