"""The settings of all sites, from ``config/sites/``, kept in memory for a few seconds."""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from mallard.errors import DamagedObjectError, StoreUnavailableError
from mallard.sites.erased_days import ErasedDays, remembered
from mallard.sites.settings import SiteSettings, from_json, read_settings
from mallard.store.base import Store
from mallard.store.compare_and_swap import swap

SITES = "config/sites/"
KEPT_SECONDS = 10
"""How long an instance acts on settings that were changed elsewhere; longer while the store is out of reach."""

CHANGE_AHEAD = timedelta(minutes=2)
"""A zone changes at the midnight after this, so that every instance knows of it before."""

MAX_KEPT = 10_000

DAYS = ("salts/", "events/", "rollups/")
"""Folders that hold something of each day which has begun."""


def site_key(site_id: str) -> str:
    """The key of a site's settings."""
    return f"{SITES}{quote(site_id, safe='')}.json"


class SiteSettingsStore:
    """Settings by site; a site nobody set anything for has the defaults. ``clock`` is monotonic seconds."""

    def __init__(
        self,
        store: Store,
        *,
        kept_seconds: float = KEPT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        may_list: bool = True,
        on_erasure: Callable[[], None] = lambda: None,
    ) -> None:
        """``may_list`` False: the store cannot be listed, as by the ingest function on AWS.

        ``on_erasure`` is called whenever this instance hears of an erasure, its own or another's.
        """
        self._store = store
        self._may_list = may_list
        self._kept_seconds = kept_seconds
        self._clock = clock
        self._on_erasure = on_erasure
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[float, SiteSettings, bool]] = {}
        self._set_up: tuple[float, set[str]] | None = None

    def holds(self, site_id: str) -> bool:
        """Whether ``get`` answers from memory."""
        kept = self._kept.get(site_id)
        return kept is not None and self._clock() - kept[0] < self._kept_seconds

    def get(self, site_id: str) -> SiteSettings:
        """The settings. StoreUnavailableError where the store fails and none were ever read."""
        return self._get(site_id)[0]

    def is_set_up(self, site_id: str) -> bool:
        """True where somebody set anything for the site.

        Of a site without settings nothing is kept, and nothing read but the list of all that have some, once in
        KEPT_SECONDS: strangers may ask for any name. Raises StoreUnavailableError where no list was ever read.
        """
        return self._get(site_id)[1] if not self._may_list else site_key(site_id) in self._keys_set_up()

    def is_public(self, site_id: str) -> bool:
        """True where anyone may read the site's numbers. Raises StoreUnavailableError."""
        return self.is_set_up(site_id) and self.get(site_id).public

    def has_begun(self, site_id: str) -> bool:
        """True where a day of the site has begun, by what is stored: a salt, a partition or a rollup."""
        name = quote(site_id, safe="")
        return any(next(iter(self._store.list(f"{folder}site_id={name}/")), None) for folder in DAYS)

    def change(self, site_id: str, given: Any, now: datetime, *, is_new: bool = False) -> SiteSettings:
        """Take what a client gave and return what is set now. SettingsError where it is wrong.

        ``is_new`` says that no day of the site has begun: then its zone holds from its first day on.
        """

        def changed(data: bytes | None) -> tuple[SiteSettings, bytes]:
            before = _decoded(site_id, data)
            after = read_settings(given, before, before.zones.local_date(now + CHANGE_AHEAD), is_new=is_new)
            return after, json.dumps(after.to_json()).encode()

        after = swap(self._store, site_key(site_id), changed)
        self._keep(site_id, after, is_stored=True)
        return after

    def note_erasure(self, site_id: str, erased: ErasedDays) -> None:
        """Let every instance know of it within KEPT_SECONDS, and this one now. Raises StoreUnavailableError."""

        def noted(data: bytes | None) -> tuple[SiteSettings, bytes | None]:
            before = _decoded(site_id, data)
            after = replace(before, erased=remembered(before.erased, erased))
            return after, None if after == before else json.dumps(after.to_json()).encode()

        self._keep(site_id, swap(self._store, site_key(site_id), noted), is_stored=True)

    def _get(self, site_id: str) -> tuple[SiteSettings, bool]:
        """The settings, and whether any are stored."""
        kept = self._kept.get(site_id)
        if kept is not None and self._clock() - kept[0] < self._kept_seconds:
            return kept[1:]
        try:
            stored = self._store.get(site_key(site_id))
            found = _decoded(site_id, stored.data if stored else None), stored is not None
        except StoreUnavailableError:
            if kept is None:
                raise
            found = kept[1:]
        self._keep(site_id, found[0], is_stored=found[1])
        return found

    def _keys_set_up(self) -> set[str]:
        known = self._set_up
        if known is not None and self._clock() - known[0] < self._kept_seconds:
            return known[1]
        try:
            keys = {row.key for row in self._store.list(SITES)}
        except StoreUnavailableError:
            if known is None:
                raise
            keys = known[1]
        self._set_up = (self._clock(), keys)
        return keys

    def _keep(self, site_id: str, settings: SiteSettings, *, is_stored: bool) -> None:
        with self._lock:
            before = self._kept.pop(site_id, None)
            self._kept[site_id] = (self._clock(), settings, is_stored)
            if is_stored and self._set_up is not None:
                self._set_up[1].add(site_key(site_id))
            while len(self._kept) > MAX_KEPT:
                self._kept.pop(next(iter(self._kept)))
        if settings.erased and (before is None or before[1].erased != settings.erased):
            self._on_erasure()


def _decoded(site_id: str, data: bytes | None) -> SiteSettings:
    if data is None:
        return SiteSettings()
    try:
        return from_json(json.loads(data))
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedObjectError(site_key(site_id)) from error
