"""Date ranges of v2 queries: in words, dates or instants."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from mallard.errors import QueryError
from mallard.sites.time_zone import SiteZones
from mallard.stats.comparison import COMPARISONS, earlier
from mallard.stats.date_range import FIRST_DATE, MAX_DAYS, DateRange

DAYS_BEFORE = ("7d", "28d", "30d", "91d")
MONTHS_BEFORE = ("6mo", "12mo")
WORDS = ("day", "24h", *DAYS_BEFORE, "month", *MONTHS_BEFORE, "year", "all")
"""Ranges that the date of today decides; those of days and months before end yesterday and last month."""

CUSTOM = "custom"
MODES = (*COMPARISONS, CUSTOM)

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})", re.ASCII)


def read_range(given: Any, now: datetime, zones: SiteZones, place: str = "date_range") -> DateRange:
    """The range of a query's body. QueryError names the place and what is allowed."""
    if isinstance(given, str) and given in WORDS:
        return _in_words(given, now, zones)
    if isinstance(given, list) and len(given) == 2 and all(isinstance(each, str) for each in given):
        first, last = given
        if _DATE.fullmatch(first) and _DATE.fullmatch(last):
            return _of_dates(_date(first, place), _date(last, place), place)
        if _INSTANT.fullmatch(first) and _INSTANT.fullmatch(last):
            return _of_instants(_instant(first, place), _instant(last, place), zones, place)
    raise QueryError(
        f"{place} is {_shown(given)}, but must be one of {', '.join(WORDS)}, or two dates such as "
        '["2026-01-01", "2026-01-31"], or two times with an offset such as "2026-01-01T12:00:00+02:00".'
    )


def read_comparison(
    mode: str, given: Any, period: DateRange, now: datetime, zones: SiteZones, *, same_weekdays: bool = False
) -> DateRange:
    """The range beside a query's: of the same length before it or a year before, or ``given``."""
    if mode == CUSTOM:
        found = read_range(given, now, zones, "include.comparisons.date_range")
        if found.open_start:
            raise QueryError("include.comparisons.date_range is 'all', but must have a first and a last day.")
        return found
    if period.since is not None and period.until is not None and mode == "previous_period":
        length = period.until - period.since
        return _between(period.since - length, period.since, zones)
    found = earlier(replace(period, since=None, until=None), mode)
    if not same_weekdays:
        return found
    days = (period.start - found.start).days % 7
    # The nearest range whose days of the week are the same, by going back or forth.
    shift = timedelta(days=days if days <= 3 else days - 7)
    return replace(found, start=found.start + shift, end=found.end + shift)


def shown_range(period: DateRange, zones: SiteZones) -> list[str]:
    """First and last second of a range, with the offset of the site's zone."""
    if period.since is not None and period.until is not None:
        begin, end = period.since.replace(tzinfo=UTC), period.until.replace(tzinfo=UTC)
    else:
        begin, end = zones.day_start(period.start), zones.day_start(period.end)
    return [_local(each, zones).isoformat(timespec="seconds") for each in (begin, end - timedelta(seconds=1))]


def _in_words(word: str, now: datetime, zones: SiteZones) -> DateRange:
    today = zones.local_date(now)
    tomorrow, first = today + timedelta(days=1), today.replace(day=1)
    if word == "day":
        return DateRange(today, tomorrow, hourly=True)
    if word == "24h":
        until = now.astimezone(UTC).replace(tzinfo=None, microsecond=0) + timedelta(seconds=1)
        return replace(_between(until - timedelta(hours=24), until, zones), hourly=True)
    if word == "all":
        return DateRange(FIRST_DATE, tomorrow, open_start=True)
    if word in DAYS_BEFORE:
        return DateRange(today - timedelta(days=int(word[:-1])), today)
    if word in MONTHS_BEFORE:
        month = first.year * 12 + first.month - 1 - int(word[:-2])
        return DateRange(date(month // 12, month % 12 + 1, 1), first)
    return DateRange(first if word == "month" else first.replace(month=1), tomorrow)


def _of_dates(first: date, last: date, place: str) -> DateRange:
    if last < first:
        raise QueryError(f"{place} ends on {last}, before its first day {first}.")
    if first < FIRST_DATE or (last - first).days >= MAX_DAYS:
        raise QueryError(f"{place} must begin on {FIRST_DATE} or later and span at most {MAX_DAYS} days.")
    return DateRange(first, last + timedelta(days=1), hourly=first == last)


def _of_instants(first: datetime, last: datetime, zones: SiteZones, place: str) -> DateRange:
    if last < first:
        raise QueryError(f"{place} ends before it begins.")
    if first.date() < FIRST_DATE or (last - first).days >= MAX_DAYS:
        raise QueryError(f"{place} must begin on {FIRST_DATE} or later and span at most {MAX_DAYS} days.")
    # The last second counts.
    return _between(first, last.replace(microsecond=0) + timedelta(seconds=1), zones)


def _between(since: datetime, until: datetime, zones: SiteZones) -> DateRange:
    """From one moment to another, in naive UTC."""
    first, last = (zones.local_date(each.replace(tzinfo=UTC)) for each in (since, until - timedelta(microseconds=1)))
    whole = zones.day_start(first), zones.day_start(last + timedelta(days=1))
    if tuple(each.replace(tzinfo=None) for each in whole) == (since, until):
        return DateRange(first, last + timedelta(days=1), hourly=first == last)
    return DateRange(first, last + timedelta(days=1), since, until, hourly=until - since <= timedelta(days=1))


def _date(text: str, place: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise QueryError(f"{place} has {text}, which is no date.") from None


def _instant(text: str, place: str) -> datetime:
    """Naive UTC."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise QueryError(f"{place} has {text}, which is no time.") from None


def _local(moment: datetime, zones: SiteZones) -> datetime:
    return moment.astimezone(zones.zone_at(moment))


def _shown(given: Any) -> str:
    text = repr(given)
    return text if len(text) <= 60 else f"{text[:59]}…"
