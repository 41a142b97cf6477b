"""Record of a failed probe, so that a later probe cannot pass by chance."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from mallard.errors import DamagedObjectError, MallardError
from mallard.store.base import Store
from mallard.store.signed_puts import Signs
from mallard.store.stored_object import JsonFormat, StoredObject

FAILED_KEY = "config/probe.json"


@dataclass(frozen=True, slots=True)
class FailedProbe:
    """``address`` of the store, ``at`` the moment, ``checks`` the names of those that failed.

    ``sentence`` describes the store's behaviour, ``rounds`` is the number of races of each kind.
    """

    address: str
    at: str
    checks: tuple[str, ...]
    sentence: str
    rounds: int

    def __str__(self) -> str:
        """The finding with its day, as the first part of a sentence."""
        return f"{self.sentence.rstrip('.')}, as a probe found at {self.at}"


_FORMAT = JsonFormat.of(FailedProbe)


def address_of(store: Store) -> str:
    """The server and the place on it, or the folder."""
    return store.address if isinstance(store, Signs) else store.location("")


def remember(store: Store, checks: Sequence[str], sentence: str, rounds: int, now: datetime) -> None:
    """Write the record over an earlier one. A store that rejects this write fails every probe anyway."""
    note = FailedProbe(address_of(store), f"{now:%Y-%m-%dT%H:%M:%SZ}", tuple(checks), sentence, rounds)
    with suppress(MallardError):
        StoredObject(store, FAILED_KEY, _FORMAT).put(note)


def recall(store: Store) -> FailedProbe | None:
    """The record, None where no probe failed. An unreadable one counts as a failure of this store. StoreError."""
    try:
        return StoredObject(store, FAILED_KEY, _FORMAT).read()
    except DamagedObjectError:
        return FailedProbe(address_of(store), "an unknown time", (), "The store failed a probe.", 0)


def forget(store: Store) -> None:
    """Delete the record after a full probe passed. Raises StoreError."""
    store.delete(FAILED_KEY)
