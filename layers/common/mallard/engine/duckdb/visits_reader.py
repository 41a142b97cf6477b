"""Reader of visits files: private files of those days whose visits are true."""

import logging
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from pathlib import Path

from mallard.engine.sql.day_statement import rollup_made_by
from mallard.sites.settings_store import SiteSettingsStore
from mallard.stats.grouping import GroupQuery
from mallard.stats.query import Query
from mallard.store.base import Listed, Store
from mallard.table.reader import Days
from mallard.table.rollup import fingerprint
from mallard.table.segment_cache import SegmentCache
from mallard.table.visits_file import VisitsFacts, parse_visits, read_facts, visits_key, visits_prefix

MAX_KNOWN_FILES = 10_000
"""Files whose facts are remembered: those of a year of some thirty sites."""

MAX_FETCHED_BYTES = 512 * 1024 * 1024
"""Visits files that one query fetches whole: a quarter of the disk of a function on AWS. Other days count events."""

log = logging.getLogger("mallard.query")

_FileId = tuple[int, int, int]
"""Inode, time of the last write and size: the links of one file have one, and a file that is fetched anew another."""


@dataclass(frozen=True)
class OpenVisits:
    """The days that visits files answer, as they are listed, and their private files."""

    days: Mapping[date, Listed] = field(default_factory=dict)
    files: Mapping[date, str] = field(default_factory=dict)
    spanning: Set[date] = frozenset()
    """Of them those with visitor ids that outlive their day."""


class VisitsReader:
    """Visits files of one store; each is verified once."""

    def __init__(self, store: Store, site_settings: SiteSettingsStore, cache: SegmentCache | None) -> None:
        """``cache`` holds the files of a store whose ``pin`` moves data."""
        self._store = store
        self._site_settings = site_settings
        self._cache = cache
        self._lock = threading.Lock()
        self._facts: dict[_FileId, VisitsFacts | None] = {}

    @contextmanager
    def open(self, query: Query | GroupQuery, days: Days, *, spanning: bool = False) -> Iterator[OpenVisits]:
        """The true visits among those of ``days``, which are the caller's own listing of days to count.

        A day whose visitors span days is none of them in a range of several.
        """
        listed = self._listed(query.site_id, days) if days else {}
        if not listed:
            yield OpenVisits()
            return
        folder = Path(tempfile.mkdtemp(dir=self._store.scratch))
        try:
            rows = list(listed.values())
            if self._cache:
                files = self._cache.copy_to(rows, folder)
            else:
                files = [self._store.pin(row.key, folder) for row in rows]
            zones = self._site_settings.get(query.site_id).zones
            are_several = (query.period.end - query.period.start).days > 1
            found: dict[date, str] = {}
            spans: set[date] = set()
            for day, file in zip(listed, files, strict=True):
                facts = self._read(file, listed[day].key) if file else None
                is_true = facts and facts.fingerprint == fingerprint(days[day], rollup_made_by(zones.name_on(day)))
                if facts and is_true and (spanning or not (facts.spans_days and are_several)):
                    found[day] = str(file)
                    spans |= {day} if facts.spans_days else set()
            yield OpenVisits({day: listed[day] for day in found}, found, spans)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def forget(self) -> None:
        """Drop all that is remembered of files."""
        with self._lock:
            self._facts.clear()

    def _listed(self, site_id: str, days: Days) -> dict[date, Listed]:
        prefix, first = visits_prefix(site_id), visits_key(site_id, min(days))
        if self._cache and (cached := self._cache.first_key(prefix)):
            # A listing from there on shows the files that were erased.
            first = min(first, cached)
        # The keys that come after the one before the first: of one day less in any order.
        rows = list(self._store.list(prefix, start_after=first[:-1]))
        if self._cache:
            self._cache.forget_replaced(prefix, {row.key: row.version for row in rows})
        found = {parsed[1]: row for row in rows if (parsed := parse_visits(row.key))}
        listed = {day: found[day] for day in sorted(days) if day in found}
        return _latest(listed, MAX_FETCHED_BYTES) if self._cache else listed

    def _read(self, file: Path, key: str) -> VisitsFacts | None:
        facts_of_file = file.stat()
        file_id = facts_of_file.st_ino, facts_of_file.st_mtime_ns, facts_of_file.st_size
        with self._lock:
            if file_id in self._facts:
                return self._facts[file_id]
        facts = read_facts(file.read_bytes())
        if facts is None:
            log.error("%s is damaged: its day is counted from its events; `mallard repair` has it built again", key)
        with self._lock:
            self._facts[file_id] = facts
            while len(self._facts) > MAX_KNOWN_FILES:
                self._facts.pop(next(iter(self._facts)))
        return facts


def _latest(listed: Mapping[date, Listed], most_bytes: int) -> dict[date, Listed]:
    """The latest days whose files are within ``most_bytes``, in order."""
    sizes = accumulate(row.size_bytes for _, row in sorted(listed.items(), reverse=True))
    kept = sum(size <= most_bytes for size in sizes)
    return dict(sorted(listed.items())[len(listed) - kept :])
