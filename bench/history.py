"""An overview of 30 days over two months, a year and three years of history, in a table of 100 sites."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from functools import partial
from pathlib import Path

from bench.clock import alternate
from bench.query_data import AFTER, SITE, fill, open_engine, scope
from mallard.engine.request_snapshot import one_snapshot
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.comparison import earlier
from mallard.store.base import Listed
from mallard.store.local import LocalStore
from mallard.table.layout import Partition

SITES = 100
DAYS = 30
HISTORIES = (2 * DAYS, 365, 3 * 365)
"""The shortest has the range that the overview is compared with."""
EVENTS = 30_000
ROUNDS = 15
MAX_GROWTH = 1.2


class ListingStore(LocalStore):
    """Counts the keys that listings give."""

    keys = 0

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        """As of a folder."""
        for row in super().list(prefix, start_after=start_after):
            self.keys += 1
            yield row


def run(sites: int = SITES, histories: tuple[int, ...] = HISTORIES, rounds: int = ROUNDS) -> list[str]:
    """A table in Markdown."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        works, stores = {}, {}
        for days in histories:
            store = ListingStore(Path(name, str(days)))
            fill(store, EVENTS, DAYS)
            _add_history(store, sites, days)
            engine = opened.enter_context(closing(open_engine(store)))
            label = f"{days} days"
            stores[label], works[label] = store, partial(_overview, Stats(engine, AFTER))
        keys = {}
        for label, work in works.items():
            stores[label].keys = 0
            work()
            keys[label] = stores[label].keys
        taken = alternate(works, rounds)
    (_, least), *_ = taken.items()
    return [
        f"The overview of the last {DAYS} days of one of {sites} sites, compared with the days before them and with",
        "current visitors, as one request asks for it.",
        "",
        f"| history of each site | listed keys | overview ms | times the first (limit: {MAX_GROWTH}) | CPU |",
        "| --- | --- | --- | --- | --- |",
        *(
            f"| {label} | {keys[label]} | {1000 * spent.wall:.1f} | {spent.wall / least.wall:.2f} "
            f"| {spent.cpu / least.cpu:.2f} |"
            for label, spent in taken.items()
        ),
    ]


def _overview(stats: Stats) -> None:
    asked = scope(DAYS)
    with one_snapshot():
        stats.overview(Scope(SITE, asked.period, before=earlier(asked.period, "previous_period")))


def _add_history(store: LocalStore, sites: int, days: int) -> None:
    """Copies of one segment: older days of the site, and all days of the others, which nothing opens."""
    last = AFTER.date() - timedelta(days=1)
    some = store.get(Partition(SITE, last).segment(0))
    assert some is not None
    for number in range(DAYS, days):
        _put(store, Partition(SITE, last - timedelta(days=number)), some.data)
    for site in range(1, sites):
        for number in range(days):
            _put(store, Partition(f"site-{site}.example.com", last - timedelta(days=number)), b"")


def _put(store: LocalStore, partition: Partition, data: bytes) -> None:
    """Without the store's care for what a crash may leave: there are 100,000."""
    file = store.root / partition.segment(0)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)
