"""Segments: saved filters of a site, stored in ``config/segments/`` and cached for a few seconds."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mallard.errors import SettingsError
from mallard.sites.site_id import escaped
from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject
from mallard.store.ttl_cache import TtlCache

SEGMENTS = "config/segments/"
MAX_SEGMENTS = 100
"""Of a site."""

MAX_NAME_LENGTH = 100
MAX_CACHED_SITES = 1000


@dataclass(frozen=True, slots=True)
class SavedSegment:
    """``filters`` is JSON of filters, which the caller has validated. Moments are RFC 3339."""

    id: int
    name: str
    filters: list[Any]
    created_at: str
    updated_at: str


@dataclass(frozen=True, slots=True)
class SegmentsOfSite:
    """All segments of a site, the oldest first; ``last_id`` was given last, so that no id comes twice."""

    last_id: int = 0
    segments: tuple[SavedSegment, ...] = ()


_NONE = SegmentsOfSite()
_FORMAT = JsonFormat.of(SegmentsOfSite)


class SegmentStore:
    """Segments by site. Every method may raise StoreUnavailableError or DamagedObjectError."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` is monotonic seconds."""
        self._store = store
        self._cache: TtlCache[SegmentsOfSite] = TtlCache(
            lambda site_id: self._object(site_id).read(), clock=clock, max_values=MAX_CACHED_SITES
        )

    def all(self, site_id: str) -> tuple[SavedSegment, ...]:
        """The segments of a site, the oldest first."""
        return (self._object(site_id).get() or _NONE).segments

    def find(self, site_id: str, number: int) -> SavedSegment | None:
        """The segment with an id; None where the site has none."""
        return next((each for each in self.all(site_id) if each.id == number), None)

    def create(self, site_id: str, name: str, filters: list[Any], now: datetime) -> SavedSegment:
        """Save a segment. Raises SettingsError for a wrong name, and over MAX_SEGMENTS."""
        name, moment = _read_name(name), now.isoformat(timespec="seconds")

        def added(before: SegmentsOfSite | None) -> tuple[SavedSegment, SegmentsOfSite]:
            before = before or _NONE
            if len(before.segments) >= MAX_SEGMENTS:
                raise SettingsError(f"The site has {MAX_SEGMENTS} segments, which is the most; delete one first.")
            segment = SavedSegment(before.last_id + 1, name, filters, moment, moment)
            return segment, SegmentsOfSite(segment.id, (*before.segments, segment))

        return self._object(site_id).change_with_result(added)

    def change(self, site_id: str, number: int, name: str, filters: list[Any], now: datetime) -> SavedSegment | None:
        """Set name and filters; None where the site has no such segment. Raises SettingsError for a wrong name."""
        name, moment = _read_name(name), now.isoformat(timespec="seconds")

        def changed(before: SegmentsOfSite | None) -> tuple[SavedSegment | None, SegmentsOfSite | None]:
            old = next((each for each in (before or _NONE).segments if each.id == number), None)
            if before is None or old is None:
                return None, None
            new = replace(old, name=name, filters=filters, updated_at=moment)
            return new, replace(before, segments=tuple(new if each is old else each for each in before.segments))

        return self._object(site_id).change_with_result(changed)

    def delete(self, site_id: str, number: int) -> bool:
        """Delete a segment; False where the site has no such one."""

        def without(before: SegmentsOfSite | None) -> tuple[bool, SegmentsOfSite | None]:
            kept = tuple(each for each in (before or _NONE).segments if each.id != number)
            if before is None or len(kept) == len(before.segments):
                return False, None
            return True, replace(before, segments=kept)

        return self._object(site_id).change_with_result(without)

    def _object(self, site_id: str) -> StoredObject[SegmentsOfSite]:
        key = f"{SEGMENTS}{escaped(site_id)}.json"
        return StoredObject(self._store, key, _FORMAT, cache=self._cache, name=site_id)


def _read_name(given: str) -> str:
    name = given.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise SettingsError(f"name is {given[:40]!r}, but must be 1 to {MAX_NAME_LENGTH} printable characters.")
    return name
