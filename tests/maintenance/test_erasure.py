"""Erasing: a site's days are gone everywhere and stay gone, whatever races it, and nothing else is touched."""

import json
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.errors import ErasureError, StoreUnavailableError
from mallard.event import to_ms
from mallard.maintenance.erasure import (
    ALLOWED_SKEW,
    Erasure,
    carry_out,
    delete_old_reports,
    last_erasure_ms,
    open_erasures,
    queue_erasure,
    read_erasure,
    request_erasure,
)
from mallard.maintenance.jobs import MaintenanceJobs
from mallard.maintenance.rollup_builder import build_rollups
from mallard.queue.local import LocalQueue
from mallard.store.base import Store
from mallard.store.local import LocalStore
from mallard.table.append_report import AppendReport
from mallard.table.layout import Partition, aside_key
from mallard.table.rollup import days_of, rollup_key
from mallard.table.writer import TableWriter
from support.damage import KINDS, damage
from support.faults import CrashError, Fault, FaultyStore
from support.place import DAYS, NOW, SITE, TODAY, Place, noon_ms
from support.rollups import decode_rollup
from support.rows import deliveries, event, segments, stored_ids

FIRST, LAST = DAYS[0], DAYS[1]
AFTER_MS = to_ms(NOW + ALLOWED_SKEW) + 1


def erase(store: Store, first: date = FIRST, last: date = LAST, site_id: str = SITE) -> Erasure:
    return carry_out(store, request_erasure(store, site_id, first, last, NOW), clock=lambda: NOW)


def ids(place: Place, day: date, site_id: str = SITE) -> list[int]:
    return stored_ids(place.store, Partition(site_id, day))


def test_erasure_includes_both_dates_and_reports_the_days(place: Place) -> None:
    erasure = erase(place.store)
    assert (erasure.days, erasure.events, erasure.done) == ((FIRST, LAST), 20, True)
    assert [len(ids(place, day)) for day in DAYS] == [0, 0, 10, 10]
    assert place.numbers()["main"]["events"] == 20


def test_erasure_frees_no_segment_name(place: Place) -> None:
    before = {row.key for row in place.store.list("events/")}
    erase(place.store)
    assert before <= {row.key for row in place.store.list("events/")}


def test_erasure_does_not_touch_a_site_with_the_same_prefix(place: Place) -> None:
    place.write(FIRST, 1, 2, site_id="example.com.au")
    place.write(FIRST, 3, site_id="example.co")
    erase(place.store)
    assert ids(place, FIRST, "example.com.au") == [1, 2]
    assert ids(place, FIRST, "example.co") == [3]


def test_erasure_rejects_earlier_accepted_events_and_takes_later_ones(place: Place) -> None:
    erase(place.store)
    day = FIRST.isoformat()
    old = event(1, date=day, accepted_ms=AFTER_MS - 2)
    new = event(901, date=day, accepted_ms=AFTER_MS)
    report = TableWriter(place.store).append(Partition(SITE, FIRST), deliveries([old, new]))
    assert report == AppendReport(written=1, erased=1)
    assert ids(place, FIRST) == [901]


def test_erasure_of_an_empty_day_rejects_late_events(place: Place) -> None:
    empty = FIRST - timedelta(days=1)
    erase(place.store, first=empty, last=empty)
    late = event(1, date=empty.isoformat(), accepted_ms=noon_ms(empty))
    assert TableWriter(place.store).append(Partition(SITE, empty), deliveries([late])) == AppendReport(erased=1)


def test_write_prepared_before_an_erasure_is_discarded(place: Place) -> None:
    store = FaultyStore(place.store)
    old = event(950, date=FIRST.isoformat(), accepted_ms=noon_ms(FIRST))

    def meanwhile() -> None:
        erase(place.store)

    store.before_write.append(meanwhile)
    report = TableWriter(store, sleep=lambda _: None).append(Partition(SITE, FIRST), deliveries([old]))
    assert report == AppendReport(erased=1)
    assert ids(place, FIRST) == []


def test_erasure_mark_is_respected_by_a_warm_writer(place: Place) -> None:
    writer = TableWriter(place.store, sleep=lambda _: None)
    day = FIRST.isoformat()
    writer.append(Partition(SITE, FIRST), deliveries([event(960, date=day, accepted_ms=noon_ms(FIRST))]))
    erase(place.store)
    late = event(961, date=day, accepted_ms=noon_ms(FIRST))
    assert writer.append(Partition(SITE, FIRST), deliveries([late])).erased == 1
    assert ids(place, FIRST) == []


def test_erasure_removes_its_days_from_rollups_and_keeps_others(place: Place) -> None:
    place.build()
    erase(place.store)
    stored = place.store.get(rollup_key(SITE, TODAY.replace(day=1)))
    assert stored is not None
    rows = decode_rollup(stored.data)
    assert rows is not None
    assert set(days_of(rows)) == {DAYS[2]}
    without = place.numbers()
    place.build()
    assert place.numbers() == without


def test_erasure_deletes_a_damaged_rollup(place: Place) -> None:
    place.build()
    key = rollup_key(SITE, TODAY.replace(day=1))
    place.store.delete(key)
    place.store.put_if_absent(key, b"damaged")
    erase(place.store)
    assert place.store.get(key) is None


def test_rollup_build_started_before_an_erasure_cannot_restore_counts(place: Place) -> None:
    store = FaultyStore(place.store)
    engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)

    def meanwhile() -> None:
        erase(place.store)

    store.before_write.append(meanwhile)
    build_rollups(store, engine, NOW)
    engine.close()
    stored = place.store.get(rollup_key(SITE, TODAY.replace(day=1)))
    assert stored is not None
    rows = decode_rollup(stored.data)
    assert rows is not None
    assert set(days_of(rows)) == set()


def test_erasure_finds_segments_missing_from_a_stale_listing(place: Place) -> None:
    store = FaultyStore(place.store)
    key = request_erasure(place.store, SITE, FIRST, FIRST, NOW)
    store.stale.extend([3] * 10)
    assert carry_out(store, key).done
    assert ids(place, FIRST) == []


def test_erasure_deletes_stored_exports(place: Place) -> None:
    place.store.put_if_absent("exports/answer.csv", b"/secret")
    erase(place.store)
    assert place.store.get("exports/answer.csv") is None


def test_erasure_leaves_no_bytes_in_the_data_folder(tmp_path: Path) -> None:
    place = Place(LocalStore(tmp_path))
    with closing(LocalQueue(tmp_path / "queue" / "queue.sqlite")) as queue:
        word = "/a-very-special-path"
        place.write(FIRST, 1, 2, 3, event_name="pageview", hostname=word)
        queue.send([event(4, date=FIRST.isoformat(), accepted_ms=noon_ms(FIRST), pathname=word).to_message()])
        place.build()
        assert any(word.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
        key = request_erasure(place.store, SITE, FIRST, LAST, NOW)
        erasure = carry_out(place.store, key, erase_pending=queue.erase)
        assert (erasure.events, erasure.pending, queue.depth()) == (3, 1, 0)
        assert not [file for file in tmp_path.rglob("*") if file.is_file() and word.encode() in file.read_bytes()]
        assert not [segment for segment in segments(place.store, Partition(SITE, FIRST)) if segment.rows.num_rows]
    place.engine.close()


@pytest.mark.sampled(4, 1)
@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@pytest.mark.parametrize("writes", range(1, 12))
def test_erasure_resumes_after_a_crash_at_any_write(place: Place, fault: Fault, writes: int) -> None:
    place.build()
    store = FaultyStore(place.store)
    key = request_erasure(place.store, SITE, FIRST, LAST, NOW)
    store.faults.extend([Fault.NONE] * (writes - 1) + [fault])
    try:
        carry_out(store, key)
    except CrashError:
        assert [found for found, _ in open_erasures(place.store)] in ([key], [])
    erasure = carry_out(place.store, key)
    assert erasure.done
    assert [len(ids(place, day)) for day in DAYS] == [0, 0, 10, 10]
    assert place.numbers()["main"]["events"] == 20


@pytest.mark.parametrize("fault", [Fault.CONFLICT, Fault.UNAVAILABLE, Fault.LOST_ANSWER])
def test_erasure_is_retried_after_a_store_fault(place: Place, fault: Fault) -> None:
    store = FaultyStore(place.store)
    key = request_erasure(place.store, SITE, FIRST, FIRST, NOW)
    # The first writes are to the request and to the site's record.
    store.faults.extend([Fault.NONE, Fault.NONE, fault])
    assert carry_out(store, key).done
    assert ids(place, FIRST) == []


def test_erasure_stops_when_told_not_to_go_on_and_resumes(place: Place) -> None:
    key = request_erasure(place.store, SITE, FIRST, LAST, NOW)
    turns = iter([True, False])
    half = carry_out(place.store, key, may_go_on=lambda: next(turns))
    assert (half.done, half.days) == (False, (FIRST,))
    whole = carry_out(place.store, key)
    assert (whole.done, whole.days, whole.events) == (True, (FIRST, LAST), 20)


def test_erasure_reports_progress_day_by_day(place: Place) -> None:
    told: list[tuple[date, int]] = []
    key = request_erasure(place.store, SITE, FIRST, DAYS[2], NOW)
    carry_out(place.store, key, progress=lambda day, removed: told.append((day, removed)))
    assert told == [(FIRST, 10), (LAST, 10), (DAYS[2], 10)]


def test_second_erasure_removes_events_accepted_since(place: Place) -> None:
    erase(place.store)
    later = NOW + timedelta(minutes=10)
    place.write(LAST, 970)
    new = event(971, date=FIRST.isoformat(), accepted_ms=AFTER_MS)
    TableWriter(place.store).append(Partition(SITE, FIRST), deliveries([new]))
    key = request_erasure(place.store, SITE, FIRST, LAST, later)
    erasure = carry_out(place.store, key, clock=lambda: later)
    assert (erasure.days, erasure.events) == ((FIRST,), 1)
    assert ids(place, FIRST) == []


def test_erasure_includes_events_accepted_before_it_runs_flushed_or_pending(place: Place) -> None:
    key = request_erasure(place.store, SITE, TODAY, TODAY, NOW)
    later = NOW + timedelta(hours=1)
    flushed, waiting, after = (
        event(number, date=TODAY.isoformat(), accepted_ms=to_ms(moment))
        for number, moment in (
            (980, later - timedelta(minutes=2)),
            (981, later - timedelta(minutes=1)),
            (982, later + ALLOWED_SKEW),
        )
    )
    writer = TableWriter(place.store)
    writer.append(Partition(SITE, TODAY), deliveries([flushed]))
    assert carry_out(place.store, key, clock=lambda: later).events == 11
    assert writer.append(Partition(SITE, TODAY), deliveries([waiting, after])) == AppendReport(written=1, erased=1)
    assert ids(place, TODAY) == [982]


def test_erasure_keeps_events_that_arrive_between_its_runs(place: Place) -> None:
    key = request_erasure(place.store, SITE, FIRST, LAST, NOW)
    turns = iter([True, False])
    carry_out(place.store, key, may_go_on=lambda: next(turns), clock=lambda: NOW)
    new = event(983, date=FIRST.isoformat(), accepted_ms=AFTER_MS)
    TableWriter(place.store).append(Partition(SITE, FIRST), deliveries([new]))
    assert carry_out(place.store, key, clock=lambda: NOW + timedelta(days=1)).done
    assert ids(place, FIRST) == [983]


def test_erasure_request_of_another_version_is_read(place: Place) -> None:
    key = request_erasure(place.store, SITE, FIRST, LAST, NOW)
    stored = place.store.get(key)
    assert stored is not None
    found = json.loads(stored.data)
    del found["begun"]
    place.store.put_if_match(key, json.dumps({**found, "why": "unknown here"}).encode(), stored.etag)
    assert carry_out(place.store, key).days == (FIRST, LAST)


def test_unbuilt_rollup_of_another_day_is_built_after_an_erasure(place: Place) -> None:
    place.build()
    place.write(LAST, 984)
    place.age(LAST)
    erase(place.store, TODAY, TODAY)
    assert place.build() == 1


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        (LAST, FIRST, "must not be before start_date"),
        (date(2010, 1, 1), LAST, "may span 3660"),
        (FIRST, TODAY + timedelta(days=2), "must not be in the future"),
    ],
)
def test_erasure_of_an_invalid_range_is_refused(place: Place, first: date, last: date, sentence: str) -> None:
    with pytest.raises(ErasureError, match=sentence):
        request_erasure(place.store, SITE, first, last, NOW)


def test_queued_erasure_names_the_days_and_runs_at_the_next_maintenance(place: Place) -> None:
    queued = queue_erasure(place.store, SITE, FIRST - timedelta(days=5), LAST, NOW)
    assert (queued.days, queued.done) == ((FIRST, LAST), False)
    dropped: list[bool] = []
    house = MaintenanceJobs(place.store, place.engine, after_erasure=lambda: dropped.append(True))
    assert house.keep(NOW).erasures == 1
    assert (ids(place, FIRST), dropped, list(open_erasures(place.store))) == ([], [True], [])


def test_erasure_report_is_kept_for_a_month(place: Place) -> None:
    key = request_erasure(place.store, SITE, FIRST, FIRST, NOW)
    carry_out(place.store, key, clock=lambda: NOW)
    delete_old_reports(place.store, NOW + timedelta(days=29))
    assert read_erasure(place.store, key).events == 10
    delete_old_reports(place.store, NOW + timedelta(days=31))
    assert place.store.get(key) is None


def test_open_erasures_names_a_damaged_request_and_gives_the_others(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.store.put_if_absent("config/erasures/1.json", b"{}")
    key = request_erasure(place.store, SITE, FIRST, LAST, NOW)
    assert [found for found, _ in open_erasures(place.store)] == [key]
    assert "config/erasures/1.json does not hold what it should" in caplog.text
    with pytest.raises(StoreUnavailableError, match=r"config/erasures/1\.json does not hold what it should"):
        carry_out(place.store, "config/erasures/1.json")


@pytest.mark.parametrize("kind", KINDS)
def test_carry_out_erases_damaged_days_and_files_set_aside_by_a_repair(place: Place, kind: str) -> None:
    damage(place.store, Partition(SITE, FIRST).segment(0), kind)
    aside, other = (aside_key(Partition(SITE, day).segment(0), "1") for day in (LAST, DAYS[2]))
    for each in (aside, other):
        place.store.put_if_absent(each, b"visitors")
    key = request_erasure(place.store, SITE, FIRST, LAST, NOW)
    erasure = carry_out(place.store, key, sleep=lambda _: None)
    assert (erasure.done, erasure.days, erasure.events, erasure.damaged) == (True, (FIRST, LAST), 16, 1)
    assert (place.store.get(aside), place.store.get(other) is not None) == (None, True)


def test_last_erasure_ms_is_the_latest_request_of_the_day(place: Place) -> None:
    assert last_erasure_ms(place.store, Partition(SITE, FIRST)) is None
    erase(place.store)
    assert last_erasure_ms(place.store, Partition(SITE, FIRST)) == AFTER_MS - 1
    assert last_erasure_ms(place.store, Partition("other.example", FIRST)) is None


def test_erasure_by_two_processes_completes_one_request(place: Place) -> None:
    key = request_erasure(place.store, SITE, FIRST, LAST, NOW)
    store = FaultyStore(place.store)

    def meanwhile() -> None:
        assert carry_out(place.store, key).events == 20

    store.before_write.append(meanwhile)
    erasure = carry_out(store, key)
    assert (erasure.done, erasure.days, erasure.events) == (True, (FIRST, LAST), 20)
