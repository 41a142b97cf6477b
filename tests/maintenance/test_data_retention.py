"""Retention: whole partitions past their date go, their counts too or not, and never a number that is wrong."""

from datetime import timedelta

import pytest

from mallard.flush.drain import flush
from mallard.maintenance.data_retention import GRACE, DataRetention, retain
from mallard.maintenance.erasure import carry_out, request_erasure
from mallard.maintenance.jobs import MaintenanceJobs
from mallard.maintenance.rollup_builder import build_rollups
from mallard.queue.base import Message
from mallard.sites.settings_store import SiteSettingsStore, site_key
from mallard.table.layout import Partition
from mallard.table.reader import list_days
from mallard.table.rollup import rollup_key
from mallard.table.writer import TableWriter
from support.place import DAYS, NOW, SITE, TODAY, Place, noon_ms
from support.portions import count_each_day_alone
from support.rows import deliveries, event

ONE_DAY = DataRetention(days=1)
KEEPING = DataRetention(days=1, keep_rollups=True)
# One day is kept and two are grace: of four, three and two days ago only the first is past.
PAST = DAYS[0]


def days(place: Place) -> list[object]:
    return list(list_days(place.store, SITE))


def test_retention_deletes_nothing_without_the_setting(place: Place) -> None:
    assert retain(place.store, DataRetention(), NOW + timedelta(days=9999)) == 0
    assert days(place) == DAYS


def test_retention_deletes_whole_partitions_after_a_grace_of_two_days(place: Place) -> None:
    assert retain(place.store, ONE_DAY, NOW) == 3
    assert days(place) == DAYS[1:]
    assert timedelta(days=2) == GRACE


def test_retain_goes_by_the_local_date_when_a_zone_is_behind(place: Place) -> None:
    early = NOW.replace(hour=3)
    SiteSettingsStore(place.store).change(SITE, {"timezone": "America/Los_Angeles"}, NOW, is_new=True)
    assert retain(place.store, ONE_DAY, early) == 0
    assert days(place) == DAYS
    assert retain(place.store, ONE_DAY, early + timedelta(hours=5)) == 3
    assert days(place) == DAYS[1:]


def test_retain_keeps_a_site_whose_settings_are_damaged(place: Place) -> None:
    place.store.put_if_absent(site_key(SITE), b"damaged")
    assert retain(place.store, ONE_DAY, NOW) == 0


def test_retention_deletes_rollups_with_their_events(place: Place) -> None:
    place.build()
    retain(place.store, ONE_DAY, NOW)
    assert place.numbers()["main"]["events"] == 30
    assert place.build() == 0
    retain(place.store, ONE_DAY, NOW + timedelta(days=30))
    assert place.store.get(rollup_key(SITE, TODAY.replace(day=1))) is None


def test_retention_keeps_rollups_when_configured(place: Place) -> None:
    true = place.numbers()
    place.build()
    assert retain(place.store, KEEPING, NOW) == 3
    assert days(place) == DAYS[1:]
    assert place.numbers() == true
    assert place.numbers(period="all")["main"] == true["main"]
    assert place.build() == 0
    assert place.numbers() == true


def test_retention_waits_for_the_rollup_of_a_day_when_rollups_are_kept(place: Place) -> None:
    assert retain(place.store, KEEPING, NOW) == 0
    place.build()
    place.write(PAST, 500)
    assert retain(place.store, KEEPING, NOW) == 0
    place.build()
    assert retain(place.store, KEEPING, NOW) > 0
    assert place.numbers()["main"]["events"] == 41


def test_retention_rebuilds_a_damaged_rollup_before_deleting_its_days(place: Place) -> None:
    place.age(*DAYS)
    place.build()
    key = rollup_key(SITE, TODAY.replace(day=1))
    place.store.delete(key)
    place.store.put_if_absent(key, b"damaged")
    assert retain(place.store, KEEPING, NOW) == 0
    assert place.build() == 3
    assert retain(place.store, KEEPING, NOW) == 3


def test_retention_deletes_a_damaged_rollup_with_its_days(place: Place) -> None:
    key = rollup_key(SITE, TODAY.replace(day=1))
    place.store.put_if_absent(key, b"damaged")
    retain(place.store, ONE_DAY, NOW)
    assert place.store.get(key) is None


def test_numbers_stay_exact_while_segments_of_a_day_are_deleted(place: Place) -> None:
    true = place.numbers()
    place.build()
    for expected in (1, 1, 1, 0):
        assert retain(place.store, KEEPING, NOW, max_deletes=1) == expected
        assert place.numbers() == true
        build_rollups(place.store, place.engine, NOW)
        assert place.numbers() == true


def test_erasure_removes_the_kept_rollup_of_a_deleted_day(place: Place) -> None:
    place.build()
    retain(place.store, KEEPING, NOW)
    carry_out(place.store, request_erasure(place.store, SITE, PAST, PAST, NOW))
    assert place.numbers()["main"]["events"] == 30
    retain(place.store, KEEPING, NOW)
    assert place.numbers()["main"]["events"] == 30


def test_retention_skips_a_site_with_an_erasure_under_way(place: Place) -> None:
    assert retain(place.store, ONE_DAY, NOW, but={SITE}) == 0
    assert days(place) == DAYS


def test_event_of_a_deleted_day_is_a_dead_letter(place: Place) -> None:
    retain(place.store, ONE_DAY, NOW)
    late = Message("1", event(999, date=PAST.isoformat()).to_message())
    report = flush([late], TableWriter(place.store, retention_days=1), NOW)
    assert report.poison == ((late, "expired"),)
    assert not list(place.store.list(Partition(SITE, PAST).prefix))


def test_maintenance_runs_each_job_when_due(place: Place) -> None:
    house = MaintenanceJobs(place.store, place.engine, retention=KEEPING)
    place.store.put_if_absent("salts/site_id=example.com/2026-03-01.json", b"{}")
    first = house.keep(NOW)
    assert (first.salts_deleted, first.days_rolled_up, first.objects_deleted) == (1, 3, 3)
    place.write(DAYS[1], 501)
    place.store.put_if_absent("salts/site_id=example.com/2026-03-02.json", b"{}")
    assert house.keep(NOW + timedelta(minutes=9)).salts_deleted == 0
    later = house.keep(NOW + timedelta(minutes=10))
    assert (later.salts_deleted, later.days_rolled_up) == (1, 0)
    assert house.keep(NOW + timedelta(minutes=60)).days_rolled_up == 1


@pytest.mark.parametrize("turns", [0, 1, 2])
def test_interrupted_maintenance_is_due_again_at_once(
    place: Place, monkeypatch: pytest.MonkeyPatch, turns: int
) -> None:
    count_each_day_alone(monkeypatch)
    house = MaintenanceJobs(place.store, place.engine)
    # Before erasures, salts and rollups, and before the month.
    allowed = iter([True] * (4 + turns))
    done = house.keep(NOW, may_go_on=lambda: next(allowed, False)).days_rolled_up
    assert done == turns
    assert house.keep(NOW + timedelta(minutes=1)).days_rolled_up == 3 - turns


def test_retention_keeps_days_with_spanning_visitors_in_longer_ranges(place: Place) -> None:
    spanning = [event(800, date=PAST.isoformat(), timestamp=noon_ms(PAST), visitor_id=7)]
    TableWriter(place.store, seal_rows=4).append(Partition(SITE, PAST), deliveries(spanning), spans_days=True)
    true = place.numbers()
    place.build()
    assert retain(place.store, KEEPING, NOW) > 0
    assert place.numbers() == true
