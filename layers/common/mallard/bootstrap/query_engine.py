"""Builds the DuckDB engine by the settings."""

from mallard.config import Settings
from mallard.engine.base import PENDING, PendingEvents
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store


def open_query_engine(
    settings: Settings,
    store: Store,
    *,
    pending: PendingEvents | None = None,
    site_settings: SiteSettingsStore | None = None,
    has_cache: bool = True,
    isolate_anonymous: bool = False,
) -> DuckDBEngine:
    """An engine over the store and the ``pending`` events; None: only the table is counted.

    ``isolate_anonymous``: anonymous queries get a DuckDB of their own.
    """
    nothing = PENDING.empty_table()
    return DuckDBEngine(
        store,
        pending or (lambda _: nothing),
        memory_mb=settings.query_memory_mb,
        threads=settings.query_threads,
        cache_seconds=settings.cache_ttl if has_cache else 0,
        site_settings=site_settings,
        rounds_times=settings.rounds_times,
        isolate_anonymous=isolate_anonymous,
    )
