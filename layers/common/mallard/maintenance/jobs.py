"""What a flush does beside flushing: erasures, salts, rollups and retention, each in its turn."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from mallard.auth.login_throttle import delete_old_attempts
from mallard.drops.drop_counts import delete_old_rejections
from mallard.engine.base import Engine
from mallard.errors import MallardError
from mallard.maintenance.data_retention import DataRetention, retain
from mallard.maintenance.erasure import ErasePending, Erasure, carry_out, delete_old_reports, open_erasures
from mallard.maintenance.expired_exports import delete_old_exports
from mallard.maintenance.rollup_builder import build_rollups
from mallard.maintenance.site_records import note_known_sites
from mallard.privacy.salts import delete_old_salts
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store

ERRANDS_INTERVAL = timedelta(minutes=10)
"""Between two looks for erasures and old salts: each look is a listing or two."""

SWEEP_INTERVAL = timedelta(hours=1)
"""Between two sweeps for days to roll up, and for all that is too old: each lists the whole table."""

_Done = tuple[int, bool]
"""How much a step did, and whether it came to its end."""

log = logging.getLogger("mallard.keeping")


@dataclass(frozen=True, slots=True)
class JobsReport:
    """What one run did, in objects, days and requests."""

    erasures: int = 0
    salts_deleted: int = 0
    days_rolled_up: int = 0
    objects_deleted: int = 0

    def counts(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


class MaintenanceJobs:
    """The errands of one process; a step that fails is logged and tried again at its next turn."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        *,
        book: SiteSettingsStore | None = None,
        retention: DataRetention | None = None,
        erase_pending: ErasePending | None = None,
        after_erasure: Callable[[], None] = lambda: None,
        noted_beyond: tuple[str, ...] | None = None,
    ) -> None:
        """``after_erasure`` drops what memory still holds of the erased.

        ``noted_beyond`` is the list of sites beyond which those with events are written down; None: none are.
        """
        self._noted_beyond = noted_beyond
        self._store = store
        self._book = book or SiteSettingsStore(store)
        self._engine = engine
        self._retention = retention or DataRetention()
        self._erase_pending = erase_pending
        self._after_erasure = after_erasure
        self._errands_done: datetime | None = None
        self._swept: datetime | None = None

    def keep(self, now: datetime, *, may_go_on: Callable[[], bool] = lambda: True) -> JobsReport:
        """Do what is due. A step that did not come to its end is due again at once."""
        report = JobsReport()
        if _is_due(self._errands_done, ERRANDS_INTERVAL, now) and may_go_on():
            erasures, erased = self._tried("erasures", lambda: self._erase(may_go_on, now))
            salts, deleted = self._tried("old salts", lambda: (delete_old_salts(self._store, self._book, now), True))
            self._errands_done = now if erased and deleted else None
            report = JobsReport(erasures, salts)
        if _is_due(self._swept, SWEEP_INTERVAL, now) and may_go_on():
            days, counted = self._tried("rollups", lambda: self._roll_up(now, may_go_on))
            self._tried("old counts of drops", lambda: (delete_old_rejections(self._store, now), True))
            self._tried("old attempts at the login", lambda: (delete_old_attempts(self._store, now), True))
            self._tried("known sites", self._note_sites)
            self._tried("old exports", lambda: (delete_old_exports(self._store, now), True))
            objects, deleted = self._tried("retention", lambda: (self._retain(now), True))
            self._swept = now if counted and deleted else None
            report = replace(report, days_rolled_up=days, objects_deleted=objects)
        return report

    def erase(self, key: str) -> Erasure:
        """Carry out one request at once, to its end."""
        erasure = carry_out(self._store, key, erase_pending=self._erase_pending, book=self._book)
        self._after_erasure()
        return erasure

    def _erase(self, may_go_on: Callable[[], bool], now: datetime) -> _Done:
        ended = 0
        for key, _ in open_erasures(self._store):
            if not may_go_on():
                return ended, False
            erasure = carry_out(
                self._store,
                key,
                erase_pending=self._erase_pending,
                may_go_on=may_go_on,
                clock=lambda: now,
                book=self._book,
            )
            self._after_erasure()
            if not erasure.done:
                return ended, False
            ended += 1
        delete_old_reports(self._store, now)
        return ended, True

    def _roll_up(self, now: datetime, may_go_on: Callable[[], bool]) -> _Done:
        report = build_rollups(self._store, self._engine, now, may_go_on=may_go_on)
        return report.days, report.complete

    def _note_sites(self) -> _Done:
        return (0 if self._noted_beyond is None else note_known_sites(self._store, self._noted_beyond)), True

    def _retain(self, now: datetime) -> int:
        busy = {erasure.site_id for _, erasure in open_erasures(self._store)}
        return retain(self._store, self._retention, now, but=busy, book=self._book)

    def _tried(self, what: str, step: Callable[[], _Done]) -> _Done:
        try:
            return step()
        except MallardError as error:
            log.error("%s: %s", what, error)
            return 0, False


def _is_due(last: datetime | None, interval: timedelta, now: datetime) -> bool:
    # A clock that was ahead must not put off for hours what is due.
    return last is None or not timedelta(0) <= now - last < interval
