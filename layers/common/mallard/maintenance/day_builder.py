"""Builder of closed days: their parts of a month's rollup, and their visits files."""

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.day_counter import DayCounter, DayCounts
from mallard.engine.sql.day_statement import rollup_made_by
from mallard.engine.sql.local_hours import local_hours
from mallard.errors import ConflictError, DamagedSegmentError, MallardError, QueryStoppedError, StoreUnavailableError
from mallard.maintenance.month_file import Part, with_facts
from mallard.maintenance.visits_builder import VisitsPlace
from mallard.store.base import Listed, Store
from mallard.table.reader import Days, in_batches
from mallard.table.rollup import FACTS, SCHEMA, TOTAL, fingerprint, segment_tag
from mallard.table.rollup_file import open_rollup, write_rollup

SMALL_DAYS_BYTES = 1024 * 1024
"""Of days that are counted in one statement, some 50,000 events, to share its cost whatever it counts."""

_UNRELATED_TO_DAY = (ConflictError, QueryStoppedError, StoreUnavailableError)

log = logging.getLogger("mallard.keeping")


class DayBuilder:
    """Counts days of a site and month. Their visits files are written before their parts are handed over."""

    def __init__(self, store: Store, engine: DayCounter, site_id: str, visited: Collection[date]) -> None:
        """Days that are not ``visited`` have no visits file yet."""
        self._store = store
        self._engine = engine
        self._site_id = site_id
        self._visited = visited
        self._zones = engine.zones(site_id)

    def parts(self, days: Days, may_go_on: Callable[[], bool]) -> Iterator[tuple[Collection[date], Part | None]]:
        """Days of ``days``, in this order, and their part; small days share one.

        The part is None where a day's counts do not add up to what the footers say, which a damaged file could cause.
        A day that fails is logged and left out. ConflictError; QueryStoppedError; StoreUnavailableError.
        """
        for batch in in_batches(days.items(), SMALL_DAYS_BYTES):
            left = dict(batch)
            if len(batch) > 1:
                if not may_go_on():
                    return
                found = self._count_together(batch)
                if found:
                    yield found.keys(), self._part(found, batch)
                left = {day: segments for day, segments in batch.items() if day not in found}
            for day, segments in left.items():
                if not may_go_on():
                    return
                try:
                    counts = self._count(day, segments)
                    yield (day,), self._part({day: counts}, batch) if counts else None
                except _UNRELATED_TO_DAY:
                    raise
                except MallardError as error:
                    log.warning("rollup of %s %s not built: %s", self._site_id, day, error)

    def _count_together(self, days: Days) -> Mapping[date, DayCounts]:
        """The counts of those days that need not be counted alone, with their visits in place."""
        places = {day: self._place(day) for day in days}
        made_of = {day: self._made_of(day, segments) for day, segments in days.items()}
        hours = local_hours(self._zones, min(days), max(days) + timedelta(days=1))
        try:
            counts = self._engine.count_days(days, hours, made_of)
        except _UNRELATED_TO_DAY:
            raise
        except MallardError as error:
            # Each alone shows whether it is the cause.
            log.debug("%d days of %s are counted one by one: %s", len(days), self._site_id, error)
            return {}
        found = {day: counts[day] for day in days if day in counts and _is_complete(counts[day])}
        for day, each in found.items():
            places[day].write(each.visits)
        return found

    def _count(self, day: date, segments: tuple[Listed, ...]) -> DayCounts | None:
        """The counts of one day, with its visits in place."""
        place, hours = self._place(day), local_hours(self._zones, day, day + timedelta(days=1))
        try:
            counts = self._engine.count_day(segments, hours, self._made_of(day, segments))
        except DamagedSegmentError as error:
            # Nor from the other files' rows: a rollup may be absent or old, never wrong.
            log.error("rollup of %s not built: %s `mallard repair` sets it aside.", day, error)
            return None
        if not _is_complete(counts):
            log.error(
                "rollup of %s not built: its footers say %d rows, and %d were read", day, counts.promised, counts.read
            )
            return None
        place.write(counts.visits)
        return counts

    def _part(self, counts: Mapping[date, DayCounts], days: Days) -> Part:
        rows = pa.concat_tables(
            each.rows.append_column("date", pa.repeat(pa.scalar(day, pa.date32()), each.rows.num_rows))
            for day, each in counts.items()
        )
        for name in FACTS:
            rows = rows.append_column(name, pa.nulls(rows.num_rows, SCHEMA.field(name).type))
        rows = rows.select(SCHEMA.names).cast(SCHEMA)
        # As bytes: of a month that is counted anew all days are held until it is written.
        by_name = {
            name: rows.filter(pc.equal(rows["dimension"], name)) for name in pc.unique(rows["dimension"]).to_pylist()
        }
        for day, each in counts.items():
            by_name[TOTAL] = with_facts(by_name[TOTAL], [day], self._facts(day, days[day], each))
        file = open_rollup(write_rollup(by_name, by_name.__getitem__))
        assert file is not None
        return Part(file)

    def _facts(self, day: date, segments: tuple[Listed, ...], counts: DayCounts) -> dict[str, pa.Scalar]:
        return {
            "fingerprint": pa.scalar(self._made_of(day, segments)),
            "tail": pa.scalar(segment_tag(segments[-1])),
            "additive": pa.scalar(not counts.spans_days),
            "frozen": pa.scalar(False),
        }

    def _made_of(self, day: date, segments: tuple[Listed, ...]) -> str:
        return fingerprint(segments, rollup_made_by(self._zones.name_on(day)))

    def _place(self, day: date) -> VisitsPlace:
        return VisitsPlace.of(self._store, self._site_id, day, is_listed=day in self._visited)


def _is_complete(counts: DayCounts) -> bool:
    """True where the rows that were read are those that the footers promise."""
    totals = counts.rows.filter(pc.equal(counts.rows["dimension"], TOTAL))
    return bool(counts.read == counts.promised and totals.num_rows == 1)
