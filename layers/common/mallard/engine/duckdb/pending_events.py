"""Pending events of the local queue as rows for queries."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc

from mallard.drops.drop_note import is_note
from mallard.engine.base import PENDING
from mallard.queue.local import LocalQueue
from mallard.sites.erased_days import ErasedDays
from mallard.table.messages import find_fault, read_deliveries

MOST_BYTES = 48 * 1024 * 1024
"""Of the rows in memory, some 190,000 usual events. While more wait, the newest are in no answer yet."""

DECODED_BYTES = 8 * 1024 * 1024
"""Of the bodies that are decoded at a time, which takes several times as much."""

log = logging.getLogger("mallard.query")


class LocalPending:
    """Pending events by site; each message is decoded once.

    ``erased`` tells of a site's erasures: what the flush will leave out for one is not shown until then either.
    ``left`` is how many of the newest messages had no room in ``most_bytes`` at the last look.
    """

    def __init__(
        self,
        queue: LocalQueue,
        erased: Callable[[str], Sequence[ErasedDays]] = lambda _: (),
        *,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._queue = queue
        self._erased = erased
        self._most_bytes = most_bytes
        self.left = 0
        self._lock = threading.Lock()
        self._last = 0
        self._rows = read_deliveries([]).append_column("number", pa.array([], pa.int64()))

    def rows(self, site_id: str) -> pa.Table:
        """A site's pending events in the schema PENDING."""
        found = self._refreshed()
        found = _once(_left(found.filter(pc.equal(found["site_id"], site_id)), self._erased(site_id)))
        dates = pa.array([date.fromisoformat(text) for text in found["date"].to_pylist()], pa.date32())
        return found.set_column(found.column_names.index("date"), "date", dates).select(PENDING.names)

    def sites(self) -> set[str]:
        """The ids of all sites with pending events."""
        return set(self._refreshed()["site_id"].unique().to_pylist())

    def _refreshed(self) -> pa.Table:
        with self._lock:
            had_left, self.left = bool(self.left), self._take_in()
            if self.left and not had_left:
                log.warning("%d events wait to be written and are in no answer until then", self.left)
            return self._rows

    def _take_in(self) -> int:
        """Let go of what was written, decode what came; how many messages have no room."""
        while True:
            room = self._most_bytes - self._rows.nbytes
            numbers, fresh, left = self._queue.pending(self._last, min(DECODED_BYTES, max(0, room)))
            before = self._rows.num_rows
            kept = self._rows.filter(pc.is_in(self._rows["number"], value_set=pa.array(numbers, pa.int64())))
            if kept.num_rows < before:
                # In one chunk, which lets go of the memory of the others.
                self._rows = kept.combine_chunks()
            elif not fresh:
                return left
            if not fresh:
                continue
            self._rows = pa.concat_tables([self._rows, _decoded(fresh)])
            self._last = fresh[-1][0]


def _left(rows: pa.Table, erased: Sequence[ErasedDays]) -> pa.Table:
    """The rows that no erasure means, by the comparison of the flush."""
    for each in erased:
        days = pc.and_(
            pc.greater_equal(rows["date"], each.first.isoformat()), pc.less_equal(rows["date"], each.last.isoformat())
        )
        before = pc.less(pc.fill_null(rows["accepted_ms"], 0), each.before_ms)
        rows = rows.filter(pc.invert(pc.and_(days, before)))
    return rows


def _once(rows: pa.Table) -> pa.Table:
    """The first row of each id: a client's retry waits under the same id, and the flush takes the first too."""
    if pc.count_distinct(rows["event_id"]).as_py() == rows.num_rows:
        return rows
    first = {event_id: n for n, event_id in reversed(list(enumerate(rows["event_id"].to_pylist())))}
    return rows.take(pa.array(sorted(first.values()), pa.int64()))


def _decoded(fresh: list[tuple[int, bytes]]) -> pa.Table:
    fresh = [each for each in fresh if not is_note(each[1])]
    try:
        rows = read_deliveries([body for _, body in fresh])
    except ValueError:
        # The flush sets broken messages aside; until then they are left out one by one.
        fresh = [each for each in fresh if find_fault(each[1]) is None]
        rows = read_deliveries([body for _, body in fresh])
    return rows.append_column("number", pa.array([number for number, _ in fresh], pa.int64()))
