"""Protocol of what builds the caches of closed days: counts for rollups, and visits files."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pyarrow as pa

from mallard.engine.sql.local_hours import LocalHours
from mallard.sites.time_zone import SiteZones
from mallard.store.base import Listed
from mallard.table.reader import Days


@dataclass(frozen=True, slots=True)
class DayCounts:
    """``rows`` of a day's rollup without its facts; how many rows were ``read``, and ``promised`` by the footers.

    ``spans_days``: some visitor ids of the day live longer. ``visits``: the day's visits file, where it was asked for.
    """

    rows: pa.Table
    read: int
    promised: int
    spans_days: bool
    visits: bytes | None = None


class DayCounter(Protocol):
    """Counts closed days from their events, in its turn among the queries.

    An engine that reads no such caches need not be one.
    """

    def zones(self, site_id: str) -> SiteZones:
        """The site's time zones."""
        ...

    def count_day(self, segments: tuple[Listed, ...], hours: LocalHours, fingerprint: str = "") -> DayCounts:
        """A day's counts for its rollup; with a ``fingerprint`` also its visits file.

        ``segments`` is the whole day as listed, ``hours`` the moments its hours begin. DamagedSegmentError where one of
        them is damaged: each is read whole first. Other errors as of ``Engine.count``.
        """
        ...

    def count_days(self, days: Days, hours: LocalHours, fingerprints: Mapping[date, str]) -> dict[date, DayCounts]:
        """The same of several small days of one site and month in one turn, with the hours from the first to the last.

        Days that have to be counted alone are left out. Errors as of ``count_day``, where one of the days has them.
        """
        ...
