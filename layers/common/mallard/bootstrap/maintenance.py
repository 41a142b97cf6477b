"""Opens the housekeeping that the settings name."""

from collections.abc import Callable

from mallard.config import Settings
from mallard.engine.duckdb.engine import PENDING, DuckDBEngine
from mallard.maintenance.data_retention import DataRetention
from mallard.maintenance.erasure import ErasePending
from mallard.maintenance.jobs import MaintenanceJobs
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store


def open_engine(settings: Settings, store: Store, book: SiteSettingsStore | None = None) -> DuckDBEngine:
    """An engine that sees only what is in the table; the caller closes it."""
    nothing = PENDING.empty_table()
    return DuckDBEngine(
        store, lambda _: nothing, memory_mb=settings.query_memory_mb, threads=settings.query_threads, book=book
    )


def open_house(
    settings: Settings,
    store: Store,
    *,
    engine: DuckDBEngine | None = None,
    book: SiteSettingsStore | None = None,
    erase_pending: ErasePending | None = None,
    after_erasure: Callable[[], None] = lambda: None,
    notes_sites: bool = False,
) -> MaintenanceJobs:
    """The house of one process; without an ``engine`` it gets one of its own, which sees only what is in the table.

    ``notes_sites``: events are taken by functions that may not list the store.
    """
    has_patterns = any(each.startswith("*.") for each in settings.sites)
    retention = DataRetention(settings.retention_days, settings.retention_keep_rollups)
    return MaintenanceJobs(
        store,
        engine or open_engine(settings, store, book),
        book=book,
        retention=retention,
        erase_pending=erase_pending,
        after_erasure=after_erasure,
        noted_beyond=settings.sites if notes_sites and has_patterns else None,
    )
