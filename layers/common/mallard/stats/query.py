"""Query: metrics by a dimension over the events of a site, range and filter."""

from dataclasses import dataclass

from mallard.errors import QueryError
from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.filters import Filter
from mallard.stats.metrics import MEASURES, METRICS, measures_of

DAY = "day"
HOUR = "hour"
SERIES = (DAY, HOUR)
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
    def measures(self) -> tuple[str, ...]:
        """The measures of its metrics and its order."""
        ordered_by = {self.order} if self.dimension in DIMENSIONS else set()
        needed = measures_of(self.metrics)
        return tuple(name for name in MEASURES if name in needed or name in ordered_by)

    @property
    def of_visits(self) -> bool:
        """True where events must be put together to visits to answer it."""
        dimension = DIMENSIONS.get(self.dimension)
        return any(METRICS[name].of_visits for name in self.metrics) or (dimension is not None and dimension.of_visit)
