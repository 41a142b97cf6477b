"""Bounds on new sites, per process or across all functions of a store."""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Protocol

from mallard.sites.known_sites import read_known
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject

NEW_SITES = "salts/new-sites.json"
"""Below the only folder that the ingest function writes: of each new site the seconds since 1970 when it came."""

KNOWN_SECONDS = 60
"""Seconds that a function caches the known sites, and that the bound is reached."""

WITHIN = timedelta(hours=1)
KEPT_SECONDS = 12 * 3600
"""A new site counts as known until its events are in the table, which takes hours where quiet sites are gathered."""

MAX_MET = 100_000

_FORMAT: JsonFormat[dict[str, int]] = JsonFormat.of(dict[str, int], on_damage=lambda _: None)


class NewSites(Protocol):
    """A bound on new sites an hour."""

    most: int

    def wait_seconds(self, site_id: str, now: datetime) -> int:
        """0: the site is known, or counted from now on; else the seconds until one more is taken."""
        ...


class LocalNewSites:
    """The bound of one process."""

    def __init__(self, most: int, known: Iterable[str] = ()) -> None:
        self.most = most
        self._known = set(known)
        self._new: list[datetime] = []
        self._lock = threading.Lock()

    def knows(self, site_id: str) -> bool:
        """True where the site has events, or was admitted."""
        return site_id in self._known

    def add(self, site_id: str) -> None:
        """Know a site from now on; MAX_MET at most, which another bound than this one lets in."""
        if len(self._known) < MAX_MET:
            self._known.add(site_id)

    def wait_seconds(self, site_id: str, now: datetime) -> int:  # noqa: ARG002  # known sites are not asked about
        """As in NewSites."""
        with self._lock:
            self._new = [moment for moment in self._new if now - moment < WITHIN]
            if len(self._new) >= self.most:
                wait = WITHIN - (now - min(self._new, default=now))
                return max(1, int(wait.total_seconds()))
            self._new.append(now)
            return 0


class SharedNewSites:
    """The bound of all functions over one store: exact, since each new site is one conditional write of one object."""

    def __init__(self, store: Store, most: int) -> None:
        self.most = most
        self._store = store
        self._known: frozenset[str] = frozenset()
        self._recent: frozenset[str] = frozenset()
        self._read_at = float("-inf")
        self._full_until = float("-inf")
        self._full_again = float("-inf")

    def wait_seconds(self, site_id: str, now: datetime) -> int:
        """As in NewSites. Raises StoreUnavailableError."""
        moment = now.timestamp()
        if not 0 <= moment - self._read_at < KNOWN_SECONDS:
            self._known, self._read_at = frozenset(read_known(self._store)), moment
        if site_id in self._known:
            return 0
        if moment < self._full_again:
            # All that was counted before it was full was read with it.
            if site_id in self._recent:
                return 0
            return max(1, ceil(self._full_until - moment))
        wait = self._count(site_id, moment)
        if wait:
            # Meanwhile others are refused without a read.
            self._full_until, self._full_again = moment + wait, moment + min(wait, KNOWN_SECONDS)
        return wait

    def _count(self, site_id: str, moment: float) -> int:
        def counted(stored: dict[str, int] | None) -> tuple[int, dict[str, int] | None]:
            recent = _living(stored or {}, moment)
            self._recent = frozenset(recent)
            if site_id in recent:
                return 0, None
            latest = sorted(came for came in recent.values() if moment - came < WITHIN.total_seconds())
            if len(latest) >= self.most:
                first = latest[0] if latest else moment
                return max(1, ceil(first + WITHIN.total_seconds() - moment)), None
            return 0, {**recent, site_id: int(moment)}

        return StoredObject(self._store, NEW_SITES, _FORMAT).change_with_result(counted)


def _living(stored: Mapping[str, int], moment: float) -> dict[str, int]:
    return {site: came for site, came in stored.items() if 0 <= moment - came < KEPT_SECONDS}
