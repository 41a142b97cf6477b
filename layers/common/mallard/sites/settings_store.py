"""Settings of all sites, stored in ``config/sites/`` and cached for a few seconds."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from mallard.sites.erased_days import ErasedDays, add_erased_days
from mallard.sites.settings import SiteSettings, from_json, read_settings, with_goals
from mallard.sites.site_id import escaped, folder_name, unescaped
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject
from mallard.store.ttl_cache import TtlCache

SITES = "config/sites/"
TTL_SECONDS = 10
"""Longest use of cached settings after a change by another instance; longer while the store is out of reach."""

CHANGE_AHEAD = timedelta(minutes=2)
"""A zone changes at the midnight after this, so that every instance knows of it before."""

MAX_CACHED = 10_000

DAYS = ("salts/", "events/", "rollups/")
"""Folders that hold something of each day which has begun."""

FORMAT = JsonFormat(from_json, SiteSettings.to_json)
DEFAULTS = SiteSettings()


def site_key(site_id: str) -> str:
    """The key of a site's settings."""
    return f"{SITES}{escaped(site_id)}.json"


class SiteSettingsStore:
    """Settings by site; a site without stored settings has the defaults."""

    def __init__(
        self,
        store: Store,
        *,
        ttl_seconds: float = TTL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        may_list: bool = True,
        on_erasure: Callable[[], None] = lambda: None,
    ) -> None:
        """``clock`` is monotonic seconds. ``may_list`` False: listing is forbidden, as for ingest on AWS.

        ``on_erasure`` is called whenever this instance learns of an erasure, its own or another's.
        """
        self._store = store
        self._may_list = may_list
        self._on_erasure = on_erasure
        self._cache: TtlCache[SiteSettings] = TtlCache(
            self._read,
            ttl_seconds=ttl_seconds,
            max_values=MAX_CACHED,
            max_absent=MAX_CACHED,
            serves_stale=True,
            clock=clock,
        )
        self._keys: TtlCache[frozenset[str]] = TtlCache(
            self._list_keys, ttl_seconds=ttl_seconds, serves_stale=True, clock=clock
        )
        self._erased: dict[str, tuple[ErasedDays, ...]] = {}

    def holds(self, site_id: str) -> bool:
        """True where ``get`` answers from memory."""
        return self._cache.holds(site_id)

    def get(self, site_id: str) -> SiteSettings:
        """The settings of a site. StoreUnavailableError where the store fails and none were ever read."""
        return self._cache.get(site_id) or DEFAULTS

    def forget(self, site_id: str) -> None:
        """Read a site's settings again at the next ``get``."""
        self._cache.forget(site_id)

    def is_set_up(self, site_id: str) -> bool:
        """True where a site has stored settings.

        Clients may request any name, so a site without settings is not cached, and costs only a read of the list of
        all that have some, once in TTL_SECONDS. Raises StoreUnavailableError where no list was ever read.
        """
        if not self._may_list:
            return self._cache.get(site_id) is not None
        return site_key(site_id) in (self._keys.get(SITES) or ())

    def set_up_sites(self) -> list[str]:
        """The sites with stored settings, as of the same list. Raises StoreUnavailableError."""
        keys = self._keys.get(SITES) or ()
        return sorted(unescaped(key.removeprefix(SITES).removesuffix(".json")) for key in keys)

    def is_public(self, site_id: str) -> bool:
        """True where the site's statistics are public. Raises StoreUnavailableError."""
        return self.is_set_up(site_id) and self.get(site_id).public

    def has_begun(self, site_id: str) -> bool:
        """True where a day of the site has begun: a salt, a partition or a rollup is stored."""
        name = folder_name(site_id)
        return any(next(iter(self._store.list(f"{folder}{name}/")), None) for folder in DAYS)

    def change(self, site_id: str, given: Any, now: datetime, *, is_new: bool = False) -> SiteSettings:
        """Store the settings that a client sent and return them. Raises SettingsError where they are wrong.

        ``is_new``: no day of the site has begun, so its zone holds from its first day on.
        """

        def changed(before: SiteSettings | None) -> SiteSettings:
            before = before or DEFAULTS
            return read_settings(given, before, before.zones.local_date(now + CHANGE_AHEAD), is_new=is_new)

        return self._change(site_id, changed)

    def change_goals(self, site_id: str, change: Callable[[list[dict[str, Any]]], list[Any]]) -> SiteSettings:
        """Store other goals and return the settings: ``change`` gets and gives the JSON of the API.

        It may run several times. Raises what ``change`` raises, and SettingsError where its goals are wrong.
        """
        return self._change(site_id, lambda before: with_goals(before or DEFAULTS, change))

    def note_erasure(self, site_id: str, erased: ErasedDays) -> None:
        """Announce an erasure to this instance now, to others within TTL_SECONDS. Raises StoreUnavailableError."""

        def noted(before: SiteSettings | None) -> SiteSettings:
            before = before or DEFAULTS
            return replace(before, erased=add_erased_days(before.erased, erased))

        self._change(site_id, noted)

    def _change(self, site_id: str, change: Callable[[SiteSettings | None], SiteSettings]) -> SiteSettings:
        after = self._object(site_id).change(change) or DEFAULTS
        self._keys.update(SITES, lambda keys: keys | {site_key(site_id)})
        self._note_erased(site_id, after)
        return after

    def _object(self, site_id: str) -> StoredObject[SiteSettings]:
        return StoredObject(self._store, site_key(site_id), FORMAT, cache=self._cache, name=site_id)

    def _read(self, site_id: str) -> SiteSettings | None:
        settings = self._object(site_id).read()
        self._note_erased(site_id, settings or DEFAULTS)
        return settings

    def _list_keys(self, prefix: str) -> frozenset[str]:
        return frozenset(row.key for row in self._store.list(prefix))

    def _note_erased(self, site_id: str, settings: SiteSettings) -> None:
        if settings.erased and self._erased.get(site_id) != settings.erased:
            self._erased[site_id] = settings.erased
            self._on_erasure()
