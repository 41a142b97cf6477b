"""Query: metrics by one dimension, the grouping of a dashboard's report."""

from dataclasses import dataclass

from mallard.errors import QueryError
from mallard.stats import grouping
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import DIMENSIONS, ROLLED_HOUR, TOTAL
from mallard.stats.filters import Filter
from mallard.stats.grouping import Grouping, Order
from mallard.stats.metrics import MEASURES, METRICS, measures_of

DAY = "day"
HOUR = ROLLED_HOUR
SERIES = {DAY: grouping.DAY, HOUR: grouping.HOUR}
"""Dimensions of time, and their names in groupings."""

MAX_LIMIT = 1000
"""Rows of one answer."""


@dataclass(frozen=True, slots=True)
class Query:
    """``dimension`` is TOTAL, one of SERIES, or a name of DIMENSIONS; ``limit`` None: every value; ``only``: of these.

    ``events_only``: days of which the counts alone were kept are left out, as they are under a filter.
    Rows of a series come in order of time, those of a dimension by ``order``, then value: most of this measure first,
    or None for the order of values alone. QueryError where a name is none of the closed tables'.
    """

    site_id: str
    period: DateRange
    metrics: tuple[str, ...]
    dimension: str = TOTAL
    filters: Filter | None = None
    limit: int | None = None
    only: frozenset[str] | None = None
    events_only: bool = False
    order: str | None = "visitors"

    def __post_init__(self) -> None:
        if self.dimension not in (TOTAL, *SERIES) and self.dimension not in DIMENSIONS:
            raise QueryError(f"{self.dimension[:40]!r} is no breakdown; there are {', '.join(DIMENSIONS)}.")
        for name in self.metrics:
            if name not in METRICS:
                raise QueryError(f"{name[:40]!r} is no metric; there are {', '.join(METRICS)}.")

    @property
    def grouping(self) -> Grouping:
        """The same as a grouping, with the words of the seed's reports for missing values."""
        if self.dimension == TOTAL:
            return Grouping((), self._measures)
        if self.dimension in SERIES:
            time = SERIES[self.dimension]
            return Grouping((time,), self._measures, (Order(time, descending=False),), limit=self.limit)
        dimension = DIMENSIONS[self.dimension]
        return Grouping(
            (dimension.v2_name,),
            self._measures,
            (Order(self.order, descending=True),) if self.order else (),
            ((self.order, self.order),) if self.order else (),
            self.limit,
            only=None if self.only is None else frozenset((value,) for value in self.only),
            words=(dimension.blank,),
            with_rest=True,
        )

    @property
    def _measures(self) -> tuple[str, ...]:
        """The measures of its metrics and its order, but for those of visits where each event has its own value."""
        needed = {*measures_of(self.metrics), *({self.order} if self.dimension in DIMENSIONS else ())}
        of_events = self.dimension == HOUR or (self.dimension in DIMENSIONS and not DIMENSIONS[self.dimension].of_visit)
        measures = (each for each in MEASURES.values() if each.name in needed)
        return tuple(each.name for each in measures if not of_events or each.of_events is not None)
