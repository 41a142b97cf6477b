"""The errand that writes down which sites have events."""

import json
from collections.abc import Collection

from mallard.sites.known_sites import KNOWN_SITES, decode_known
from mallard.store.base import Store
from mallard.store.compare_and_swap import swap
from mallard.table.reader import known_sites

MAX_KNOWN = 10_000
"""Strangers can make so many sites in four days; those that were there before them stay known."""


def note_known_sites(store: Store, listed: Collection[str]) -> int:
    """Write down sites with events that ``listed`` does not name in full; how many are known. StoreUnavailableError."""
    there = set(known_sites(store)) - set(listed)

    def noted(data: bytes | None) -> tuple[int, bytes | None]:
        before = [site for site in decode_known(data) if site in there]
        known = (before + sorted(there.difference(before)))[:MAX_KNOWN]
        written = json.dumps(known).encode()
        return len(known), None if written == data else written

    return swap(store, KNOWN_SITES, noted)
