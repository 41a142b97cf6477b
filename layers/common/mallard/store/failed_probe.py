"""The note of a failed probe in ``config/``: a shorter probe, which may be lucky, cannot pass that store later."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from mallard.errors import MallardError
from mallard.store.base import Store
from mallard.store.compare_and_swap import swap
from mallard.store.signed_puts import Signs

FAILED_KEY = "config/probe.json"


@dataclass(frozen=True, slots=True)
class FailedProbe:
    """``address`` is where the store stood, ``at`` the moment, ``checks`` the names of what failed.

    ``sentence`` says what the store did, ``rounds`` how many races of each kind there were.
    """

    address: str
    at: str
    checks: tuple[str, ...]
    sentence: str
    rounds: int

    def __str__(self) -> str:
        """The finding with its day, as the first part of a sentence."""
        return f"{self.sentence.rstrip('.')}, as a probe found at {self.at}"


def address_of(store: Store) -> str:
    """The server and the place on it, or the folder."""
    return store.address if isinstance(store, Signs) else store.location("")


def remember(store: Store, checks: Sequence[str], sentence: str, rounds: int, now: datetime) -> None:
    """Write the note, in place of an earlier one. A store that cannot even take that fails every probe anyway."""
    note = FailedProbe(address_of(store), f"{now:%Y-%m-%dT%H:%M:%SZ}", tuple(checks), sentence, rounds)
    with suppress(MallardError):
        swap(store, FAILED_KEY, lambda _: (None, json.dumps(asdict(note)).encode()))


def recall(store: Store) -> FailedProbe | None:
    """The note, None where no probe failed. One that cannot be read is of this store: something failed. StoreError."""
    stored = store.get(FAILED_KEY)
    if stored is None:
        return None
    try:
        return _read(json.loads(stored.data))
    except (ValueError, KeyError, TypeError):
        return FailedProbe(address_of(store), "an unknown time", (), "The store failed a probe.", 0)


def forget(store: Store) -> None:
    """Delete the note, after a whole probe passed. Raises StoreError."""
    store.delete(FAILED_KEY)


def _read(found: dict[str, Any]) -> FailedProbe:
    checks = tuple(str(each) for each in found["checks"])
    return FailedProbe(str(found["address"]), str(found["at"]), checks, str(found["sentence"]), int(found["rounds"]))
