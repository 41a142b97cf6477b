"""Changes of a site's zone: every pair of far, near and odd zones, each way, around both midnights."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from mallard.privacy.salts import Salts
from mallard.sites.settings_store import CHANGE_AHEAD, SiteSettingsStore
from mallard.sites.time_zone import UTC_DAYS, SiteZones
from support.memory import MemoryStore

SITE = "example.com"
NAMES = (
    "UTC",
    "Pacific/Auckland",
    "Pacific/Kiritimati",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Los_Angeles",
    "Pacific/Pago_Pago",
    "Etc/GMT+12",
)
DAYS = (
    date(2026, 1, 15),
    date(2026, 7, 15),
    # Clocks change in Auckland and on Lord Howe, in America, and in America once more.
    date(2026, 4, 5),
    date(2026, 10, 4),
    date(2026, 3, 8),
    date(2026, 11, 1),
)
PAIRS = tuple((old, new) for old in NAMES for new in NAMES if old != new)
SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def always(name: str) -> SiteZones:
    return SiteZones(((date.min, name),))


def around(old: str, new: str, day: date) -> Iterator[datetime]:
    """Moments at each side of a date's midnights in both zones, and between them."""
    for name in (old, new):
        midnight = always(name).day_start(day)
        for offset in (-DAY, -CHANGE_AHEAD - SECOND, -CHANGE_AHEAD, -SECOND, timedelta(), SECOND, DAY):
            yield midnight + offset


@pytest.mark.sampled(3, 1)
@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_zone_change_leaves_begun_days_unchanged(old: str, new: str) -> None:
    before = always(old)
    for now in (moment for day in DAYS for moment in around(old, new, day)):
        after = before.with_zone_after(new, before.local_date(now + CHANGE_AHEAD))
        changes_at = before.day_start(after.entries[1][0])
        assert changes_at > now + CHANGE_AHEAD
        for hours in range(-48, 1, 3):
            moment = changes_at - SECOND + hours * timedelta(hours=1)
            assert after.local_date(moment) == before.local_date(moment)


@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("old", NAMES)
def test_zone_change_neither_skips_nor_repeats_a_day(old: str, day: date) -> None:
    for new in set(NAMES) - {old}:
        check_days(always(old).with_zone_after(new, day - DAY), day)


def check_days(zones: SiteZones, day: date) -> None:
    """One change at ``day``: the days about it are in order, none is empty, and each holds its own moments."""
    old, new = zones.entries[0][1], zones.entries[-1][1]
    assert zones.entries[0] == (date.min, old)
    assert zones.entries[-1] in ((day, new), (day + DAY, new))
    starts = [zones.day_start(day + n * DAY) for n in range(-3, 5)]
    assert all(timedelta(hours=2) <= later - earlier <= timedelta(hours=50) for earlier, later in pairwise(starts))
    assert starts[:4] == [always(old).day_start(day + n * DAY) for n in range(-3, 1)]
    assert starts[5:] == [always(new).day_start(day + n * DAY) for n in range(2, 5)]
    for n, (start, end) in enumerate(pairwise(starts), -3):
        for moment in (start, start + (end - start) / 2, end - SECOND):
            assert zones.local_date(moment) == day + n * DAY


@pytest.mark.sampled(8, 3)
@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_hours_of_a_zone_change_follow_the_clock_in_force(old: str, new: str) -> None:
    for day in DAYS:
        zones = always(old).with_zone_after(new, day - DAY)
        for shown in (day - DAY, day, day + DAY, day + 2 * DAY):
            hours = list(zones.hours(shown, shown + DAY))
            moments = [moment for moment, _ in hours] + [zones.day_start(shown + DAY)]
            assert moments[0] == zones.day_start(shown)
            assert all(timedelta() < later - earlier <= timedelta(hours=1.5) for earlier, later in pairwise(moments))
            local = {name: list(always(name).hours(shown - 2 * DAY, shown + 2 * DAY)) for name in (old, new, "UTC")}
            labels = {label for name in local for _, label in local[name]}
            assert {label for _, label in hours} <= labels


def test_zone_change_to_the_east_waits_for_midnight() -> None:
    noon = datetime(2026, 3, 10, 22, tzinfo=UTC)
    zones = UTC_DAYS.with_zone_after("Pacific/Kiritimati", date(2026, 3, 10))
    assert zones.local_date(noon) == date(2026, 3, 10)
    assert zones.local_date(datetime(2026, 3, 11, tzinfo=UTC)) == date(2026, 3, 11)
    assert [label for _, label in zones.hours(date(2026, 3, 11), date(2026, 3, 12))] == [
        f"2026-03-11 {hour}:00" for hour in range(14, 24)
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Pacific/Pago_Pago", "Pacific/Kiritimati"),
        ("Etc/GMT+12", "Pacific/Kiritimati"),
        ("Pacific/Pago_Pago", "Etc/GMT-12"),
    ],
)
def test_zone_change_over_a_whole_day_passes_through_utc(old: str, new: str) -> None:
    day = date(2026, 1, 15)
    zones = always(old).with_zone_after(new, day - DAY)
    assert zones.entries == ((date.min, old), (day, "UTC"), (day + DAY, new))
    assert all(list(zones.hours(day + n * DAY, day + (n + 1) * DAY)) for n in range(-2, 4))
    # Changed back on the day between, and stored settings of an earlier version.
    assert zones.with_zone_after(old, day).entries == ((date.min, old), (day, "UTC"), (day + DAY, old))
    assert SiteZones(((date.min, old), (day, new))) == zones
    assert SiteZones(((date.min, old), (day, new), (day + DAY, old))) == zones.with_zone_after(old, day)


def test_settings_show_the_day_from_which_a_zone_applies() -> None:
    now = datetime(2026, 3, 10, 22, tzinfo=UTC)
    settings = SiteSettingsStore(MemoryStore()).change(SITE, {"timezone": "Pacific/Kiritimati"}, now)
    assert settings.to_api(settings.zones.local_date(now))["timezone_from"] == "2026-03-11"
    assert "timezone_from" not in settings.to_api(settings.zones.local_date(now + timedelta(hours=2)))


@pytest.mark.parametrize(("old", "new"), PAIRS)
def test_salt_lives_from_the_start_of_its_day_to_two_hours_after_its_end(old: str, new: str) -> None:
    salts = Salts(MemoryStore(), b"secret")
    zones = always(old).with_zone_after(new, DAYS[0] - DAY)
    for day in (DAYS[0] - DAY, DAYS[0], DAYS[0] + DAY):
        start, end = zones.day_start(day), zones.day_start(day + DAY)
        found = salts.find(SITE, zones, day, start)
        assert found is not None
        assert salts.find(SITE, zones, day, end + timedelta(hours=2) - SECOND) == found
        assert salts.find(SITE, zones, day, end + timedelta(hours=2)) is None
