"""The part of the query engine that rollups are counted with."""

from typing import TYPE_CHECKING, Protocol

from mallard.sites.time_zone import SiteZones
from mallard.store.base import Listed

if TYPE_CHECKING:
    from mallard.engine.base import DayCounts
    from mallard.engine.sql.local_hours import LocalHours


class DayCounter(Protocol):
    """As of ``engine.base.Engine``, which is one."""

    def zones(self, site_id: str) -> SiteZones:
        """The site's time zones."""
        ...

    def count_day(self, segments: tuple[Listed, ...], hours: "LocalHours", fingerprint: str = "") -> "DayCounts":
        """A day's counts for its rollup, and its visits file where it gets a ``fingerprint``."""
        ...
