"""A record of the sites that have events."""

from collections.abc import Collection

from mallard.sites.known_sites import known_sites_object
from mallard.store.base import Store
from mallard.table.reader import known_sites

MAX_KNOWN = 10_000
"""Bound on invented sites, reached in four days at most; older sites stay known."""


def note_known_sites(store: Store, listed: Collection[str]) -> int:
    """Write down sites with events that ``listed`` does not name in full; how many are known. StoreUnavailableError."""
    there = set(known_sites(store)) - set(listed)

    def noted(stored: list[str] | None) -> list[str]:
        before = [site for site in stored or [] if site in there]
        return (before + sorted(there.difference(before)))[:MAX_KNOWN]

    return len(known_sites_object(store).change(noted) or [])
