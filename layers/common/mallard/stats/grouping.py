"""Groupings: measures by the values of several dimensions, ordered and paged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from mallard.stats.date_range import DateRange
from mallard.stats.dimensions import (
    BY_V2_NAME,
    DIMENSIONS,
    GOAL,
    HOSTNAME,
    PAGE,
    PROPS,
    ROLLED_HOUR,
    TOTAL,
    is_of_event,
)
from mallard.stats.filter_tree import Filter
from mallard.stats.measures import GROUP_MEASURES

TIME = "time"
MINUTE, HOUR, DAY, WEEK, MONTH = (f"{TIME}:{each}" for each in ("minute", "hour", "day", "week", "month"))
TIMES = (MINUTE, HOUR, DAY, WEEK, MONTH)
"""Dimensions of time. The values of MINUTE and HOUR are moments in naive UTC, ``YYYY-MM-DD HH:MM``, where each begins;
those of the others are local dates; a WEEK begins on Monday, but not before the range."""

WHOLE_DAYS = (DAY, WEEK, MONTH)

ENTERED = {PAGE: "visit:entry_page", HOSTNAME: "visit:entry_page_hostname"}
"""By event dimension, the value of a visit by which its measures are counted: that of the page it entered at."""


def blank_of(name: str) -> str:
    """The word of answers for a missing value of a dimension."""
    if name in BY_V2_NAME:
        return BY_V2_NAME[name].v2_blank
    return "(none)" if name.startswith(PROPS) else "(not set)"


Values: TypeAlias = tuple[str, ...]
"""One value for each dimension of a grouping."""


@dataclass(frozen=True, slots=True)
class Order:
    """``key`` is a dimension, or a metric that ``sorts`` has the SQL of; missing values come last."""

    key: str
    descending: bool


@dataclass(frozen=True, slots=True)
class Grouping:
    """Rows of ``measures`` (names of GROUP_MEASURES) for each combination of values of ``dimensions`` (v2's names).

    Without dimensions there is one row. ``sorts`` are SQL expressions over the measures, by the metric that they
    order by. ``limit`` None: all rows. ``only``: the rows of these values alone. ``words`` for missing values, of each
    dimension; those of v2 by default. ``with_rest``: one more row, marked ``is_rest``, of the values that rollups
    dropped of days without events.
    """

    dimensions: tuple[str, ...] = ()
    measures: tuple[str, ...] = ("visitors",)
    order: tuple[Order, ...] = ()
    sorts: tuple[tuple[str, str], ...] = ()
    limit: int | None = None
    offset: int = 0
    only: frozenset[Values] | None = None
    words: tuple[str, ...] = ()
    with_rest: bool = False

    @property
    def keys(self) -> Mapping[str, str]:
        """The columns of its dimensions in rows, each with the word for a missing value."""
        words = self.words or tuple(map(blank_of, self.dimensions))
        return {f"key_{place}": word for place, word in enumerate(words)}

    @property
    def is_of_visits(self) -> bool:
        """True where all events of a visit are in one row, so that rows of visits can be grouped."""
        return all(name in WHOLE_DAYS or not (name in TIMES or is_of_event(name)) for name in self.dimensions)

    @property
    def counts_pings(self) -> bool:
        """True where measures of engagement pings are needed."""
        return any(GROUP_MEASURES[name].of_pings is not None for name in self.measures)

    @property
    def has_rows_without_events(self) -> bool:
        """True where a visit or ping may be in a row that no event of the answer is in, which is left out.

        Its measures then have ``events`` and ``visitors``.
        """
        return bool(self.dimensions) and (self.counts_pings or (self.counts_starts and not self.is_of_visits))

    @property
    def counts_visits(self) -> bool:
        """True where measures or values of visits are needed."""
        has_values = any(name in BY_V2_NAME and BY_V2_NAME[name].of_visit for name in self.dimensions)
        return has_values or self.counts_pings or self.counts_starts

    @property
    def joins_visits(self) -> bool:
        """True where visits have to be put together."""
        return self.counts_visits or "active_visits" in self.measures

    @property
    def is_dated(self) -> bool:
        """True where rows of rollups are needed with their dates."""
        return any(name in WHOLE_DAYS for name in self.dimensions)

    @property
    def rollup_dimension(self) -> str | None:
        """The dimension of rollups that has its rows: TOTAL, ``hour``, or a name of DIMENSIONS; None: no one has."""
        others = [name for name in self.dimensions if name not in WHOLE_DAYS]
        if len(self.dimensions) > len(others) + 1 or len(others) > 1:
            return None
        if not all(GROUP_MEASURES[name].in_rollups for name in self.measures):
            return None
        if not others:
            return TOTAL
        if others == [HOUR] and len(self.dimensions) == 1 and not self.counts_starts:
            return ROLLED_HOUR
        dimension = BY_V2_NAME.get(others[0])
        if dimension is None or dimension.name not in DIMENSIONS or (self.counts_starts and not dimension.of_visit):
            return None
        return dimension.name

    @property
    def counts_starts(self) -> bool:
        """True where a measure of whole visits is needed, which event dimensions count by the visit's entry."""
        of_visits = (GROUP_MEASURES[name] for name in self.measures)
        return any(each.of_events is None and each.of_visits is not None for each in of_visits)

    @property
    def properties(self) -> tuple[str, ...]:
        """The properties among the dimensions."""
        return tuple(name for name in self.dimensions if name.startswith(PROPS))

    @property
    def has_goals(self) -> bool:
        """True where each event counts under the goals that it meets."""
        return GOAL in self.dimensions


@dataclass(frozen=True, slots=True)
class GroupQuery:
    """Several groupings of one site, range and filter, counted together."""

    site_id: str
    period: DateRange
    groupings: tuple[Grouping, ...]
    filters: Filter | None = None
    events_only: bool = False

    @property
    def rollup_dimensions(self) -> tuple[str, ...] | None:
        """The dimensions of rollups that have all their rows; None where some grouping needs events."""
        names = tuple(each.rollup_dimension for each in self.groupings)
        found = tuple(name for name in names if name is not None)
        return tuple(dict.fromkeys(found)) if len(found) == len(names) else None
