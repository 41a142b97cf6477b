"""A record of sites that have events, for functions that may not list the store."""

import json

from mallard.store.base import Store

KNOWN_SITES = "config/known-sites.json"


def read_known(store: Store) -> list[str]:
    """The sites that a flush wrote down. Raises StoreUnavailableError."""
    stored = store.get(KNOWN_SITES)
    return decode_known(stored.data if stored else None)


def decode_known(data: bytes | None) -> list[str]:
    """The sites; none of a damaged record: known sites are then new, and the next sweep writes it anew."""
    try:
        return [str(site) for site in json.loads(data or b"[]")]
    except (ValueError, TypeError):
        return []
