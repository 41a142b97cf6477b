"""Builder of rollups: recounts changed days and replaces month files."""

import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

from mallard.engine.day_counter import DayCounter
from mallard.engine.sql.day_statement import rollup_made_by
from mallard.errors import (
    ConflictError,
    DamagedObjectError,
    MallardError,
    QueryStoppedError,
    StoreUnavailableError,
)
from mallard.maintenance.day_builder import DayBuilder
from mallard.maintenance.month_file import MonthFile, known_totals
from mallard.maintenance.visits_builder import list_visits
from mallard.sites.time_zone import SiteZones
from mallard.store.base import Listed, Store
from mallard.table.layout import EVENTS, parse_segment
from mallard.table.reader import Days
from mallard.table.rollup import (
    ROLLUPS,
    fingerprint,
    parse_rollup,
    rollup_key,
    segment_tag,
)
from mallard.table.rollup_file import open_whole

LONGEST_BUILD = timedelta(hours=1)
"""A segment this much older than a rollup file was surely there when it was built."""

SWAP_SECONDS = 5.0
"""Of counting, after which a month's file is swapped: the end of the process loses no more."""

STATE_KEY = f"{ROLLUPS}built.json"

log = logging.getLogger("mallard.maintenance")

Months = Mapping[tuple[str, date], Days]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Days counted anew and month files written; ``complete`` where nothing was left for the next run."""

    days: int = 0
    months: int = 0
    complete: bool = True


def build_rollups(
    store: Store,
    engine: DayCounter,
    now: datetime,
    *,
    may_go_on: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> BuildReport:
    """Bring the rollups of all closed days up to date, the newest first; what fails or loses a race waits for the next
    run.

    Which months to look into is decided from two listings; whether a day is counted, by its fingerprint. ``clock`` has
    the seconds between two swaps of a file.
    """
    made_by = rollup_made_by("")
    same_sql = _built_with(store) == made_by
    files = {parsed: row for row in store.list(ROLLUPS) if (parsed := parse_rollup(row.key))}
    days = months = 0
    complete = True
    today = cache(lambda site_id: _today(engine, site_id, now))
    known_visits = list_visits(store)
    for (site_id, month), closed in sorted(months_before(store, today).items(), key=_month, reverse=True):
        visited = known_visits.get(site_id, ())
        if (
            same_sql
            and not _may_be_old(files.get((site_id, month)), closed, engine.zones(site_id))
            and all(day in visited for day in closed)
        ):
            continue
        if not may_go_on():
            complete = False
            break
        try:
            built, ended = build_month(store, engine, site_id, month, closed, visited, may_go_on=may_go_on, clock=clock)
            complete = complete and ended
        except QueryStoppedError:
            complete = False
            break
        except MallardError as error:
            log.warning("rollup of %s %s not built: %s", site_id, f"{month:%Y-%m}", error)
            complete = False
            continue
        days, months = days + built, months + bool(built)
    if complete and not same_sql:
        _remember(store, made_by)
    elif same_sql and not complete:
        look_into_all(store)
    return BuildReport(days, months, complete)


def _month(item: tuple[tuple[str, date], Days]) -> date:
    return item[0][1]


def _today(engine: DayCounter, site_id: str, now: datetime) -> date:
    """A site's date; for one whose settings are damaged no day is closed, and those of the others are counted."""
    try:
        return engine.zones(site_id).local_date(now)
    except DamagedObjectError as error:
        log.error("rollups of %s not built: %s", site_id, error)
        return date.min


def look_into_all(store: Store) -> None:
    """Let the next build examine every month: a file that was swapped without counting is no older than its days."""
    store.delete(STATE_KEY)


def months_before(store: Store, end: Callable[[str], date]) -> Months:
    """The segments of every day before the ``end`` of its site, by site and first day of the month."""
    found: dict[tuple[str, date], dict[date, list[Listed]]] = defaultdict(lambda: defaultdict(list))
    # Listings come in order of key, so numbers rise.
    for row in store.list(EVENTS):
        if (segment := parse_segment(row.key)) and segment[0].date < end(segment[0].site_id):
            found[segment[0].site_id, segment[0].date.replace(day=1)][segment[0].date].append(row)
    return {key: {day: tuple(rows) for day, rows in days.items()} for key, days in found.items()}


def build_month(
    store: Store,
    engine: DayCounter,
    site_id: str,
    month: date,
    days: Days,
    visited: Collection[date] = (),
    *,
    may_go_on: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[int, bool]:
    """Count the days of a month whose fingerprint changed, the newest first, and swap its file after each SWAP_SECONDS
    of work and at the end; how many days, and whether that is all.

    Those of ``visited`` have a visits file; for the others, and for each day that is counted, one is written before the
    month is: a true row of the month says that the day's visits are true, too, or damaged since.
    A day that fails leaves the others alone. ConflictError: another process replaced the file meanwhile.
    QueryStoppedError after the days that were counted until then are swapped in.
    """
    key = rollup_key(site_id, month)
    stored = store.get(key)
    known = open_whole(stored.data) if stored else None
    totals, zones = known_totals(known), engine.zones(site_id)
    changed = {
        day: segments
        for day, segments in sorted(days.items(), reverse=True)
        if day not in totals
        or not _still_true(totals[day], segments, zones.name_on(day))
        or not (day in visited or totals[day]["frozen"])
    }
    gone = {day for day, total in totals.items() if day not in days and not total["frozen"]}
    file = MonthFile(store, key, stored.etag if stored else None, known, gone)
    counted, began = 0, clock()
    try:
        for built, part in DayBuilder(store, engine, site_id, visited).parts(changed, may_go_on):
            file.add(built, part)
            counted += len(built)
            if clock() - began >= SWAP_SECONDS:
                file.write()
                began = clock()
    except (QueryStoppedError, StoreUnavailableError):
        file.write()
        raise
    file.write()
    return counted, counted == len(changed)


def _still_true(total: Mapping[str, object], segments: tuple[Listed, ...], zone: str) -> bool:
    # A frozen day's segments are being deleted, the highest last: what is left is no reason to count it again.
    if total["frozen"] and total["tail"] == segment_tag(segments[-1]):
        return True
    return total["fingerprint"] == fingerprint(segments, rollup_made_by(zone))


def _may_be_old(file: Listed | None, days: Days, zones: SiteZones) -> bool:
    if file is None:
        return True
    last_write = max(each.modified for segments in days.values() for each in segments)
    closed = zones.day_start(max(days) + timedelta(days=1))
    return max(last_write, closed.timestamp()) > file.modified - LONGEST_BUILD.total_seconds()


def _built_with(store: Store) -> str | None:
    stored = store.get(STATE_KEY)
    try:
        return str(json.loads(stored.data)["made_by"]) if stored else None
    except (ValueError, KeyError, TypeError):
        return None


def _remember(store: Store, made_by: str) -> None:
    data = json.dumps({"made_by": made_by}).encode()
    stored = store.get(STATE_KEY)
    try:
        if stored is None:
            store.put_if_absent(STATE_KEY, data)
        else:
            store.put_if_match(STATE_KEY, data, stored.etag)
    except ConflictError:
        log.info("another run has finished the rollups too")
