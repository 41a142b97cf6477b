"""The seed's reports: each a preset of SQL, numbers as in the contract's definitions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mallard.query.dimensions import DIMENSIONS
from mallard.query.engine import Engine
from mallard.query.period import Period, read_period
from mallard.query.statement import Statement, hours_table
from mallard.table.rollup import TOTAL

BREAKDOWNS = tuple(DIMENSIONS)

_PLAIN_VISITS = {"source": "event", "opening": ""}
_BY_DAY = Statement(("timeseries",), {"bucket": "date", "rolled_bucket": "date"}, {}, rolled=TOTAL)

_Buckets = Sequence[tuple[date | datetime, str]]
"""What SQL calls a step of a series, and what the answer does."""


@dataclass(frozen=True, slots=True)
class Stats:
    """Reports of one engine at a moment."""

    engine: Engine
    now: datetime

    def main(self, site_id: str, period: Period) -> dict[str, Any]:
        """The headline numbers; rates and averages are 0 where there is nothing to divide by."""
        statement = Statement(("visits", "main"), _PLAIN_VISITS, {}, rolled=TOTAL)
        found = self.engine.rows(site_id, period, statement)[0]
        visits, visitors = found["visits"], found["visitors"]
        return {
            "unique_visitors": visitors,
            "total_pageviews": found["pageviews"],
            "bounce_rate": _ratio(found["bounces"], visits),
            "avg_visit_duration_secs": _ratio(found["duration_ms"], visits * 1000),
            "pages_per_visit": _ratio(found["pageviews"], visitors),
            "visits": visits,
            "views_per_visit": _ratio(found["visit_pageviews"], visits),
            "events": found["events"],
            "current_visitors": self.current_visitors(site_id),
        }

    def current_visitors(self, site_id: str) -> int:
        """Distinct visitors of the last five minutes."""
        period = read_period("realtime", None, None, self.now, self.engine.zones(site_id))
        return int(self.engine.rows(site_id, period, Statement(("current",), {}, {}))[0]["visitors"])

    def timeseries(self, site_id: str, period: Period) -> list[dict[str, Any]]:
        """Visitors and page views per hour or day, buckets without any included."""
        if period.open_start:
            today = self.engine.zones(site_id).local_date(self.now)
            period = replace(period, start=self.engine.first_date(site_id, today))
        buckets = self._hours(site_id, period) if period.hourly else _days(period)
        statement = _by_hour(buckets) if period.hourly else _BY_DAY
        counted = {row["bucket"]: row for row in self.engine.rows(site_id, period, statement)}
        return [
            {
                "date": label,
                "visitors": counted[moment]["visitors"] if moment in counted else 0,
                "pageviews": counted[moment]["pageviews"] if moment in counted else 0,
            }
            for moment, label in buckets
        ]

    def _hours(self, site_id: str, period: Period) -> _Buckets:
        """The local hours of a period, up to now where it looks back from now."""
        since, now = period.since, self.now.astimezone(UTC).replace(tzinfo=None)
        hours = [
            (moment.replace(tzinfo=None), label)
            for moment, label in self.engine.zones(site_id).hours(period.start, period.end)
        ]
        if since is None:
            return hours
        return [hour for hour in hours if since - timedelta(hours=1) < hour[0] <= now]

    def breakdown(self, site_id: str, period: Period, name: str, limit: int) -> list[dict[str, Any]]:
        """The top values of a dimension of BREAKDOWNS, by visitors, then value."""
        dimension = DIMENSIONS[name]
        fragments = {
            "dimension": dimension.column,
            "blank": f"'{dimension.blank}'",
            "counts_strangers": str(dimension.counts_strangers).lower(),
        }
        parts: tuple[str, ...] = ("event_breakdown",)
        if dimension.of_visit:
            parts = ("visits", "visit_breakdown")
            fragments |= {**_PLAIN_VISITS, "opening": f", {dimension.of_visit} AS dimension"}
        return self.engine.rows(site_id, period, Statement(parts, fragments, {"limit": limit}, rolled=name))


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _days(period: Period) -> _Buckets:
    days = [period.start + timedelta(days=n) for n in range((period.end - period.start).days)]
    return [(day, day.isoformat()) for day in days]


def _by_hour(hours: _Buckets) -> Statement:
    return Statement(
        ("timeseries_hours",), {}, {}, rolled="hour", tables={"hours": hours_table(hour for hour, _ in hours)}
    )
