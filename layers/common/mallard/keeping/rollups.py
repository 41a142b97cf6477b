"""Building rollups: the days of a site's month counted anew where their segments changed, and swapped in whole."""

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from mallard.errors import ConflictError, DamagedObjectError, DamagedSegmentError, MallardError
from mallard.query.engine import Engine
from mallard.query.statement import hours_table, rollup_made_by
from mallard.sites.zones import Zones
from mallard.store.base import Listed, Store
from mallard.table.layout import EVENTS, parse_segment
from mallard.table.read import Days
from mallard.table.rollup import (
    ROLLUPS,
    SCHEMA,
    TOTAL,
    days_of,
    decode_rollup,
    encode_rollup,
    fingerprint,
    parse_rollup,
    rollup_key,
    segment_tag,
    without,
)

LONGEST_BUILD = timedelta(hours=1)
"""A segment this much older than a rollup file was surely there when it was built."""

STATE_KEY = f"{ROLLUPS}built.json"

log = logging.getLogger("mallard.keeping")

Months = Mapping[tuple[str, date], Days]


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Days counted anew and month files written; ``complete`` where nothing was left for the next run."""

    days: int = 0
    months: int = 0
    complete: bool = True


def build_rollups(
    store: Store, engine: Engine, now: datetime, *, may_go_on: Callable[[], bool] = lambda: True
) -> BuildReport:
    """Bring the rollups of all closed days up to date; a month that fails or loses a race waits for the next run.

    Which months to look into is decided from two listings; whether a day is counted, by its fingerprint.
    """
    made_by = rollup_made_by("")
    same_sql = _built_with(store) == made_by
    files = {parsed: row for row in store.list(ROLLUPS) if (parsed := parse_rollup(row.key))}
    days = months = 0
    complete = True
    today = cache(lambda site_id: _today(engine, site_id, now))
    for (site_id, month), closed in months_before(store, today).items():
        if same_sql and not _may_be_old(files.get((site_id, month)), closed, engine.zones(site_id)):
            continue
        if not may_go_on():
            complete = False
            break
        try:
            built, ended = build_month(store, engine, site_id, month, closed, may_go_on=may_go_on)
            complete = complete and ended
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


def _today(engine: Engine, site_id: str, now: datetime) -> date:
    """A site's date; for one whose settings are damaged no day is closed, and those of the others are counted."""
    try:
        return engine.zones(site_id).local_date(now)
    except DamagedObjectError as error:
        log.error("rollups of %s not built: %s", site_id, error)
        return date.min


def look_into_all(store: Store) -> None:
    """Let the next build look into every month: a file that was swapped without counting is no older than its days."""
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
    engine: Engine,
    site_id: str,
    month: date,
    days: Days,
    *,
    may_go_on: Callable[[], bool] = lambda: True,
) -> tuple[int, bool]:
    """Count the days of a month whose fingerprint changed and swap its file; how many days, and whether that is all.

    ConflictError: somebody else swapped it meanwhile.
    """
    key = rollup_key(site_id, month)
    stored = store.get(key)
    rows = decode_rollup(stored.data) if stored else None
    known = SCHEMA.empty_table() if rows is None else rows
    totals, zones = days_of(known), engine.zones(site_id)
    changed = {
        day: segments
        for day, segments in days.items()
        if day not in totals or not _still_true(totals[day], segments, zones.name_on(day))
    }
    gone = [day for day, total in totals.items() if day not in days and not total["frozen"]]
    counted = []
    for day, segments in changed.items():
        if not may_go_on():
            break
        counted.append(_count(engine, zones, day, segments))
    if counted or gone:
        # The old counts of a day that cannot be counted stay: they are good where its files come back as they were.
        anew = [each for each in counted if each is not None]
        kept = without(known, [*(day for each in anew for day in days_of(each)), *gone])
        swap(store, key, stored.etag if stored else None, [kept, *anew])
    return len(counted), len(counted) == len(changed)


def swap(store: Store, key: str, etag: str | None, parts: Iterable[pa.Table]) -> None:
    """Replace a month's file by these rows, where it is still the one that was read."""
    data = month_file(parts)
    if etag is None:
        store.put_if_absent(key, data)
    else:
        store.put_if_match(key, data, etag)


def month_file(parts: Iterable[pa.Table]) -> bytes:
    """A month's file of these rows; no two are the same bytes."""
    return encode_rollup(pa.concat_tables([SCHEMA.empty_table(), *parts], promote_options="default"))


def _count(engine: Engine, zones: Zones, day: date, segments: tuple[Listed, ...]) -> pa.Table | None:
    """A day's rows; None where its counts do not add up to what the footers say, which a damaged file could cause."""
    try:
        rows, footer_rows, spans_days = engine.count_day(segments, hours_table(zones, day, day + timedelta(days=1)))
    except DamagedSegmentError as error:
        # Neither from the rows of the other files: a rollup is absent or old, never wrong.
        log.error("rollup of %s not built: %s `mallard repair` sets it aside.", day, error)
        return None
    read = pc.sum(rows.filter(pc.equal(rows["dimension"], "rows"))["events"]).as_py()
    kept = rows.filter(pc.not_equal(rows["dimension"], "rows"))
    if read != footer_rows or kept.filter(pc.equal(kept["dimension"], TOTAL)).num_rows != 1:
        log.error("rollup of %s not built: its footers say %d rows, and %d were read", day, footer_rows, read)
        return None
    marks = {
        "date": pa.scalar(day, pa.date32()),
        "fingerprint": pa.scalar(fingerprint(segments, rollup_made_by(zones.name_on(day)))),
        "tail": pa.scalar(segment_tag(segments[-1])),
        "additive": pa.scalar(not spans_days),
        "frozen": pa.scalar(False),
    }
    for name, value in marks.items():
        kept = kept.append_column(name, pa.repeat(value, kept.num_rows))
    return kept.select(SCHEMA.names).cast(SCHEMA)


def _still_true(total: Mapping[str, object], segments: tuple[Listed, ...], zone: str) -> bool:
    # A frozen day's segments are being deleted, the highest last: what is left is no reason to count it again.
    if total["frozen"] and total["tail"] == segment_tag(segments[-1]):
        return True
    return total["fingerprint"] == fingerprint(segments, rollup_made_by(zone))


def _may_be_old(file: Listed | None, days: Days, zones: Zones) -> bool:
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
