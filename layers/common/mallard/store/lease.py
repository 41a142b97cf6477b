"""Lease on flushing for stores without conditional writes.

An object is written and read back after a wait. Two flushers exclude each other unless one pauses longer than the
wait, so they write new names only.
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
    """The lease of another holder: ``holder`` has it ``until`` then."""

    holder: str
    until: datetime

    def __str__(self) -> str:
        return f"Another process ({self.holder}) flushes, until {self.until:%H:%M:%S} UTC at most."


class Lease:
    """The lease on flushing of one ``holder``, whose name is unique to the process."""

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
        """True where enough time is left to begin a write."""
        return self._until is not None and self._now() < self._until - MARGIN

    def acquire(self) -> LeaseTaken | None:
        """Take or renew the lease; None on success, else the lease of another. Raises StoreUnavailableError.

        A new lease is read back after SETTLE_SECONDS: of two simultaneous holders the later write wins.
        """
        stored = self._store.get(KEY)
        current = _read(stored)
        if current and current.holder != self._holder and (other_lease := self._active_lease(current)):
            self._until = None
            return other_lease
        until = self._now() + LASTS
        is_renewal = current is not None and self._until is not None and self._now() < self._until
        other_lease = self._write(stored, until)
        if other_lease is None and not is_renewal:
            self._sleep(SETTLE_SECONDS)
            other_lease = self._other()
        self._until = until if other_lease is None else None
        return other_lease

    def release(self) -> None:
        """Release an own lease, so that the next holder need not wait for its end."""
        self._until = None
        stored = self._store.get(KEY)
        current = _read(stored)
        if current and current.holder == self._holder:
            self._write(stored, self._now() - CLOCKS_DIFFER)

    def _active_lease(self, current: LeaseTaken) -> LeaseTaken | None:
        """The unexpired lease of another holder.

        A lease that ends implausibly late was taken by a clock that was ahead: the store's clock tells its age.
        """
        now, longest = self._now(), LASTS + CLOCKS_DIFFER
        if now >= current.until + CLOCKS_DIFFER:
            return None
        if current.until <= now + longest:
            return current
        written_at = next((row.modified for row in self._store.list(KEY) if row.key == KEY), None)
        store_now = (self._store.server_time() or now).timestamp()
        if written_at is not None and store_now - written_at >= longest.total_seconds():
            return None
        return LeaseTaken(current.holder, now + longest)

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
        current = _read(self._store.get(KEY))
        return None if current and current.holder == self._holder else current or LeaseTaken("unknown", self._now())


def _read(stored: Stored | None) -> LeaseTaken | None:
    """The holder; None where there is none, or the object is damaged, as by a write cut short."""
    if stored is None:
        return None
    try:
        current = json.loads(stored.data)
        until = datetime.fromisoformat(current["until"])
        return LeaseTaken(str(current["holder"]), until if until.tzinfo else until.replace(tzinfo=UTC))
    except (ValueError, KeyError, TypeError):
        log.warning("%s is damaged: the lease counts as free", KEY)
        return None
