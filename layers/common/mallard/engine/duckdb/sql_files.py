"""Private files of one site for an SQL query: segments, pending events and visits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mallard.engine.duckdb.damaged_files import DamagedFiles
from mallard.engine.duckdb.snapshot import Snapshot, SnapshotReader
from mallard.engine.duckdb.visits_reader import VisitsReader
from mallard.engine.omitted_files import OmittedSegment
from mallard.engine.sql.sql_views import SqlFiles
from mallard.errors import QueryTooLargeError, StoreUnavailableError
from mallard.stats.date_range import DateRange
from mallard.stats.grouping import GroupQuery
from mallard.store.base import Listed, Store
from mallard.store.hard_link import link_or_copy
from mallard.table.segment_cache import SegmentCache

MAX_FETCHED_BYTES = 512 * 1024 * 1024
"""Of a bucket's files, on this machine's disk: a quarter of that of a function on AWS."""


@dataclass(slots=True)
class TakenFiles:
    """The private files of all sites so far, the listed segments among them, and damaged ones that are left out."""

    events: list[str] = field(default_factory=list)
    visits: list[str] = field(default_factory=list)
    uncounted: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    rows: list[Listed] = field(default_factory=list)
    omitted: list[OmittedSegment] = field(default_factory=list)
    size_bytes: int = 0

    def of_views(self) -> SqlFiles:
        """Those that the views name."""
        return SqlFiles(self.events, self.visits, self.uncounted, self.waiting)


class SqlFilesReader:
    """Takes the files of sites into a folder, where nothing replaces them."""

    def __init__(
        self,
        *,
        store: Store,
        snapshots: SnapshotReader,
        visits: VisitsReader,
        damage: DamagedFiles,
        cache: SegmentCache | None,
    ) -> None:
        """``cache`` as of VisitsReader."""
        self._store = store
        self._snapshots = snapshots
        self._visits = visits
        self._cache = cache
        self.damage = damage

    def take(self, site_id: str, period: DateRange, views: Sequence[str], folder: Path, taken: TakenFiles) -> None:
        """Add the files of a site that the ``views`` need. QueryTooLargeError where a bucket's are too large."""
        if not views:
            return
        query = GroupQuery(site_id, period, ())
        snapshot = self._snapshots.take(query, rolled=False)
        visits = self._take_visits(query, snapshot, folder, taken) if "visits" in views else {}
        days = snapshot.plan.days
        read = [row for day in days for row in days[day] if "events" in views or day not in visits]
        self._check_size(read, taken)
        files = self._private(read, folder)
        taken.rows += read
        taken.omitted += [each for each in snapshot.omitted if "events" in views or each.date not in visits]
        counted = {row.key for day in visits for row in days[day]}
        taken.events += [str(file) for file in files.values()]
        taken.uncounted += [str(file) for key, file in files.items() if key not in counted]
        if snapshot.pending.num_rows:
            taken.waiting.append(_write_pending(site_id, snapshot.pending, folder, len(taken.waiting)))

    def _take_visits(
        self, query: GroupQuery, snapshot: Snapshot, folder: Path, taken: TakenFiles
    ) -> Mapping[date, Listed]:
        """The days of which all visits are in a file. Of a day with pending events none are."""
        closed = {day: segments for day, segments in snapshot.listed.items() if day not in snapshot.plan.waiting}
        with self._visits.open(query, closed) as found:
            for day, file in found.files.items():
                private = folder / found.days[day].key
                private.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(Path(file), private)
                taken.visits.append(str(private))
            return found.days

    def _check_size(self, rows: Sequence[Listed], taken: TakenFiles) -> None:
        taken.size_bytes += sum(row.size_bytes for row in rows)
        if self._cache and taken.size_bytes > MAX_FETCHED_BYTES:
            raise QueryTooLargeError(
                f"The sites and dates have more than {MAX_FETCHED_BYTES // 1024**2} MB of events in the bucket, the "
                "most that SQL reads; give a site_id, or a start_date and end_date."
            )

    def _private(self, rows: Sequence[Listed], folder: Path) -> dict[str, Path]:
        """By key. A file that an erasure removed meanwhile is in none."""
        try:
            copies = self._cache.copy_to(rows, folder) if self._cache else [self._pin(row, folder) for row in rows]
        except OSError as error:
            raise StoreUnavailableError(f"The temporary files have no place: {error.strerror}.") from error
        return {row.key: file for row, file in zip(rows, copies, strict=True) if file}

    def _pin(self, row: Listed, folder: Path) -> Path | None:
        return self._store.pin(row.key, folder)


def _write_pending(site_id: str, pending: pa.Table, folder: Path, number: int) -> str:
    file = folder / f"waiting-{number}.parquet"
    sites = pa.repeat(pa.scalar(site_id), pending.num_rows)
    pq.write_table(pending.append_column("site_id", sites), file)
    return str(file)
