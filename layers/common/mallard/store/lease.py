"""Lease on flushing for stores without conditional writes.

An object is written, waited for and read back. That keeps flushers apart as long as none pauses longer than the wait,
so they write new names only.
"""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mallard.errors import ConflictError
from mallard.store.base import Store, Stored

KEY = "config/flush-lease.json"
LASTS = timedelta(minutes=2)
CLOCKS_DIFFER = timedelta(seconds=60)
"""The most that the clocks of two machines may differ; `mallard doctor` checks each against the store's."""

SETTLE_SECONDS = 2.0

log = logging.getLogger("mallard.store")

MARGIN = timedelta(seconds=30)
"""No work begins in the last part of a lease."""


@dataclass(frozen=True, slots=True)
class LeaseTaken:
    """A refusal: ``holder`` has the lease ``until`` then."""

    holder: str
    until: datetime

    def __str__(self) -> str:
        return f"Another process ({self.holder}) flushes, until {self.until:%H:%M:%S} UTC at most."


class Lease:
    """The lease on flushing, for one ``holder`` whose name no other process has."""

    def __init__(
        self,
        store: Store,
        holder: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._holder = holder
        self._now = now
        self._sleep = sleep
        self._until: datetime | None = None

    @property
    def is_held(self) -> bool:
        """Whether there is time left in it to begin something."""
        return self._until is not None and self._now() < self._until - MARGIN

    def acquire(self) -> LeaseTaken | None:
        """Take the lease, or renew it; None where it is ours now. Raises StoreUnavailableError.

        A new one is read back after SETTLE_SECONDS: of two that took it at once, the later write has it.
        """
        stored = self._store.get(KEY)
        found = _read(stored)
        if found and found.holder != self._holder and (taken := self._still_taken(found)):
            self._until = None
            return taken
        until = self._now() + LASTS
        goes_on = found is not None and self._until is not None and self._now() < self._until
        taken = self._write(stored, until)
        if taken is None and not goes_on:
            self._sleep(SETTLE_SECONDS)
            taken = self._other()
        self._until = until if taken is None else None
        return taken

    def release(self) -> None:
        """Release the lease where it is ours, so that the next holder need not wait for its end."""
        self._until = None
        stored = self._store.get(KEY)
        found = _read(stored)
        if found and found.holder == self._holder:
            self._write(stored, self._now() - CLOCKS_DIFFER)

    def _still_taken(self, found: LeaseTaken) -> LeaseTaken | None:
        """The lease of another while it lasts. One that ends later than any can was taken by a clock that was ahead:
        then the store's own clock says how long ago it was written.
        """
        now, longest = self._now(), LASTS + CLOCKS_DIFFER
        if now >= found.until + CLOCKS_DIFFER:
            return None
        if found.until <= now + longest:
            return found
        written = next((row.modified for row in self._store.list(KEY) if row.key == KEY), None)
        store_now = (self._store.server_time() or now).timestamp()
        if written is not None and store_now - written >= longest.total_seconds():
            return None
        return LeaseTaken(found.holder, now + longest)

    def _write(self, stored: Stored | None, until: datetime) -> LeaseTaken | None:
        data = json.dumps({"holder": self._holder, "until": until.isoformat()}).encode()
        try:
            if stored is None:
                self._store.put_if_absent(KEY, data)
            else:
                self._store.put_if_match(KEY, data, stored.etag)
        except ConflictError:
            return self._other() or LeaseTaken("unknown", self._now() + LASTS)
        return None

    def _other(self) -> LeaseTaken | None:
        found = _read(self._store.get(KEY))
        return None if found and found.holder == self._holder else found or LeaseTaken("unknown", self._now())


def _read(stored: Stored | None) -> LeaseTaken | None:
    """The holder; None where there is none, or the object is damaged, as by a write cut short."""
    if stored is None:
        return None
    try:
        found = json.loads(stored.data)
        until = datetime.fromisoformat(found["until"])
        return LeaseTaken(str(found["holder"]), until if until.tzinfo else until.replace(tzinfo=UTC))
    except (ValueError, KeyError, TypeError):
        log.warning("%s is damaged: the lease counts as free", KEY)
        return None
