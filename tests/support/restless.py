"""A table that never rests: a writer that swaps tails and seals segments as fast as it can, and who else is at it."""

import threading
import time
from collections.abc import Callable
from datetime import date, timedelta
from types import TracebackType

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.erasure import carry_out, request_erasure
from mallard.maintenance.rollup_builder import build_rollups
from mallard.store.base import Store
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.place import NOW, SITE, TODAY, noon_ms
from support.rows import deliveries, event

SEAL_ROWS = 40
ROWS = 3
"""Of one write."""

LATE = TODAY - timedelta(days=1)
STILL = TODAY - timedelta(days=2)
ERASED = TODAY - timedelta(days=3)
GROWING = (TODAY, LATE)
STILL_ROWS = 100

Bounds = dict[date, int]


class Restless:
    """Context manager: inside, threads write to GROWING, build rollups, and ``erase`` when told to."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.written: Bounds = {TODAY: 0, LATE: 0, STILL: STILL_ROWS, ERASED: STILL_ROWS}
        self.begun: Bounds = dict(self.written)
        self.writes = 0
        self._writer = TableWriter(store, seal_rows=SEAL_ROWS)
        self._stopping = threading.Event()
        self._failures: list[Exception] = []
        self._threads = [
            threading.Thread(target=self._until_stopped, args=(each,), daemon=True)
            for each in (self._write, self._build)
        ]
        self._engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
        for day in (STILL, ERASED):
            self._append(day, 0, STILL_ROWS)
        for day in GROWING:
            self._write_to(day)

    def __enter__(self) -> "Restless":
        for each in self._threads:
            each.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for each in self._threads:
            each.join()
        self._engine.close()
        if self._failures and error is None:
            raise self._failures[0]

    def erase(self) -> None:
        """One more thread erases ERASED."""
        eraser = threading.Thread(target=self._guarded, args=(self._erase,), daemon=True)
        self._threads.append(eraser)
        self.written[ERASED] = 0
        eraser.start()

    def _write(self) -> None:
        for day in GROWING:
            self._write_to(day)

    def _write_to(self, day: date) -> None:
        self.begun[day] += ROWS
        self._append(day, self.written[day], ROWS)
        self.written[day] += ROWS
        self.writes += 1

    def _append(self, day: date, first: int, count: int) -> None:
        noon = noon_ms(day)
        given = [
            event(
                day.toordinal() * 100_000 + number,
                date=day.isoformat(),
                timestamp=noon + number,
                accepted_ms=noon,
                visitor_id=number % 7,
            )
            for number in range(first, first + count)
        ]
        self._writer.append(Partition(SITE, day), deliveries(given))

    def _build(self) -> None:
        build_rollups(self.store, self._engine, NOW)
        time.sleep(0.05)

    def _erase(self) -> None:
        carry_out(self.store, request_erasure(self.store, SITE, ERASED, ERASED, NOW))

    def _until_stopped(self, work: Callable[[], None]) -> None:
        while not self._stopping.is_set() and self._guarded(work):
            pass

    def _guarded(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except Exception as error:
            self._failures.append(error)
            return False
        return True
