"""Builds the maintenance jobs by the settings."""

from collections.abc import Callable

from mallard.bootstrap.query_engine import open_query_engine
from mallard.config import Settings
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.data_retention import DataRetention
from mallard.maintenance.erasure import ErasePending
from mallard.maintenance.jobs import MaintenanceJobs
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store


def open_maintenance_jobs(
    settings: Settings,
    store: Store,
    *,
    engine: DuckDBEngine | None = None,
    site_settings: SiteSettingsStore | None = None,
    erase_pending: ErasePending | None = None,
    after_erasure: Callable[[], None] = lambda: None,
    notes_sites: bool = False,
) -> MaintenanceJobs:
    """The jobs of one process. Without an ``engine`` they get one of their own over the table alone.

    ``notes_sites``: events are taken by functions that may not list the store.
    """
    has_patterns = any(each.startswith("*.") for each in settings.sites)
    return MaintenanceJobs(
        store,
        engine or open_query_engine(settings, store, site_settings=site_settings, has_cache=False),
        site_settings=site_settings,
        retention=DataRetention(settings.retention_days, settings.retention_keep_rollups),
        erase_pending=erase_pending,
        after_erasure=after_erasure,
        noted_beyond=settings.sites if notes_sites and has_patterns else None,
    )
