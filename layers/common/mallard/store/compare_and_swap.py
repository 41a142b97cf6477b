"""The one loop of every small object that many may change: read, change, write under the condition, and again."""

from collections.abc import Callable
from typing import TypeVar

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Store

SWAP_ATTEMPTS = 6

Outcome = TypeVar("Outcome")


def swap(store: Store, key: str, change: Callable[[bytes | None], tuple[Outcome, bytes | None]]) -> Outcome:
    """Replace an object by what ``change`` makes of it, as it stands at the moment of the write; what it says of that.

    ``change`` gets the object's bytes, None where there is none, and returns its outcome with the bytes to write, None
    for nothing. It is called again where another was faster. Raises StoreUnavailableError where others are faster
    SWAP_ATTEMPTS times, or where the store gives no clear answer: then it may be written.
    """
    for _ in range(SWAP_ATTEMPTS):
        stored = store.get(key)
        outcome, data = change(stored.data if stored else None)
        if data is None:
            return outcome
        try:
            if stored is None:
                store.put_if_absent(key, data)
            else:
                store.put_if_match(key, data, stored.etag)
        except ConflictError:
            continue
        return outcome
    raise StoreUnavailableError(f"{key} was replaced by others again and again.")
