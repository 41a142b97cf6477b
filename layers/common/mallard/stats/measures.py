"""Measures of groupings: those of rollups, and more of events."""

from dataclasses import dataclass

from mallard.stats.metrics import MEASURES, MONEY, Measure


@dataclass(frozen=True, slots=True)
class GroupMeasure:
    """A number of one row of a grouping.

    ``of_events`` is its aggregate over matched events with their visits (``date, visitor_id, visit_number,
    event_name, revenue``), ``of_visits`` over rows of visits; None: those do not tell it. ``merge`` is the aggregate
    over rows without a common visitor. ``in_rollups``: rollups keep it. ``of_pings``: over the visits of engagement
    pings, with ``scroll`` (percent) and ``engaged_ms`` of each.
    """

    name: str
    of_events: str | None
    of_visits: str | None
    merge: str
    type: str
    in_rollups: bool
    of_pings: str | None = None


def _of(measure: Measure) -> GroupMeasure:
    return GroupMeasure(
        measure.name, measure.of_events, measure.of_visits, measure.merge, measure.type, in_rollups=True
    )


def _of_events(name: str, sql: str, merge: str = "sum", type_: str = "BIGINT") -> GroupMeasure:
    return GroupMeasure(name, sql, None, merge, type_, in_rollups=False)


def _of_pings(name: str, sql: str) -> GroupMeasure:
    return GroupMeasure(name, None, None, "sum", "BIGINT", in_rollups=False, of_pings=sql)


_VISIT = "CASE WHEN visitor_id IS NOT NULL THEN {'date': event.date, 'visitor': visitor_id, 'number': visit_number} END"

_MORE = (
    # Visits with an event in the row; ``visits`` beside a page are those that entered there.
    _of_events("active_visits", f"count(DISTINCT {_VISIT})"),
    _of_events("payments", "count(revenue)"),
    # A visit's money may be of events that a filter leaves out, so it is summed over events.
    *(_of_events(each.name, str(each.of_events), each.merge, each.type) for each in MONEY),
    _of_pings("scroll_total", "sum(scroll)"),
    _of_pings("scrolled_visits", "count(scroll)"),
    _of_pings("engaged_ms", "sum(engaged_ms)"),
    _of_pings("engaged_visits", "count(engaged_ms)"),
)

GROUP_MEASURES = {**{each.name: _of(each) for each in MEASURES.values()}, **{each.name: each for each in _MORE}}
"""By name."""

OF_MONEY = frozenset({*(each.name for each in MONEY), "payments"})
