"""Reports of a range cost the same, however many older days a site has: counted in listed keys and listings."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.engine.request_snapshot import one_snapshot
from mallard.maintenance.data_retention import DataRetention, retain
from mallard.maintenance.erasure import Erasure
from mallard.reports.preset_counts import count_presets
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.comparison import earlier
from mallard.stats.date_range import read_period
from mallard.stats.query import Query
from mallard.store.base import Listed, Stored
from mallard.store.local import LocalStore
from mallard.table.layout import Partition, site_prefix
from mallard.table.rollup import rollup_key, rollup_prefix
from support.open_access import auth_off, one_address
from support.place import NOW, SITE, TODAY, Place

YEARS = 3
WEEK = read_period("7d", None, None, NOW)


class ListingStore(LocalStore):
    """Notes each listing of the table and of rollups, and how many keys it gave; and all requests."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.listings: list[tuple[str, int]] = []
        self.requests: list[str] = []

    def get(self, key: str) -> Stored | None:
        self.requests.append(f"GET {key}")
        return super().get(key)

    def pin(self, key: str, folder: Path) -> Path | None:
        self.requests.append(f"GET {key}")
        return super().pin(key, folder)

    def list_folders(self, prefix: str) -> Iterator[str]:
        self.requests.append(f"LIST {prefix}")
        return super().list_folders(prefix)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        rows = [*super().list(prefix, start_after=start_after)]
        self.listings.append((prefix.partition("/")[0], len(rows)))
        self.requests.append(f"LIST {prefix}")
        return iter(rows)

    def of_table(self) -> int:
        return sum(kind == "events" for kind, _ in self.listings)

    def keys(self) -> int:
        return sum(count for _, count in self.listings)


def with_history(folder: Path, days: int) -> ListingStore:
    """Two weeks of events, and so many older days that no report of the last month may open."""
    store = ListingStore(folder)
    place = Place(store)
    for number in range(14):
        place.write(TODAY - timedelta(days=number), number * 4 + 1, number * 4 + 2)
    place.engine.close()
    for number in range(60, days):
        day = TODAY - timedelta(days=number)
        store.put_if_absent(Partition(SITE, day).segment(0), b"not to be read")
        if day.day == 1:
            store.put_if_absent(rollup_key(SITE, day), b"not to be read either")
    store.listings.clear()
    return store


def engine_over(store: LocalStore) -> DuckDBEngine:
    return DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> tuple[ListingStore, ListingStore]:
    """A site of some weeks, and one of three years."""
    folder = tmp_path_factory.mktemp("history")
    return with_history(folder / "young", 60), with_history(folder / "old", YEARS * 365)


def listed_keys(store: ListingStore, ask: str) -> int:
    engine = engine_over(store)
    store.listings.clear()
    stats, scope = Stats(engine, NOW), Scope(SITE, WEEK)
    if ask == "comparison":
        scope = replace(scope, before=earlier(WEEK, "previous_period"))
    with one_snapshot():
        if ask == "live card":
            assert stats.current_visitors(SITE) == 0
        else:
            assert stats.overview(scope).main["events"] == 14
    engine.close()
    return store.keys()


@pytest.mark.parametrize("ask", ["overview", "comparison", "live card"])
def test_report_lists_no_more_keys_when_history_is_long(stores: tuple[ListingStore, ListingStore], ask: str) -> None:
    young, old = stores
    assert listed_keys(old, ask) == listed_keys(young, ask) > 0


def test_live_card_lists_two_days(stores: tuple[ListingStore, ListingStore]) -> None:
    _, old = stores
    # And the day before, as for every range.
    assert listed_keys(old, "live card") <= 3


class RemoteStore(ListingStore):
    """A folder whose segments are copied once, as those of a bucket are: the ETag of an object is its version."""

    def get(self, key: str) -> Stored | None:
        stored = super().get(key)
        return stored and replace(stored, etag=next(LocalStore.list(self, key)).version)

    @property
    def pins_are_cheap(self) -> bool:
        return False


def with_rollups(folder: Path) -> RemoteStore:
    """The last days and the first of three years, with the same events each, and their rollups."""
    store = LocalStore(folder)
    place = Place(store)
    place.write(TODAY, 1, 2)
    some = store.get(Partition(SITE, TODAY).segment(0))
    assert some
    for number in [*range(1, 70), *range(YEARS * 365 - 10, YEARS * 365)]:
        key = Partition(SITE, TODAY - timedelta(days=number)).segment(0)
        store.put_if_absent(key, some.data)
        # Else it could have events of the last minutes.
        place.touch(key, NOW - timedelta(days=number))
    place.build()
    place.engine.close()
    return RemoteStore(folder)


def test_dashboard_of_a_long_history_takes_few_requests(tmp_path: Path) -> None:
    store = with_rollups(tmp_path)
    engine = engine_over(store)
    stats, scope = Stats(engine, NOW), Scope(SITE, read_period("30d", None, None, NOW))

    def requests() -> list[str]:
        store.requests.clear()
        with one_snapshot():
            assert stats.overview(scope).counted["rollup_days"] == 29
        return store.requests

    assert len(requests()) == 6, store.requests
    assert len(requests()) == 2, store.requests
    engine.close()


@pytest.mark.parametrize("retained_days", [None, 60])
def test_first_date_takes_three_requests(tmp_path: Path, retained_days: int | None) -> None:
    store = with_rollups(tmp_path)
    if retained_days:
        assert retain(LocalStore(tmp_path), DataRetention(retained_days, keep_rollups=True), NOW)
    place = Place(store)
    store.requests.clear()
    assert place.engine.first_date(SITE, TODAY) == TODAY - timedelta(days=YEARS * 365 - 1)
    assert len(store.requests) == 3, store.requests
    store.requests.clear()
    assert place.engine.first_date(SITE, TODAY)
    assert len(store.requests) == 2, store.requests
    place.engine.close()


def never_erased(site_id: str, first: date, last: date) -> Erasure:
    raise AssertionError((site_id, first, last))


def test_request_lists_the_table_once_when_it_compares(stores: tuple[ListingStore, ListingStore]) -> None:
    _, old = stores
    engine = engine_over(old)
    app = create_app(
        engine=lambda: engine,
        sites=lambda: [SITE],
        clock=lambda: NOW,
        erase=never_erased,
        auth=auth_off(),
        address_of=one_address,
    )
    old.listings.clear()
    asked = {"site_id": SITE, "period": "7d", "compare": "previous_period"}
    found = TestClient(app).get("/api/stats/overview", params=asked).json()
    engine.close()
    assert found["main"]["comparison"]["events"] == 14
    assert old.of_table() == 1


def test_damaged_rollup_is_told_only_where_events_may_be_gone(tmp_path: Path) -> None:
    """The range begins before its first events, and the history goes back further: nothing can be gone."""
    store = LocalStore(tmp_path)
    place = Place(store)
    place.write(TODAY - timedelta(days=90), 1)
    place.write(TODAY, 2)
    store.put_if_absent(rollup_key(SITE, TODAY.replace(day=1)), b"damaged")
    assert [*store.list(rollup_prefix(SITE))]
    answer = count_presets(place.engine, [week_query()])
    assert answer.omitted == ()
    for row in [*store.list(f"{site_prefix(SITE)}date={TODAY - timedelta(days=90)}")]:
        store.delete(row.key)
    assert [each.file for each in count_presets(place.engine, [week_query()]).omitted] == [
        rollup_key(SITE, TODAY.replace(day=1))
    ]
    place.engine.close()


def week_query() -> Query:
    return Query(SITE, WEEK, ("visitors",))
