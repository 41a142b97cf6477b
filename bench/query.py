"""Benchmark of the dashboard overview against ClickHouse and the original's SQL.

Everything that is compared is first found equal in every number.
"""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

from bench import grouped, query_beside, query_s3, query_seed
from bench.clock import Spent, alternate
from bench.panels import check_equal
from bench.query_data import AFTER, LAST, MEMORY_MB, SITE, THREADS, fill, folder_bytes, open_engine, roll_up, scope
from bench.query_memory import FromEvents, measure
from mallard.reports.standard_reports import Stats
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.local import LocalStore

EVENTS = 10_000_000
FEWER = 1_000_000
DAYS = 30
LARGE_EVENTS = 100_000_000
LARGE_DAYS = 365
ROUNDS = 3
GROWTH_ROUNDS = 15
MAX_GROWTH = 1.5
MAX_CACHE_BYTES = 10


def run(events: int = EVENTS, fewer: int = FEWER, *, large: bool = False) -> list[str]:
    """Tables in Markdown; ``large`` adds 100 million events over a year: 2 GB on the disk, and half an hour."""
    with tempfile.TemporaryDirectory() as name:
        many, few = Path(name, "many"), Path(name, "few")
        fill(LocalStore(many), events, DAYS)
        fill(LocalStore(few), fewer, DAYS)
        raw = measure(many, DAYS)
        SiteSettingsStore(LocalStore(many)).change(SITE, {"goals": query_beside.GOALS}, AFTER)
        roll_up(LocalStore(many), LAST)
        open_day = _overview(many)
        roll_up(LocalStore(many), AFTER)
        roll_up(LocalStore(few), AFTER)
        with _stats(many) as stats:
            others = {"no filter, the last day open": open_day, "no filter, from events, a new process": raw.spent}
            beside, panels = query_beside.run(many, stats, scope(DAYS), ROUNDS, others)
            groups = grouped.run(many, stats, scope(DAYS), ROUNDS)
        check_equal(panels, raw.panels, "ours from events")
        tables = [(fewer, DAYS, few), (events, DAYS, many)]
        if large:
            tables.append((LARGE_EVENTS, LARGE_DAYS, _large(Path(name, "large"))))
        growth = _growth(tables)
        sizes = {folder: folder_bytes(many / folder) for folder in ("events", "visits", "rollups")}
    return [
        f"{events:,} events of one site over {DAYS} days, {sizes['events'] / 1e6:.0f} MB; {THREADS} threads each,",
        "caches off. Mallard makes one call, ClickHouse one query for each of the eight panels; all results are equal.",
        "",
        *beside,
        "",
        *groups,
        "",
        *_sizes(sizes, events),
        "",
        *growth,
        "",
        *_memory(raw, events),
        "",
        *query_seed.run(),
        "",
        *query_s3.run(),
    ]


@contextmanager
def _stats(folder: Path) -> Iterator[Stats]:
    with closing(open_engine(LocalStore(folder))) as engine:
        yield Stats(engine, AFTER)


def _overview(folder: Path) -> Spent:
    with _stats(folder) as stats:
        return alternate({"": lambda: stats.overview(scope(DAYS))}, ROUNDS)[""]


def _large(folder: Path) -> Path:
    fill(LocalStore(folder), LARGE_EVENTS, LARGE_DAYS)
    roll_up(LocalStore(folder), AFTER)
    return folder


def _growth(tables: list[tuple[int, int, Path]]) -> list[str]:
    """The overview from rollups over more and more events; a first look at each is not counted."""
    with ExitStack() as opened:
        works = {
            f"{events:,} over {days} days": partial(opened.enter_context(_stats(folder)).overview, scope(days))
            for events, days, folder in tables
        }
        for work in works.values():
            work()
        taken = alternate(works, GROWTH_ROUNDS)
    (_, least), *_ = taken.items()
    return [
        f"| events | overview from rollups ms | ratio (limit for ten times the events: {MAX_GROWTH}) | CPU |",
        "| --- | --- | --- | --- |",
        *(
            f"| {name} | {1000 * spent.wall:.1f} | {spent.wall / least.wall:.2f} | {spent.cpu / least.cpu:.2f} |"
            for name, spent in taken.items()
        ),
    ]


def _sizes(sizes: dict[str, int], events: int) -> list[str]:
    return [
        f"| files (limit of rollups and visits together: {MAX_CACHE_BYTES}) | bytes an event |",
        "| --- | --- |",
        *(f"| {folder} | {size / events:.2f} |" for folder, size in sizes.items()),
    ]


def _memory(raw: FromEvents, events: int) -> list[str]:
    return [
        f"| overview of {events:,} events from events, a separate process | figure |",
        "| --- | --- |",
        f"| `memory_limit` | {MEMORY_MB} MB |",
        f"| peak resident memory | {raw.peak_mb:,.0f} MB |",
        f"| files | {raw.files} |",
        f"| seconds | {raw.spent.wall:.1f} |",
        f"| CPU seconds | {raw.spent.cpu:.1f} |",
    ]
