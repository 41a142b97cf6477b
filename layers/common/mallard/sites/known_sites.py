"""Record of sites with events, for functions that may not list the store."""

from typing import Any

from mallard.store.base import Store
from mallard.store.stored_object import JsonFormat, StoredObject

KNOWN_SITES = "config/known-sites.json"


def known_sites_object(store: Store) -> StoredObject[list[str]]:
    """The record; a damaged one counts as absent: all sites are then new, and the next sweep rewrites it."""
    return StoredObject(store, KNOWN_SITES, _FORMAT)


def read_known(store: Store) -> list[str]:
    """The sites that a flush recorded. Raises StoreUnavailableError."""
    return known_sites_object(store).read() or []


def _decoded(stored: Any) -> list[str]:
    return [str(site) for site in stored]


_FORMAT: JsonFormat[list[str]] = JsonFormat(_decoded, on_damage=lambda _: None)
