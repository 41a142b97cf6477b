"""Erasure of a site's days: requests, their execution and their reports."""

import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from mallard.drops.drop_counts import REJECTED, forget_rejections
from mallard.errors import DamagedObjectError, ErasureError, StoreUnavailableError
from mallard.event import to_ms, utc_date
from mallard.maintenance.month_file import Part, known_totals, month_file
from mallard.maintenance.rollup_builder import look_into_all
from mallard.maintenance.visits_builder import erase_visits
from mallard.sites.erased_days import ErasedDays
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store
from mallard.store.compare_and_swap import swap
from mallard.store.stored_object import JsonFormat, StoredObject
from mallard.table.layout import DAMAGED, EXPORTS, Partition, parse_aside, site_prefix
from mallard.table.partition_eraser import RemovedRows, count_remaining_rows, erase_partition
from mallard.table.reader import list_days
from mallard.table.rollup import rollup_key, rollup_prefix
from mallard.table.rollup_file import open_whole
from mallard.table.visits_file import visits_prefix

ERASURES = "config/erasures/"
ALLOWED_SKEW = timedelta(minutes=5)
"""The most that clocks of functions may be apart: what was accepted earlier may say that it is this much later."""

MAX_DAYS = 3660
SAVED_EVERY_DAYS = 50
REPORT_KEPT = timedelta(days=30)

log = logging.getLogger("mallard.maintenance")


@dataclass(frozen=True, slots=True)
class Erasure:
    """A site's days from ``first`` to ``last``, both included, of what was accepted before ``before_ms``.

    ``next`` is the day to go on with after a crash; ``days`` are those that held events, ``events`` how many, and
    ``damaged`` the number of files among them that could not be read: their events are not in ``events``. The
    first run moves ``before_ms`` to its own moment and sets ``begun``.
    """

    site_id: str
    first: date
    last: date
    before_ms: int
    next: date
    days: tuple[date, ...] = ()
    events: int = 0
    pending: int = 0
    done: bool = False
    begun: bool = False
    damaged: int = 0


_FORMAT = JsonFormat.of(Erasure)


ErasePending = Callable[[str, date, date, int], int]
"""Removes what the queue still holds of a site's days, accepted before a moment; how many events that were."""

Progress = Callable[[date, int], None]
"""Called after each day with the day and its number of removed events."""


def request_erasure(store: Store, site_id: str, first: date, last: date, now: datetime) -> str:
    """Write the request that flush, or this process, then carries out; its key. ErasureError if the range is wrong."""
    if first > last:
        raise ErasureError(f"end_date is {last}, but must not be before start_date {first}: both are erased.")
    if (last - first).days >= MAX_DAYS:
        raise ErasureError(f"start_date and end_date span {(last - first).days + 1} days, but may span {MAX_DAYS}.")
    if last > utc_date(now) + timedelta(days=1):
        raise ErasureError(f"end_date is {last}, but must not be in the future.")
    before_ms = to_ms(now + ALLOWED_SKEW)
    key = f"{ERASURES}{before_ms}-{secrets.token_hex(4)}.json"
    StoredObject(store, key, _FORMAT).create(Erasure(site_id, first, last, before_ms, first))
    return key


def queue_erasure(store: Store, site_id: str, first: date, last: date, now: datetime) -> Erasure:
    """Write the request for the next flushes, and say which days hold events now."""
    key = request_erasure(store, site_id, first, last, now)
    erasure = read_erasure(store, key)
    return replace(erasure, days=tuple(day for day in list_days(store, site_id, first) if first <= day <= last))


def read_erasure(store: Store, key: str) -> Erasure:
    """The request under a key. Raises StoreUnavailableError where it is absent or damaged."""
    return _there(key, StoredObject(store, key, _FORMAT).read())


def _there(key: str, erasure: Erasure | None) -> Erasure:
    if erasure is None:
        raise StoreUnavailableError(f"{key} vanished while it was read.")
    return erasure


def open_erasures(store: Store) -> Iterator[tuple[str, Erasure]]:
    """Requests that are not carried out to the end, the oldest first."""
    for key, erasure in _readable(store):
        if not erasure.done:
            yield key, erasure


def delete_old_reports(store: Store, now: datetime) -> None:
    """Reports of erasures are kept for REPORT_KEPT."""
    for key, erasure in _readable(store):
        if erasure.done and erasure.before_ms < to_ms(now - REPORT_KEPT):
            store.delete(key)


def last_erasure_ms(store: Store, partition: Partition) -> int | None:
    """The latest moment up to which a known request, open or done, erases a partition; None where none does."""
    marks = [
        each.before_ms
        for _, each in _readable(store)
        if each.site_id == partition.site_id and each.first <= partition.date <= each.last
    ]
    return max(marks, default=None)


def _readable(store: Store) -> Iterator[tuple[str, Erasure]]:
    """Requests and reports, the oldest first. A damaged one is logged, and holds back none of the others."""
    for row in list(store.list(ERASURES)):
        try:
            yield row.key, read_erasure(store, row.key)
        except DamagedObjectError as error:
            log.error("an erasure is not carried out: %s", error)


def carry_out(
    store: Store,
    key: str,
    *,
    erase_pending: ErasePending | None = None,
    may_go_on: Callable[[], bool] = lambda: True,
    progress: Progress = lambda *_: None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    site_settings: SiteSettingsStore | None = None,
) -> Erasure:
    """Carry out a request, from where it stopped; ``done`` says whether it came to the end. ``clock`` is aware.

    ``site_settings`` is that of the ingest in this process, which learns of the erasure before anything is removed.
    Raises StoreError where a part could not be erased: the request stays open and goes on at the next run.
    """
    erasure = _begin(store, key, to_ms(clock() + ALLOWED_SKEW))
    if erasure.done:
        return erasure
    _tell(site_settings or SiteSettingsStore(store), erasure)
    unsaved: list[tuple[date, RemovedRows]] = []
    for number, day in enumerate(_days(erasure.next, erasure.last), 1):
        if not may_go_on():
            break
        removed = erase_partition(store, Partition(erasure.site_id, day), erasure.before_ms, sleep=sleep)
        erase_visits(store, erasure.site_id, day)
        unsaved.append((day, removed))
        progress(day, removed.rows)
        if any(removed) or number % SAVED_EVERY_DAYS == 0:
            erasure, unsaved = _save(store, key, unsaved), []
    erasure = _save(store, key, unsaved)
    if erasure.next <= erasure.last:
        return erasure
    _erase_rollups(store, erasure)
    pending = erase_pending(erasure.site_id, erasure.first, erasure.last, erasure.before_ms) if erase_pending else 0
    forget_rejections(store, erasure.site_id, erasure.first, erasure.last)
    _erase_copies(store, erasure)
    _check(store, erasure)
    erasure = _save(store, key, [], pending=pending, done=True)
    log.info(
        "erased %s to %s of %s: %d events, and %d damaged files",
        erasure.first,
        erasure.last,
        erasure.site_id,
        erasure.events,
        erasure.damaged,
    )
    return erasure


def _begin(store: Store, key: str, before_ms: int) -> Erasure:
    """Let the request mean what is accepted until now, once, before its first day.

    A tail does not say when its rows were accepted, so all of them go, also what came after the request. Without this
    what came with them, and was not flushed yet, would stay: half of a visit.
    """

    def moved_on(erasure: Erasure) -> Erasure:
        if erasure.begun or erasure.next > erasure.first:
            return erasure
        return replace(erasure, before_ms=max(erasure.before_ms, before_ms), begun=True)

    return _change(store, key, moved_on)


def _tell(site_settings: SiteSettingsStore, erasure: Erasure) -> None:
    """Let ingest know, so that what it accepts from now on is kept: it came later, whatever its clock says."""
    try:
        site_settings.note_erasure(erasure.site_id, ErasedDays(erasure.first, erasure.last, erasure.before_ms))
    except StoreUnavailableError as error:
        # A damaged record must not keep what is to go; then what comes within ALLOWED_SKEW goes with it.
        log.warning("ingest does not learn of the erasure of %s: %s", erasure.site_id, error)


def _save(
    store: Store, key: str, removed: Sequence[tuple[date, RemovedRows]], *, pending: int = 0, done: bool = False
) -> Erasure:
    """Add what was done to the request."""
    dates = {day for day, each in removed if any(each)}

    def added(erasure: Erasure) -> Erasure:
        return replace(
            erasure,
            next=max([erasure.next, *(day + timedelta(days=1) for day, _ in removed)]),
            days=tuple(sorted({*erasure.days, *dates})),
            events=erasure.events + sum(each.rows for _, each in removed),
            damaged=erasure.damaged + sum(each.damaged for _, each in removed),
            pending=erasure.pending + pending,
            done=erasure.done or done,
        )

    return _change(store, key, added)


def _change(store: Store, key: str, change: Callable[[Erasure], Erasure]) -> Erasure:
    """Swap the request for a changed one, as it stands now: another process may be at the same one."""
    return _there(key, StoredObject(store, key, _FORMAT).change(lambda erasure: change(_there(key, erasure))))


def _erase_rollups(store: Store, erasure: Erasure) -> None:
    for month in sorted({day.replace(day=1) for day in _days(erasure.first, erasure.last)}):
        _erase_rollup(store, rollup_key(erasure.site_id, month), erasure)
    look_into_all(store)


def _erase_rollup(store: Store, key: str, erasure: Erasure) -> None:
    """Swap the file for one without the days, even where it has none of them or is not there.

    A builder may have read it, and the events, before: its swap must fail.
    """

    def erased(data: bytes | None) -> tuple[bool, bytes | None]:
        if data is None:
            return True, month_file([])
        file = open_whole(data)
        if file is None:
            return False, None
        erased_days = frozenset(day for day in known_totals(file) if erasure.first <= day <= erasure.last)
        return True, month_file([Part(file, erased_days)])

    if not swap(store, key, erased):
        # The contents of a damaged file are unknown; it is a cache, so it is deleted.
        store.delete(key)


def _erase_copies(store: Store, erasure: Erasure) -> None:
    """Copies of the events: damaged files that were set aside, downloads, and old versions in a versioned bucket."""
    for row in list(store.list(f"{DAMAGED}{site_prefix(erasure.site_id)}")):
        partition = parse_aside(row.key)
        if partition and erasure.first <= partition.date <= erasure.last:
            store.delete(row.key)
    for row in list(store.list(EXPORTS)):
        store.delete(row.key)
    site_id = erasure.site_id
    of_site = (site_prefix(site_id), rollup_prefix(site_id), visits_prefix(site_id), f"{DAMAGED}{site_prefix(site_id)}")
    for prefix in (*of_site, EXPORTS, REJECTED):
        store.delete_old_versions(prefix)


def _check(store: Store, erasure: Erasure) -> None:
    """List again and read every footer: an erasure is over when it can be seen to be."""
    for day in list_days(store, erasure.site_id, erasure.first):
        if erasure.first <= day <= erasure.last:
            left = count_remaining_rows(store, Partition(erasure.site_id, day), erasure.before_ms)
            if left:
                raise StoreUnavailableError(f"{left} events of {day} are still there; the erasure goes on later.")


def _days(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))
