"""What an overview asks of a bucket: how many requests, cold and warm, and that what is kept is never an old answer."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb import visits_reader
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.erasure import carry_out, request_erasure
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import OverviewReport, Scope, Stats
from mallard.stats.date_range import read_period
from mallard.stats.filters import Leaf
from mallard.store.s3 import S3Store, connect
from support.memory import MemoryStore
from support.moto import moto_server
from support.place import NOW, SITE, TODAY, Place
from support.proxy import Proxy, proxy
from support.s3 import Server

DAYS = 30
PAGE = Leaf("is", "event:page", ("/1",))
MONTH = Scope(SITE, read_period("30d", None, None, NOW))
PAGES = Scope(SITE, read_period("30d", None, None, NOW), PAGE)

LISTINGS = 3
"""The events twice, for the range and for who is here now, and the rollups."""

FILTERED = LISTINGS + 1
"""And the visits."""

SETTINGS = 1
MONTHS = 2


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Proxy, Server]]:
    with moto_server() as address, proxy(address) as between:
        yield between, Server(address)


@pytest.fixture(scope="module")
def table() -> dict[str, bytes]:
    """The objects of thirty days, each one growing segment."""
    store = MemoryStore()
    place = Place(store)
    with closing(place.engine):
        for back in range(DAYS):
            place.write(TODAY - timedelta(days=back), *range(back * 10 + 1, back * 10 + 4))
    return store.objects


@pytest.fixture
def bucket(server: tuple[Proxy, Server], table: dict[str, bytes], tmp_path: Path) -> tuple[Proxy, S3Store]:
    """The table in a bucket; requests over the proxy are counted."""
    between, direct = server
    name = direct.new_bucket()
    for key, data in table.items():
        direct.client.put_object(Bucket=name, Key=key, Body=data)
    store = connect(f"s3://{name}", endpoint=between.address, kind=OwnScratch)
    assert isinstance(store, OwnScratch)
    store.own = tmp_path
    return between, store


class OwnScratch(S3Store):
    """Its temporary files lie where no other test's do."""

    own: Path

    @property
    def scratch(self) -> Path:
        return self.own


class Reader:
    """Looks over a bucket and says what each look asked of it."""

    def __init__(self, between: Proxy, store: S3Store) -> None:
        self.between, self.store = between, store
        self.engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=2)

    def look(self, scope: Scope = MONTH) -> tuple[OverviewReport, int]:
        """The overview, and the number of requests."""
        before = self.between.counts.total()
        found = Stats(self.engine, NOW).overview(scope)
        return found, self.between.counts.total() - before


@pytest.fixture
def reader(bucket: tuple[Proxy, S3Store]) -> Iterator[Reader]:
    found = Reader(*bucket)
    with closing(found.engine):
        yield found


def roll_up(store: S3Store) -> None:
    with closing(DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=2)) as engine:
        # A day is closed some hours after its midnight: all but today, yesterday perhaps.
        assert build_rollups(store, engine, NOW).days >= DAYS - 2


@pytest.mark.heavy
def test_month_from_rollups_takes_few_requests_cold_and_listings_warm(reader: Reader) -> None:
    roll_up(reader.store)
    found, cold = reader.look()
    assert found.main["total_pageviews"] == 3 * DAYS
    assert found.counted["rollup_days"] >= DAYS - 2
    tails = found.counted["files"] + 1
    assert cold <= SETTINGS + LISTINGS + MONTHS + tails <= 40
    again, warm = reader.look()
    assert again.main == found.main
    assert warm <= LISTINGS


@pytest.mark.heavy
def test_month_from_visits_takes_one_request_per_day_cold_and_listings_warm(reader: Reader) -> None:
    roll_up(reader.store)
    found, cold = reader.look(PAGES)
    assert found.counted["visit_days"] >= DAYS - 2
    # The events of yesterday tell who is here now.
    assert cold <= SETTINGS + FILTERED + MONTHS + DAYS + 1
    again, warm = reader.look(PAGES)
    assert again.main == found.main
    assert warm <= FILTERED


@pytest.mark.heavy
def test_only_visits_of_the_latest_days_are_fetched_over_the_bound(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    roll_up(reader.store)
    all_days, _ = reader.look(PAGES)
    last = max(reader.store.list("visits/"), key=lambda row: row.key)
    monkeypatch.setattr(visits_reader, "MAX_FETCHED_BYTES", last.size_bytes)
    found, _ = reader.look(PAGES)
    assert found.counted["visit_days"] == 1
    assert (found.main, found.breakdowns) == (all_days.main, all_days.breakdowns)


def test_month_from_events_takes_one_request_per_day_cold_and_listings_warm(reader: Reader) -> None:
    found, cold = reader.look()
    assert (found.main["total_pageviews"], found.counted["files"]) == (3 * DAYS, DAYS)
    assert cold <= SETTINGS + LISTINGS + DAYS
    again, warm = reader.look()
    assert again.main == found.main
    assert warm <= LISTINGS


def test_query_over_cached_days_takes_listings_alone(reader: Reader) -> None:
    reader.look()
    found, requests = reader.look(PAGES)
    assert 0 < found.main["total_pageviews"] < 3 * DAYS
    assert requests <= FILTERED


def test_query_rereads_only_the_segment_of_a_day_that_grew(reader: Reader) -> None:
    reader.look()
    Place(reader.store).write(TODAY, 1001, 1002, seal_rows=100)
    found, requests = reader.look()
    assert found.main["total_pageviews"] == 3 * DAYS + 2
    assert requests <= LISTINGS + 1


def test_segment_cache_drops_erased_days_at_the_next_query_or_on_forget(reader: Reader) -> None:
    reader.look()
    (kept,) = reader.store.scratch.glob("mallard-segments-*")
    assert len(list(kept.iterdir())) == DAYS
    first = TODAY - timedelta(days=DAYS - 1)
    carry_out(reader.store, request_erasure(reader.store, SITE, first, first, NOW))
    found, _ = reader.look()
    assert found.main["total_pageviews"] == 3 * (DAYS - 1)
    reader.engine.forget()
    assert list(kept.iterdir()) == []


def test_sealed_segments_are_fetched_whole_and_cached_when_there_is_room(reader: Reader) -> None:
    Place(reader.store).write(TODAY, *range(2001, 2010))
    before = Counter(reader.between.counts)
    found, _ = reader.look()
    assert found.main["total_pageviews"] == 3 * DAYS + 9
    # DuckDB would ask with HEAD for what it reads where it is.
    assert reader.between.counts["HEAD"] == before["HEAD"]
    _, warm = reader.look(PAGES)
    assert warm <= FILTERED
