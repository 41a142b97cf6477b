"""Checks that the metrics, dimensions and filters of a v2 query go together."""

from collections.abc import Collection, Sequence

from mallard.errors import QueryError
from mallard.stats.dimensions import EXIT_PAGE, GOAL, PAGE, is_of_event
from mallard.stats.filter_tree import EventSequence, Filter, Leaf, leaves
from mallard.stats.grouping import ENTERED
from mallard.stats.metric_formulas import OF_PINGS, OF_WHOLE_VISITS
from mallard.stats.stats_query import StatsQuery


def check_query(query: StatsQuery) -> None:
    """QueryError where metrics, dimensions and filters do not go together.

    Filters within has_done are about other events than those that are counted.
    """
    filtered = [leaf.dimension for leaf in _leaves(query.filters) if isinstance(leaf, Leaf)]
    for name in query.metrics:
        _check_metric(name, query.dimensions, filtered)
    if any(isinstance(leaf, EventSequence) for leaf in _leaves(query.filters)):
        for name in OF_PINGS.intersection(query.metrics):
            raise QueryError(f"The metric {name} cannot be queried with a sequence: a page's engagement has none.")


def _leaves(filters: Filter | None) -> Collection[object]:
    return leaves(filters) if filters else ()


def _check_metric(name: str, dimensions: Sequence[str], filtered: Sequence[str]) -> None:
    beside = [each for each in dimensions if is_of_event(each) and each not in ENTERED]
    if name in OF_WHOLE_VISITS and beside:
        raise QueryError(f"The metric {name} is of visits and cannot be queried with the dimension {beside[0]}.")
    if name == "views_per_visit" and PAGE in (*dimensions, *filtered):
        raise QueryError(f"The metric {name} cannot be queried with {PAGE} as dimension or filter.")
    if name == "exit_rate" and tuple(dimensions) != (EXIT_PAGE,):
        raise QueryError(f"The metric {name} needs {EXIT_PAGE} as the only dimension.")
    if name in OF_PINGS:
        _check_pings(name, dimensions, filtered)
    if name.endswith("conversion_rate") and GOAL not in (*dimensions, *filtered):
        raise QueryError(f"The metric {name} needs {GOAL} as a dimension or in a filter.")


def _check_pings(name: str, dimensions: Sequence[str], filtered: Sequence[str]) -> None:
    if PAGE not in (*dimensions, *filtered):
        raise QueryError(f"The metric {name} needs {PAGE} as a dimension or in a filter.")
    for each in (*dimensions, *filtered):
        if is_of_event(each) and each not in ENTERED:
            raise QueryError(f"The metric {name} cannot be queried with {each}: a page's engagement has none.")
