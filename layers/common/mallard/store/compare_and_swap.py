"""Compare-and-swap loop for small objects."""

from collections.abc import Callable
from typing import TypeVar

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Store

SWAP_ATTEMPTS = 6

Result = TypeVar("Result")


def swap(store: Store, key: str, change: Callable[[bytes | None], tuple[Result, bytes | None]]) -> Result:
    """Read an object, write the result of ``change`` on condition that the object is unchanged; retry on conflict.

    ``change`` gets the object's bytes, None where there is none, and returns a result with the bytes to write, None for
    nothing. Returns the result. Raises StoreUnavailableError after SWAP_ATTEMPTS conflicts, or where the store gives no
    clear answer: then the bytes may be written.
    """
    for _ in range(SWAP_ATTEMPTS):
        stored = store.get(key)
        result, data = change(stored.data if stored else None)
        if data is None:
            return result
        try:
            if stored is None:
                store.put_if_absent(key, data)
            else:
                store.put_if_match(key, data, stored.etag)
        except ConflictError:
            continue
        return result
    raise StoreUnavailableError(f"{key} was changed by other processes at each of {SWAP_ATTEMPTS} attempts.")
