"""Detection and omission of damaged segments during reads."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mallard.engine.cancellation import current_stop
from mallard.engine.omitted_files import OmittedSegment
from mallard.errors import DamagedSegmentError
from mallard.store.base import Listed, Store
from mallard.table.layout import date_in, key_in
from mallard.table.reader import Days
from mallard.table.segment import damage_of, has_digest, has_our_footer

LOOKS = 2
"""Failed reads of a file alone that prove damage, while the listing shows the same version."""

MAX_REMEMBERED = 50_000
"""Verdicts in memory; beyond, all are dropped and files are examined again."""

WHOLE_SECONDS = 600
"""A version that was read whole is not read again for so long, whatever fails. A disk may lose a byte without trace."""

log = logging.getLogger("mallard.query")


class DamagedFiles:
    """The verdicts on one store's files, by key and version: each version is examined once. Safe between threads."""

    def __init__(
        self,
        store: Store,
        read_alone: Callable[[bytes], str | None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``read_alone`` returns why the query engine cannot read a file; it is called for files without a digest.

        ``clock`` gives seconds.
        """
        self._store = store
        self._read_alone = read_alone
        self._lock = threading.Lock()
        self._damaged: dict[str, tuple[str, str]] = {}
        self._footers: dict[str, str] = {}
        self._clock = clock
        self._whole: dict[tuple[str, str], float] = {}

    def files(self) -> list[str]:
        """The keys that were found damaged and not seen in another version since."""
        return sorted(self._damaged)

    def sort_out(self, days: Days) -> tuple[Days, tuple[OmittedSegment, ...]]:
        """The days without the segments that are known to be damaged, and those."""
        if not self._damaged:
            return days, ()
        sound, omitted = {}, []
        for day, segments in days.items():
            kept = tuple(row for row in segments if not self._is_damaged(row))
            omitted += [OmittedSegment(day, row.key) for row in segments if row not in kept]
            if kept:
                sound[day] = kept
        return sound, tuple(omitted)

    def suspects(self, rows: Iterable[Listed], files: Iterable[str]) -> list[Listed]:
        """The rows whose private file is cut, empty or foreign: DuckDB would add the rows of a foreign one to ours.

        Each version is looked at once; ``files`` beyond the network are left to ``examine``.
        """
        new = {row.key: row for row in rows if self._footers.get(row.key) != row.version}
        if not new:
            return []
        found = []
        for file in files:
            row = new.get(key_in(file))
            if row is not None and "://" not in file:
                if _is_ours(file):
                    self._remember(row)
                else:
                    found.append(row)
        return found

    def examine(self, rows: Sequence[Listed], words: str = "") -> bool:
        """Read each alone and whole; whether some are damaged that were not known to be.

        Files named in the ``words`` of an error come first; if they explain the error, no other file is read.
        StoreUnavailableError where the store is out of reach.
        """
        with self._lock:
            named = [row for row in rows if row.key in words]
            others = [row for row in rows if row.key not in words]
            return sum(map(self._examine, named)) > 0 or sum(map(self._examine, others)) > 0

    def require_sound(self, rows: Iterable[Listed]) -> None:
        """Read each whole, as a rollup needs it: DamagedSegmentError where one is damaged."""
        for row in rows:
            with self._lock:
                self._examine(row)
            if self._is_damaged(row):
                raise DamagedSegmentError(row.key, self._damaged[row.key][1])

    def forget(self) -> None:
        """Drop all verdicts."""
        self._damaged, self._footers, self._whole = {}, {}, {}

    def _is_damaged(self, row: Listed) -> bool:
        found = self._damaged.get(row.key)
        return found is not None and found[0] == row.version

    def _is_whole(self, row: Listed) -> bool:
        found = self._whole.get((row.key, row.version))
        return found is not None and self._clock() - found < WHOLE_SECONDS

    def _remember(self, row: Listed) -> None:
        if len(self._footers) >= MAX_REMEMBERED:
            self._footers.clear()
        self._footers[row.key] = row.version

    def _examine(self, row: Listed) -> bool:
        current_stop().check()
        if self._is_damaged(row) or self._is_whole(row):
            return False
        reason = self._reason(row)
        if reason is None:
            if len(self._whole) >= MAX_REMEMBERED:
                self._whole.clear()
            self._whole[row.key, row.version] = self._clock()
            self._damaged = {key: found for key, found in self._damaged.items() if key != row.key}
            return False
        # Another dictionary: others go through this one meanwhile.
        self._damaged = {**self._damaged, row.key: (row.version, reason)}
        log.error(
            "%s is damaged (%s): answers that need %s leave it out; `mallard repair` sets it aside",
            row.key,
            reason,
            date_in(row.key),
        )
        return True

    def _reason(self, row: Listed) -> str | None:
        reason = None
        for _ in range(LOOKS):
            stored = self._store.get(row.key)
            if stored is None:
                return None
            reason = damage_of(stored.data)
            if reason is None and not has_digest(stored.data):
                reason = self._read_alone(stored.data)
            if reason is None or not self._is_listed(row):
                return None
        return reason

    def _is_listed(self, row: Listed) -> bool:
        return any((each.key, each.version) == (row.key, row.version) for each in self._store.list(row.key))


def _is_ours(file: str) -> bool:
    try:
        return has_our_footer(Path(file))
    except OSError:
        # Gone meanwhile: the reader says so.
        return True
