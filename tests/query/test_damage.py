"""Damaged files in the range of a question: other days answer, the answer says what is left out, and exports fail."""

import os
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.engine.base import PENDING
from mallard.engine.duckdb.damaged_files import DamagedFiles
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.omitted_files import OmittedSegment, noting
from mallard.errors import DamagedSegmentError, StoreUnavailableError
from mallard.maintenance.erasure import Erasure
from mallard.reports.behaviour.sessions import count_sessions
from mallard.reports.report_export import Export, download
from mallard.reports.standard_reports import Scope, Stats
from mallard.sites.time_zone import SiteZones
from mallard.stats.date_range import read_period
from mallard.stats.filters import Leaf
from mallard.store.base import Listed, Store, Stored
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.reader import list_days
from mallard.table.rollup import rollup_key
from mallard.table.segment_repair import damaged_in, set_aside
from mallard.table.visits_file import visits_key
from support.damage import KINDS, damage, silently_changed
from support.moto import moto_server
from support.open_access import auth_off, one_address
from support.place import DAYS, NOW, SITE, TODAY, Place, spoil
from support.s3 import Server

WEEK = Scope(SITE, read_period("7d", None, None, NOW))
FILTERED = Scope(SITE, read_period("7d", None, None, NOW), Leaf("is", "event:page", ("/1", "/2", "/3", "/0")))
DAY = DAYS[1]
SEALED, TAIL = Partition(SITE, DAY).segment(0), Partition(SITE, DAY).segment(1)
PLACES = {"sealed": (SEALED, 4), "tail": (TAIL, 2)}
"""Of six events of a day four are sealed."""


@pytest.fixture(scope="module")
def bucket() -> Iterator[Server]:
    with moto_server() as address:
        yield Server(address)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Place]:
    place = _filled(LocalStore(tmp_path))
    with closing(place.engine):
        yield place


def _filled(store: Store) -> Place:
    place = Place(store)
    for number, day in enumerate(DAYS):
        place.write(day, *range(number * 10 + 1, number * 10 + 7))
    return place


def pageviews(place: Place, scope: Scope = WEEK) -> tuple[int, list[OmittedSegment]]:
    with noting() as omitted:
        found = Stats(place.engine, NOW).main(scope)["total_pageviews"]
    return int(found), sorted(omitted)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
def test_report_omits_a_damaged_file_and_names_it(local: Place, kind: str, place: str) -> None:
    key, rows = PLACES[place]
    assert pageviews(local) == (24, [])
    damage(local.store, key, kind)
    for scope in (WEEK, FILTERED):
        assert pageviews(local, scope) == (24 - rows, [OmittedSegment(DAY, key)])
    with noting() as omitted:
        count_sessions(Stats(local.engine, NOW), WEEK)
    assert omitted == {OmittedSegment(DAY, key)}


@pytest.mark.parametrize("kind", ["cut", "foreign", "data"])
def test_report_over_a_bucket_omits_a_damaged_file(bucket: Server, kind: str) -> None:
    place = _filled(bucket.new_store())
    with closing(place.engine):
        damage(place.store, TAIL, kind)
        assert pageviews(place) == (22, [OmittedSegment(DAY, TAIL)])
        assert pageviews(place, FILTERED) == (22, [OmittedSegment(DAY, TAIL)])


@pytest.mark.heavy
@pytest.mark.sampled(3, 0)
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pinned", [True, False])
def test_report_over_a_bucket_omits_any_damaged_file(bucket: Server, kind: str, place: str, pinned: bool) -> None:
    key, rows = PLACES[place]
    found = _filled(bucket.new_store())
    # A range that does not fit into the cache is read where it lies.
    room = patch("mallard.table.segment_cache.SegmentCache.has_room_for", lambda *_: pinned)
    with closing(found.engine), room:
        damage(found.store, key, kind)
        for scope in (WEEK, FILTERED):
            assert pageviews(found, scope) == (24 - rows, [OmittedSegment(DAY, key)])
        with noting() as omitted:
            count_sessions(Stats(found.engine, NOW), WEEK)
        assert omitted == {OmittedSegment(DAY, key)}


@pytest.mark.heavy
@pytest.mark.parametrize("pinned", [True, False])
def test_export_over_a_bucket_fails_for_a_foreign_file(bucket: Server, pinned: bool) -> None:
    place = _filled(bucket.new_store())
    room = patch("mallard.table.segment_cache.SegmentCache.has_room_for", lambda *_: pinned)
    damage(place.store, TAIL, "foreign")
    with closing(place.engine), room, pytest.raises(DamagedSegmentError, match=TAIL):
        list(download(Stats(place.engine, NOW), Export(WEEK, "events")).pieces)


@pytest.mark.parametrize("kind", ["cut", "footer"])
def test_damaged_file_version_is_examined_once(local: Place, kind: str) -> None:
    damage(local.store, SEALED, kind)
    pageviews(local)
    with patch.object(DamagedFiles, "_reason", side_effect=AssertionError):
        assert pageviews(local, FILTERED) == (20, [OmittedSegment(DAY, SEALED)])


def test_report_is_complete_again_once_the_file_is(local: Place) -> None:
    good = damage(local.store, TAIL, "cut")
    assert pageviews(local)[0] == 22
    held = local.store.get(TAIL)
    assert held is not None
    local.store.put_if_match(TAIL, good, held.etag)
    assert pageviews(local) == (24, [])


def test_report_after_a_repair_has_no_note(local: Place) -> None:
    damage(local.store, TAIL, "cut")
    for each in list(damaged_in(local.store, Partition(SITE, DAY))):
        set_aside(local.store, each)
    assert pageviews(local) == (22, [])


def test_cached_incomplete_result_is_never_returned_as_complete(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    _filled(store).engine.close()
    nothing = PENDING.empty_table()
    with closing(DuckDBEngine(store, lambda _: nothing, memory_mb=256, threads=1, cache_seconds=60)) as engine:
        stats = Stats(engine, NOW)
        good = damage(store, TAIL, "cut")
        for _ in range(3):
            with noting() as omitted:
                assert stats.main(WEEK)["total_pageviews"] == 22
            assert omitted == {OmittedSegment(DAY, TAIL)}
        held = store.get(TAIL)
        assert held is not None
        store.put_if_match(TAIL, good, held.etag)
        with noting() as omitted:
            assert stats.main(WEEK)["total_pageviews"] == 24
        assert omitted == set()


def test_waiting_events_of_a_damaged_day_are_counted(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    place = _filled(store)
    place.engine.close()
    damage(store, TAIL, "empty")
    waiting = [
        {"date": DAY, "event_id": number, "visitor_id": number, "timestamp": NOW.replace(tzinfo=None) - (TODAY - DAY)}
        for number in (901, 902)
    ]
    pending = pa.Table.from_pylist([{**each, "event_name": "pageview"} for each in waiting], schema=PENDING)
    with closing(DuckDBEngine(store, lambda _: pending, memory_mb=256, threads=1)) as engine, noting() as omitted:
        assert Stats(engine, NOW).main(WEEK)["total_pageviews"] == 24
    assert omitted == {OmittedSegment(DAY, TAIL)}


@pytest.mark.parametrize("what", ["days", "events"])
def test_export_fails_when_a_file_is_damaged(local: Place, what: str) -> None:
    damage(local.store, TAIL, "data")
    with pytest.raises(DamagedSegmentError, match=TAIL):
        list(download(Stats(local.engine, NOW), Export(WEEK, what)).pieces)
    other = Scope(SITE, read_period(None, TODAY.isoformat(), (TODAY + timedelta(days=1)).isoformat(), NOW))
    assert list(download(Stats(local.engine, NOW), Export(other, what)).pieces)


def test_rollup_and_visits_answer_for_a_silently_damaged_file(local: Place) -> None:
    local.build()
    local.engine.close()
    path = Path(local.store.location(SEALED))
    facts, data = path.stat(), path.read_bytes()
    path.write_bytes(KINDS["data"](data))
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    local.engine = DuckDBEngine(local.store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
    assert pageviews(local) == (24, [])
    assert pageviews(local, FILTERED) == (24, [])
    kept = local.store.get(visits_key(SITE, DAY))
    assert kept is not None
    local.store.delete(visits_key(SITE, DAY))
    assert pageviews(local, FILTERED) == (20, [OmittedSegment(DAY, SEALED)])
    local.store.put_if_absent(visits_key(SITE, DAY), kept.data)
    # Also where the damage is known.
    assert pageviews(local, FILTERED) == (24, [])


@pytest.mark.sampled(3, 1)
@pytest.mark.parametrize("kind", [*KINDS, "silent"])
def test_rollups_are_built_for_undamaged_days_only(local: Place, kind: str) -> None:
    with patch.dict(KINDS, silent=silently_changed):
        good = damage(local.store, SEALED, kind)
    assert local.build() == 3
    assert sorted(local.engine._rollups.read(SITE, list_days(local.store, SITE), WEEK.period, _zones(local)).dates) == [
        DAYS[0],
        DAYS[2],
    ]
    assert pageviews(local) == (20, [OmittedSegment(DAY, SEALED)])
    held = local.store.get(SEALED)
    assert held is not None
    local.store.put_if_match(SEALED, good, held.etag)
    local.delete_rollups()
    local.build()
    assert pageviews(local) == (24, [])


def _zones(place: Place) -> SiteZones:
    return place.engine.zones(SITE)


class _Swapped(LocalStore):
    """Every look finds a damaged file, and another version of it is listed afterwards."""

    def get(self, key: str) -> Stored | None:
        return Stored(b"half", "1")


def test_examine_does_not_report_a_file_replaced_meanwhile(local: Place, tmp_path: Path) -> None:
    rows = list(local.store.list(TAIL))
    stale = [Listed(row.key, "another", row.size_bytes) for row in rows]
    found = DamagedFiles(_Swapped(tmp_path))
    assert not found.examine(stale)
    assert found.examine(rows)
    assert found.files() == [TAIL]


class _Away(LocalStore):
    def get(self, key: str) -> Stored | None:
        raise StoreUnavailableError("gone for lunch")


def test_examine_distinguishes_an_unavailable_store_from_damage(local: Place, tmp_path: Path) -> None:
    found = DamagedFiles(_Away(tmp_path))
    with pytest.raises(StoreUnavailableError, match="gone for lunch"):
        found.examine(list(local.store.list(TAIL)))
    assert found.files() == []


def test_examine_reads_a_version_again_after_a_while_only(local: Place) -> None:
    now = [0.0]
    found = DamagedFiles(local.store, clock=lambda: now[0])
    rows = list(local.store.list(TAIL))
    assert not found.examine(rows)
    spoil(Path(local.store.location(TAIL)))
    assert not found.examine(rows)
    now[0] = 601
    assert found.examine(rows)


def test_log_names_a_damaged_file_once_with_its_day(local: Place, caplog: pytest.LogCaptureFixture) -> None:
    damage(local.store, SEALED, "empty")
    pageviews(local)
    pageviews(local, FILTERED)
    lines = [each for each in caplog.messages if SEALED in each]
    assert lines == [
        f"{SEALED} is damaged (it is empty): answers that need {DAY} leave it out; `mallard repair` sets it aside"
    ]


def _no_erasure(*_: object) -> Erasure:
    raise AssertionError


@pytest.fixture
def client(local: Place) -> TestClient:
    app = create_app(
        engine=lambda: local.engine,
        sites=lambda: [SITE],
        clock=lambda: NOW,
        erase=_no_erasure,
        auth=auth_off(),
        address_of=one_address,
    )
    return TestClient(app, raise_server_exceptions=False)


NOTE = [{"date": DAY.isoformat(), "file": TAIL}]
LISTS = ("timeseries", "breakdown/pages", "breakdown/browsers", "sessions", "retention", "funnel?steps=page:/1")


def test_objects_carry_incomplete_and_every_answer_the_header(local: Place, client: TestClient) -> None:
    asked = {"site_id": SITE, "period": "7d"}
    for path in ("main", "overview"):
        assert "incomplete" not in client.get(f"/api/stats/{path}", params=asked).json()
    damage(local.store, TAIL, "cut")
    for path in ("main", "overview"):
        assert client.get(f"/api/stats/{path}", params=asked).json()["incomplete"] == NOTE
    for path in ("main", "overview", *LISTS):
        name, _, steps = path.partition("?steps=")
        answer = client.get(f"/api/stats/{name}", params=asked | ({"steps": steps} if steps else {}))
        assert (answer.status_code, answer.headers["x-mallard-incomplete"]) == (200, DAY.isoformat())
        again = client.get(answer.request.url, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status_code, again.headers["x-mallard-incomplete"]) == (304, DAY.isoformat())
    whole = client.get("/api/stats/main", params={"site_id": SITE, "period": "today"})
    assert "x-mallard-incomplete" not in whole.headers


@pytest.mark.parametrize("what", ["days", "events"])
def test_export_is_503_with_the_name_of_the_damaged_file(local: Place, client: TestClient, what: str) -> None:
    damage(local.store, TAIL, "cut")
    answer = client.get("/api/stats/export", params={"site_id": SITE, "period": "7d", "what": what})
    assert answer.status_code == 503
    assert TAIL in answer.json()["error"]
    assert "mallard repair" in answer.json()["error"]


def test_damaged_rollup_is_named_when_it_may_hold_deleted_days(local: Place) -> None:
    local.build()
    key = rollup_key(SITE, TODAY.replace(day=1))
    held = local.store.get(key)
    assert held is not None
    local.store.put_if_match(key, b"damaged", held.etag)
    later = Scope(SITE, read_period(None, DAYS[0].isoformat(), (TODAY + timedelta(days=1)).isoformat(), NOW))
    assert pageviews(local, later) == (24, [])
    assert pageviews(local) == (24, [OmittedSegment(TODAY - timedelta(days=6), key)])
    for row in list(local.store.list(Partition(SITE, DAYS[0]).prefix)):
        local.store.delete(row.key)
    assert pageviews(local, later) == (18, [OmittedSegment(DAYS[0], key)])
