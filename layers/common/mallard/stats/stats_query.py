"""The query of v2: metrics by dimensions of a site, range and filter."""

from dataclasses import dataclass

from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import BY_V2_NAME, GOAL, PROPS
from mallard.stats.filter_tree import All, Any_, Done, EventSequence, Filter, Leaf, Not
from mallard.stats.grouping import TIMES, Order

MAX_ROWS = 10_000
"""Of one page."""


@dataclass(frozen=True, slots=True)
class StatsQuery:
    """``dimensions`` and ``filters`` in v2's names; ``metrics`` of QUERY_METRICS; ``order`` by names of both.

    One page of ``limit`` rows from the row ``offset`` on; ``before`` is an earlier range to compare with.
    """

    site_id: str
    metrics: tuple[str, ...]
    period: DateRange
    dimensions: tuple[str, ...] = ()
    filters: Filter | None = None
    order: tuple[Order, ...] = ()
    limit: int = MAX_ROWS
    offset: int = 0
    before: DateRange | None = None

    @property
    def time(self) -> str | None:
        """The dimension of time, one of TIMES."""
        return next((name for name in self.dimensions if name in TIMES), None)

    @property
    def full_order(self) -> tuple[Order, ...]:
        """Its order; by default time ascending, then the first metric descending; the dimensions decide at the end."""
        if self.order:
            return self.order
        by_metric = Order(self.metrics[0], descending=True)
        return (Order(self.time, descending=False), by_metric) if self.time else (by_metric,)


def is_dimension(name: str) -> bool:
    """True for a dimension of rows: of events, visits or time."""
    return name in BY_V2_NAME or name in TIMES or name == GOAL or (name.startswith(PROPS) and name != PROPS)


def without_conversions(tree: Filter | None) -> Filter | None:
    """The filter without what it says of goals and properties, as the divisors of conversion rates are counted."""
    match tree:
        case None:
            return None
        case Leaf():
            return None if tree.dimension == GOAL or tree.dimension.startswith(PROPS) else tree
        case Not(inner):
            left = without_conversions(inner)
            return Not(left) if left else None
        case Done(inner):
            left = without_conversions(inner)
            return Done(left) if left else None
        case EventSequence(parts):
            steps = tuple(each for each in map(without_conversions, parts) if each)
            return EventSequence(steps) if steps else None
        case All(parts) | Any_(parts):
            kept = tuple(each for each in map(without_conversions, parts) if each)
            if len(kept) < 2:
                return kept[0] if kept else None
            return All(kept) if isinstance(tree, All) else Any_(kept)


def goals_named(tree: Filter | None) -> tuple[Leaf, ...]:
    """The comparisons with goals that every event of the answer meets."""
    parts = tree.filters if isinstance(tree, All) else (tree,)
    return tuple(each for each in parts if isinstance(each, Leaf) and each.dimension == GOAL and not each.is_negated)
