"""Local dates: without gaps, in order, whatever zone a site has and changes to."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.sites.time_zone import UTC_DAYS, SiteZones

NAMES = sorted(available_timezones() - {"localtime"})
BERLIN = SiteZones(((date.min, "Europe/Berlin"),))

zones = st.builds(
    lambda first, changes: SiteZones(((date.min, first), *sorted(dict(changes).items()))),
    st.sampled_from(NAMES),
    st.lists(
        st.tuples(st.dates(date(2026, 1, 2), date(2026, 12, 30)), st.sampled_from(NAMES)),
        max_size=2,
        unique_by=lambda each: each[0],
    ),
)
days = st.dates(date(2025, 12, 25), date(2027, 1, 5))


@given(zones, days)
def test_day_ends_at_the_start_of_the_next_day(site: SiteZones, day: date) -> None:
    start, end = site.day_start(day), site.day_start(day + timedelta(days=1))
    assert start < end
    assert site.local_date(start) == day
    assert site.local_date(end - timedelta(microseconds=1)) == day
    assert site.local_date(start - timedelta(microseconds=1)) == day - timedelta(days=1)


@given(zones, days)
def test_hours_cover_a_day_without_gaps(site: SiteZones, day: date) -> None:
    hours = list(site.hours(day, day + timedelta(days=1)))
    assert hours[0][0] == site.day_start(day)
    moments = [moment for moment, _ in hours] + [site.day_start(day + timedelta(days=1))]
    assert all(timedelta() < after - before <= timedelta(hours=1, minutes=30) for before, after in pairwise(moments))
    # On the day of a change the clock may have moved to another date's label.
    changed = {first for first, _ in site.entries}
    if not changed & {day, day + timedelta(days=1)}:
        assert {label[:10] for _, label in hours} == {day.isoformat()}


@given(zones, days, st.integers(2, 9))
def test_hours_of_several_days_are_the_hours_of_each_day(site: SiteZones, day: date, count: int) -> None:
    each = [hour for n in range(count) for hour in site.hours(day + timedelta(days=n), day + timedelta(days=n + 1))]
    assert list(site.hours(day, day + timedelta(days=count))) == each


def test_hours_repeat_when_the_clock_goes_back_and_skip_when_it_goes_forward() -> None:
    back = [label for _, label in BERLIN.hours(date(2026, 10, 25), date(2026, 10, 26))]
    assert len(back) == 25
    assert back.count("2026-10-25 02:00") == 2
    forward = [label for _, label in BERLIN.hours(date(2026, 3, 29), date(2026, 3, 30))]
    assert len(forward) == 23
    assert "2026-03-29 02:00" not in forward


def test_utc_is_the_default() -> None:
    assert UTC_DAYS.local_date(datetime(2026, 3, 10, 23, 59, tzinfo=UTC)) == date(2026, 3, 10)
    assert UTC_DAYS.day_start(date(2026, 3, 10)) == datetime(2026, 3, 10, tzinfo=UTC)


def test_zone_change_applies_from_tomorrow_and_not_to_begun_days() -> None:
    today = date(2026, 3, 10)
    changed = UTC_DAYS.with_zone_after("Europe/Berlin", today)
    assert changed.entries == ((date.min, "UTC"), (date(2026, 3, 11), "Europe/Berlin"))
    assert changed.name_on(today) == "UTC"
    # A second change before the first holds replaces it.
    assert changed.with_zone_after("Asia/Tokyo", today).entries == (
        (date.min, "UTC"),
        (date(2026, 3, 11), "Asia/Tokyo"),
    )
    assert changed.with_zone_after("UTC", today) == UTC_DAYS
    assert changed.with_zone_after("Europe/Berlin", date(2026, 3, 11)) == changed


@pytest.mark.parametrize(
    ("name", "hours"), [("Asia/Tokyo", 15), ("America/Los_Angeles", 32), ("UTC", 24), ("Pacific/Kiritimati", 10)]
)
def test_zone_change_shortens_the_day_before_or_lengthens_the_first_day(name: str, hours: int) -> None:
    changed = UTC_DAYS.with_zone_after(name, date(2026, 1, 9))
    before = changed.day_start(date(2026, 1, 10)) - changed.day_start(date(2026, 1, 9))
    first = changed.day_start(date(2026, 1, 11)) - changed.day_start(date(2026, 1, 10))
    assert timedelta(hours=hours) in (before, first)


@given(zones, days, st.integers(0, 86_399))
def test_hour_start_agrees_with_hours(site: SiteZones, day: date, second: int) -> None:
    moment = min(
        site.day_start(day) + timedelta(seconds=second), site.day_start(day + timedelta(days=1)) - timedelta(seconds=1)
    )
    starts = [start for start, _ in site.hours(day, day + timedelta(days=1)) if start <= moment]
    assert site.hour_start(moment) == starts[-1]
    assert site.local_date(site.hour_start(moment)) == day


def test_hour_start_follows_a_clock_set_back_by_half_an_hour() -> None:
    howe = SiteZones(((date.min, "Australia/Lord_Howe"),))
    # At 15:00 in UTC 2:00 becomes 1:30.
    begins = [(14, 59, 14, 0), (15, 0, 15, 0), (15, 29, 15, 0), (15, 30, 15, 30), (16, 29, 15, 30), (16, 30, 16, 30)]
    for hour, minute, begin_hour, begin_minute in begins:
        found = howe.hour_start(datetime(2026, 4, 4, hour, minute, tzinfo=UTC))
        assert (found.hour, found.minute) == (begin_hour, begin_minute)


def test_hours_end_where_midnight_is_within_a_minute() -> None:
    liberia = SiteZones(((date.min, "Africa/Monrovia"),))
    day, past = date(1971, 3, 1), timedelta(minutes=44, seconds=30)
    hours = list(islice(liberia.hours(day, day + timedelta(days=1)), 25))
    assert [moment for moment, _ in hours] == [
        datetime(1971, 3, 1, tzinfo=UTC) + past + number * timedelta(hours=1) for number in range(24)
    ]
