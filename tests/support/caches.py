"""Size of the caches of functions."""

from typing import Any

from mallard.normalize.hashed_cache import ENTRY_BYTES, size_bytes


def cached_bytes(function: Any) -> int:
    """Bytes of all values that the cache of a function holds, as the cache counts them."""
    values = (*function.cache.young.values(), *function.cache.old.values())
    return sum(ENTRY_BYTES + size_bytes(value) for value in values)
