"""The panels of a dashboard's overview as plain rows, so that engines can be compared in every number."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, TypeAlias

from mallard.reports.standard_reports import OverviewReport

BREAKDOWNS = ("pages", "sources", "browsers", "os", "devices", "countries")
LIMIT = 10

Panels: TypeAlias = "dict[str, list[tuple[Any, ...]]]"
"""``headline``: one row of visitors, page views, visits, bounce rate, duration in seconds. ``series``: date, visitors,
page views of every day. Each of BREAKDOWNS: value, visitors, page views, at most LIMIT."""


def of_overview(overview: OverviewReport) -> Panels:
    """Answers of the product's engine."""
    main = overview.main
    headline = (
        main["unique_visitors"],
        main["total_pageviews"],
        main["visits"],
        main["bounce_rate"],
        main["avg_visit_duration_secs"],
    )
    return {
        "headline": [headline],
        "series": [(row["date"], row["visitors"], row["pageviews"]) for row in overview.timeseries],
        **{
            name: [(row["value"], row["visitors"], row["pageviews"]) for row in overview.breakdowns[name]]
            for name in BREAKDOWNS
        },
    }


def headline(
    visitors: int, pageviews: int, visits: int, landings: int, bounces: int, duration_ms: int
) -> tuple[Any, ...]:
    """The row of the panel, from sums; ``landings`` are the visits that bounces are a part of."""
    return (
        visitors,
        pageviews,
        visits,
        bounces / landings if landings else 0.0,
        duration_ms / (visits * 1000) if visits else 0.0,
    )


def series(rows: Sequence[Sequence[Any]], start: date, end: date) -> list[tuple[Any, ...]]:
    """A row for each date of ``start <= date < end``, from rows of those that have events."""
    found = {row[0]: tuple(row) for row in rows}
    days = [(start + timedelta(days=each)).isoformat() for each in range((end - start).days)]
    return [found.get(day, (day, 0, 0)) for day in days]


def check_equal(ours: Panels, theirs: Panels, whose: str) -> None:
    """AssertionError that names the first panel in which the two differ."""
    for name in ("headline", "series", *BREAKDOWNS):
        assert ours[name] == theirs[name], f"{name} of {whose} is {theirs[name]}, but ours {ours[name]}"
