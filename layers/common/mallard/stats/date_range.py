"""Ranges of local dates from the parameters of a request."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from mallard.errors import QueryError
from mallard.sites.time_zone import UTC_DAYS, SiteZones

REALTIME_MINUTES = 5
REALTIME_STEP_SECONDS = 5
REALTIME_AHEAD = timedelta(seconds=60)
"""The most that the clock behind an event may be ahead of ours; `mallard doctor` asks as much of each."""

MAX_DAYS = 36_525
MAX_SERIES_DAYS = 7_320
"""Rows of a daily series, twenty years. A number or a list has no such bound."""

FIRST_DATE = date(1970, 1, 1)

PERIODS = (
    "day",
    "today",
    "yesterday",
    "7d",
    "28d",
    "30d",
    "90d",
    "month",
    "12mo",
    "year",
    "all",
    "realtime",
)


@dataclass(frozen=True, slots=True)
class DateRange:
    """Local dates ``start <= date < end``; ``hourly``: a chart's step.

    Where there is ``since`` there is ``until``: only events of ``since <= timestamp < until`` (naive UTC) count.
    """

    start: date
    end: date
    since: datetime | None = None
    until: datetime | None = None
    hourly: bool = False
    open_start: bool = False


def read_period(
    period: str | None, start_date: str | None, end_date: str | None, now: datetime, zones: SiteZones = UTC_DAYS
) -> DateRange:
    """The range of a request in a site's zones; ``start_date`` with ``end_date`` wins over ``period``.

    QueryError if it is wrong.
    """
    if start_date is not None or end_date is not None:
        return _explicit(start_date, end_date)
    name, today = period if period is not None else "30d", zones.local_date(now)
    if name not in PERIODS:
        raise QueryError(f"period is {_shown(name)}, but must be one of {', '.join(PERIODS)}.")
    tomorrow = today + timedelta(days=1)
    if name in ("day", "today"):
        return DateRange(today, tomorrow, hourly=True)
    if name == "yesterday":
        return DateRange(today - timedelta(days=1), today)
    if name == "realtime":
        utc = now.astimezone(UTC).replace(tzinfo=None, microsecond=0)
        # By steps, so that many who look at one time ask the same.
        step = utc - timedelta(seconds=utc.second % REALTIME_STEP_SECONDS)
        since = step - timedelta(minutes=REALTIME_MINUTES)
        until = step + timedelta(seconds=REALTIME_STEP_SECONDS) + REALTIME_AHEAD
        return DateRange(today - timedelta(days=1), tomorrow, since, until, hourly=True)
    if name == "all":
        return DateRange(FIRST_DATE, tomorrow, open_start=True)
    if days := re.fullmatch(r"(\d+)d", name):
        return DateRange(tomorrow - timedelta(days=int(days[1])), tomorrow)
    first = today.replace(day=1)
    starts = {"month": first, "year": first.replace(month=1), "12mo": _months_before(first, 11)}
    return DateRange(starts[name], tomorrow)


def _explicit(start_date: str | None, end_date: str | None) -> DateRange:
    if start_date is None or end_date is None:
        raise QueryError("start_date and end_date come together: the first day, and the day after the last.")
    start, end = read_date("start_date", start_date), read_date("end_date", end_date)
    if start < FIRST_DATE:
        raise QueryError(f"start_date is {start}, but must be {FIRST_DATE} or later.")
    if start >= end:
        raise QueryError(f"end_date is {end}, but must be after start_date {start}: it is the day after the last.")
    if (end - start).days > MAX_DAYS:
        raise QueryError(f"start_date and end_date span {(end - start).days} days, but may span {MAX_DAYS}.")
    return DateRange(start, end)


def read_date(name: str, text: str | None) -> date:
    """The date a parameter says. QueryError if it is missing or wrong."""
    if text is None:
        raise QueryError(f"{name} is missing; it is a date such as 2026-01-31.")
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise QueryError(f"{name} is {_shown(text)}, but must be a date such as 2026-01-31.")


def _months_before(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 - months
    return date(index // 12, index % 12 + 1, 1)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")
