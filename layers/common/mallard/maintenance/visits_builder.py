"""Builder of visits files: one beside each closed day's counts in a rollup."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from mallard.store.base import Store
from mallard.store.compare_and_swap import swap
from mallard.table.visits_file import VISITS, no_visits, parse_visits, visits_key

log = logging.getLogger("mallard.maintenance")

KnownVisits = Mapping[str, Collection[date]]
"""The dates of a site of which visits files are listed."""


def list_visits(store: Store) -> KnownVisits:
    """The dates with visits files, by site."""
    found: dict[str, set[date]] = {}
    for row in store.list(VISITS):
        if parsed := parse_visits(row.key):
            found.setdefault(parsed[0], set()).add(parsed[1])
    return found


@dataclass(frozen=True, slots=True)
class VisitsPlace:
    """The place of one visits file, as it was before the events of its day were read.

    An erasure replaces the file after the events, also where there is none: a write of what was read before then fails.
    """

    store: Store
    key: str
    etag: str | None

    @classmethod
    def of(cls, store: Store, site_id: str, day: date, *, is_listed: bool = True) -> "VisitsPlace":
        """The place as it is now; not ``is_listed``: as an empty one."""
        key = visits_key(site_id, day)
        stored = store.get(key) if is_listed else None
        return cls(store, key, stored.etag if stored else None)

    def write(self, data: bytes | None) -> None:
        """Put the file there, one without visits for None. ConflictError: another process wrote one meanwhile."""
        data = no_visits() if data is None else data
        if self.etag is None:
            self.store.put_if_absent(self.key, data)
        else:
            self.store.put_if_match(self.key, data, self.etag)


def erase_visits(store: Store, site_id: str, day: date) -> None:
    """Replace the visits of a day, whose events are erased, by none.

    Also where there is no file: a builder may have read the events before, and its write must fail.
    """
    swap(store, visits_key(site_id, day), lambda _: (None, no_visits()))


def drop_visits(store: Store, site_id: str, day: date) -> None:
    """Delete the visits of a day."""
    store.delete(visits_key(site_id, day))
