"""Periodic maintenance: the registry ``JOBS``, and the runner of what is due."""

import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from mallard.auth.login_throttle import delete_old_attempts
from mallard.drops.drop_counts import delete_old_rejections
from mallard.engine.cancellation import CURRENT, Cancellation
from mallard.engine.day_counter import DayCounter
from mallard.errors import MallardError, QueryStoppedError
from mallard.maintenance.data_retention import DataRetention, retain
from mallard.maintenance.erasure import ErasePending, Erasure, carry_out, delete_old_reports, open_erasures
from mallard.maintenance.expired_exports import delete_old_exports
from mallard.maintenance.rollup_builder import build_rollups
from mallard.maintenance.site_records import note_known_sites
from mallard.privacy.salts import delete_old_salts
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store

SOON = timedelta(minutes=10)
"""Between two runs of jobs that take a listing or two."""

HOURLY = timedelta(hours=1)
"""Between two runs of jobs that list the whole table."""

log = logging.getLogger("mallard.maintenance")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobContext:
    """The parts of a process that jobs work with; ``now`` is aware, ``may_go_on`` says whether there is time left."""

    store: Store
    engine: DayCounter
    site_settings: SiteSettingsStore
    now: datetime
    may_go_on: Callable[[], bool]
    retention: DataRetention
    erase_pending: ErasePending | None
    after_erasure: Callable[[], None]
    noted_beyond: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """``count`` of objects, days or requests that a run dealt with; not ``complete``: the job is due again at once."""

    count: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Job:
    """A job runs when ``every`` has passed since it last came to its end; ``counted_as`` is its field in JobsReport."""

    name: str
    every: timedelta
    run: Callable[[JobContext], JobOutcome]
    counted_as: str = ""


def _erase(context: JobContext) -> JobOutcome:
    ended = 0
    for key, _ in open_erasures(context.store):
        if not context.may_go_on():
            return JobOutcome(ended, complete=False)
        erasure = carry_out(
            context.store,
            key,
            erase_pending=context.erase_pending,
            may_go_on=context.may_go_on,
            clock=lambda: context.now,
            site_settings=context.site_settings,
        )
        context.after_erasure()
        if not erasure.done:
            return JobOutcome(ended, complete=False)
        ended += 1
    delete_old_reports(context.store, context.now)
    return JobOutcome(ended)


def _roll_up(context: JobContext) -> JobOutcome:
    report = build_rollups(context.store, context.engine, context.now, may_go_on=context.may_go_on)
    return JobOutcome(report.days, report.complete)


def _note_sites(context: JobContext) -> JobOutcome:
    listed = context.noted_beyond
    return JobOutcome(0 if listed is None else note_known_sites(context.store, listed))


def _retain(context: JobContext) -> JobOutcome:
    busy = {erasure.site_id for _, erasure in open_erasures(context.store)}
    return JobOutcome(
        retain(context.store, context.retention, context.now, but=busy, site_settings=context.site_settings)
    )


def _deletes(delete: Callable[[Store, datetime], object]) -> Callable[[JobContext], JobOutcome]:
    def run(context: JobContext) -> JobOutcome:
        delete(context.store, context.now)
        return JobOutcome()

    return run


def _delete_salts(context: JobContext) -> JobOutcome:
    return JobOutcome(delete_old_salts(context.store, context.site_settings, context.now))


JOBS = (
    Job("erasures", SOON, _erase, "erasures"),
    Job(
        "old salts",
        SOON,
        lambda each: JobOutcome(delete_old_salts(each.store, each.site_settings, each.now)),
        "salts_deleted",
    ),
    Job("rollups", HOURLY, _roll_up, "days_rolled_up"),
    Job("old counts of drops", HOURLY, _deletes(delete_old_rejections)),
    Job("old attempts at the login", HOURLY, _deletes(delete_old_attempts)),
    Job("known sites", HOURLY, _note_sites),
    Job("old exports", HOURLY, _deletes(delete_old_exports)),
    Job("retention", HOURLY, _retain, "objects_deleted"),
)
"""All jobs, in the order in which they run: a new one is registered here."""


@dataclass(frozen=True, slots=True)
class JobsReport:
    """Counts of one run, in requests, objects and days."""

    erasures: int = 0
    salts_deleted: int = 0
    days_rolled_up: int = 0
    objects_deleted: int = 0

    def counts(self) -> dict[str, int]:
        """By name."""
        return asdict(self)


class MaintenanceJobs:
    """Runs the maintenance jobs of one process; a job that fails is logged and is due again at once."""

    def __init__(
        self,
        store: Store,
        engine: DayCounter,
        *,
        site_settings: SiteSettingsStore | None = None,
        retention: DataRetention | None = None,
        erase_pending: ErasePending | None = None,
        after_erasure: Callable[[], None] = lambda: None,
        noted_beyond: tuple[str, ...] | None = None,
        jobs: tuple[Job, ...] = JOBS,
    ) -> None:
        """``after_erasure`` drops what memory still holds of the erased.

        ``noted_beyond`` is the list of sites beyond which those with events are written down; None: none are.
        """
        self._noted_beyond = noted_beyond
        self._store = store
        self._site_settings = site_settings or SiteSettingsStore(store)
        self._engine = engine
        self._retention = retention or DataRetention()
        self._erase_pending = erase_pending
        self._after_erasure = after_erasure
        self._jobs = jobs
        self._last_runs: dict[str, datetime] = {}
        self._cancellation = Cancellation()

    def keep(self, now: datetime, *, may_go_on: Callable[[], bool] = lambda: True) -> JobsReport:
        """Run all jobs that are due, as long as ``may_go_on`` holds before each. Queries of jobs end at ``stop``."""
        context, report = self._context(now, may_go_on), JobsReport()
        token = CURRENT.set(self._cancellation)
        try:
            for job in self._jobs:
                if _is_due(self._last_runs.get(job.name), job.every, now) and may_go_on():
                    count = self._run(job, context)
                    report = replace(report, **{job.counted_as: count}) if job.counted_as else report
        finally:
            CURRENT.reset(token)
        return report

    def stop(self) -> None:
        """End the query of the job that is running; from now on none begins another."""
        self._cancellation.stop()

    def erase(self, key: str) -> Erasure:
        """Carry out one request at once, to its end."""
        erasure = carry_out(self._store, key, erase_pending=self._erase_pending, site_settings=self._site_settings)
        self._after_erasure()
        return erasure

    def _run(self, job: Job, context: JobContext) -> int:
        """The count of one run."""
        self._last_runs.pop(job.name, None)
        log.debug("%s: begun", job.name)
        try:
            outcome = job.run(context)
        except QueryStoppedError:
            log.info("%s: stopped", job.name)
            return 0
        except MallardError as error:
            log.error("%s: %s", job.name, error)
            return 0
        if outcome.complete:
            self._last_runs[job.name] = context.now
        if outcome.count:
            log.info("%s: %d%s", job.name, outcome.count, "" if outcome.complete else ", to be continued")
        return outcome.count

    def _context(self, now: datetime, may_go_on: Callable[[], bool]) -> JobContext:
        return JobContext(
            store=self._store,
            engine=self._engine,
            site_settings=self._site_settings,
            now=now,
            may_go_on=may_go_on,
            retention=self._retention,
            erase_pending=self._erase_pending,
            after_erasure=self._after_erasure,
            noted_beyond=self._noted_beyond,
        )


def _is_due(last: datetime | None, every: timedelta, now: datetime) -> bool:
    # A clock that was ahead must not put off for hours what is due.
    return last is None or not timedelta(0) <= now - last < every
