"""The seed's reports: each a preset of SQL, numbers as in the contract's definitions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mallard.event import local_date
from mallard.query.dimensions import DIMENSIONS
from mallard.query.engine import Engine
from mallard.query.period import Period, read_period
from mallard.query.statement import Statement
from mallard.table.rollup import TOTAL

BREAKDOWNS = tuple(DIMENSIONS)

_PLAIN_VISITS = {"source": "event", "opening": ""}
_DAYS = Statement(("timeseries",), {"bucket": "date", "rolled_bucket": "date"}, {}, rolled=TOTAL)
_HOURS = Statement(
    ("timeseries",),
    {
        "bucket": "date_trunc('hour', timestamp)",
        "rolled_bucket": "strptime(value, '%Y-%m-%d %H:%M')",
    },
    {},
    rolled="hour",
)


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
        period = read_period("realtime", None, None, self.now)
        return int(self.engine.rows(site_id, period, Statement(("current",), {}, {}))[0]["visitors"])

    def timeseries(self, site_id: str, period: Period) -> list[dict[str, Any]]:
        """Visitors and page views per hour or day, buckets without any included."""
        if period.open_start:
            period = replace(period, start=self.engine.first_date(site_id, local_date(self.now)))
        rows = self.engine.rows(site_id, period, _HOURS if period.hourly else _DAYS)
        counted = {row["bucket"]: row for row in rows}
        labels = _hours(period, self.now) if period.hourly else _days(period)
        return [
            {
                "date": moment.strftime("%Y-%m-%d %H:00" if period.hourly else "%Y-%m-%d"),
                "visitors": counted[moment]["visitors"] if moment in counted else 0,
                "pageviews": counted[moment]["pageviews"] if moment in counted else 0,
            }
            for moment in labels
        ]

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


def _days(period: Period) -> Sequence[date]:
    return [period.start + timedelta(days=n) for n in range((period.end - period.start).days)]


def _hours(period: Period, now: datetime) -> Sequence[datetime]:
    first = datetime.combine(period.start, datetime.min.time())
    if period.since is not None:
        first = period.since.replace(minute=0, second=0, microsecond=0)
        count = int((now.astimezone(UTC).replace(tzinfo=None) - first) / timedelta(hours=1)) + 1
        return [first + timedelta(hours=n) for n in range(count)]
    return [first + timedelta(hours=n) for n in range(24 * (period.end - period.start).days)]
