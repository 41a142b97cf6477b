"""Opens the housekeeping that the settings name."""

from collections.abc import Callable

from mallard.config import Settings
from mallard.engine.duckdb.engine import PENDING, Engine
from mallard.maintenance.data_retention import Retention
from mallard.maintenance.erasure import ErasePending
from mallard.maintenance.jobs import House
from mallard.sites.settings_store import SiteBook
from mallard.store.base import Store


def open_house(
    settings: Settings,
    store: Store,
    *,
    engine: Engine | None = None,
    book: SiteBook | None = None,
    erase_pending: ErasePending | None = None,
    after_erasure: Callable[[], None] = lambda: None,
    notes_sites: bool = False,
) -> House:
    """The house of one process; without an ``engine`` it gets one of its own, which sees only what is in the table.

    ``notes_sites``: events are taken by functions that may not list the store.
    """
    has_patterns = any(each.startswith("*.") for each in settings.sites)
    retention = Retention(settings.retention_days, settings.retention_keep_rollups)
    nothing = PENDING.empty_table()
    counting = engine or Engine(
        store,
        lambda _: nothing,
        memory_mb=settings.query_memory_mb,
        threads=settings.query_threads,
        book=book,
    )
    return House(
        store,
        counting,
        book=book,
        retention=retention,
        erase_pending=erase_pending,
        after_erasure=after_erasure,
        noted_beyond=settings.sites if notes_sites and has_patterns else None,
    )
