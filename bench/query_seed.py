"""The original's benchmark: three reports over 10,000 page views of one day."""

import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.clock import Spent, alternate
from bench.panels import LIMIT
from bench.peer_seed import Seed, seed
from bench.query_data import SEED_DAY, SITE, fill_seed, open_engine, roll_up
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import DateRange
from mallard.store.local import LocalStore

SCOPE = Scope(SITE, DateRange(SEED_DAY.replace(day=1), SEED_DAY.replace(month=2, day=1)))
AFTER = datetime(SEED_DAY.year, 2, 1, tzinfo=UTC) - timedelta(milliseconds=1)
ROUNDS = 100
MAX_RATIO = 1 / 2
WITHOUT_BOUNCES = "main, the seed's without bounces"

_Reports = Mapping[str, Callable[[], Any]]


def run(rounds: int = ROUNDS) -> list[str]:
    """The rows of a Markdown table: from the day's rollup, and before there was one."""
    with tempfile.TemporaryDirectory() as folder:
        store = LocalStore(Path(folder))
        rows = fill_seed(store)
        with seed(rows, SITE, SCOPE.period.start, SCOPE.period.end) as peer, closing(open_engine(store)) as engine:
            theirs, ours = _theirs(peer), _ours(Stats(engine, AFTER))
            _check(ours, theirs)
            open_day = _alternate(ours, theirs, rounds)
            roll_up(store, AFTER)
            _check(ours, theirs)
            closed = _alternate(ours, theirs, rounds)
    return [
        f"{rows.num_rows:,} page views of one day, the original's benchmark. *Open*: before the day has a rollup.",
        "",
        "| report | Mallard ms | original's SQL ms | ratio | limit | CPU ratio | open: ratio |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(_row(name, closed, open_day) for name in ours),
    ]


def _ours(stats: Stats) -> _Reports:
    return {
        "main": lambda: stats.main(SCOPE),
        WITHOUT_BOUNCES: lambda: stats.main(SCOPE),
        "timeseries": lambda: stats.timeseries(SCOPE),
        "pages": lambda: stats.breakdown(SCOPE, "pages", LIMIT),
    }


def _theirs(peer: Seed) -> _Reports:
    return {
        "main": peer.main,
        WITHOUT_BOUNCES: peer.counts,
        "timeseries": peer.timeseries,
        "pages": lambda: peer.pages(LIMIT),
    }


def _check(ours: _Reports, theirs: _Reports) -> None:
    """AssertionError where a report differs; ours has days without events too."""
    main = ours["main"]()
    assert (main["unique_visitors"], main["total_pageviews"], main["bounce_rate"]) == theirs["main"]()
    series = [(row["date"], row["visitors"], row["pageviews"]) for row in ours["timeseries"]()]
    assert [row for row in series if row[2]] == theirs["timeseries"]()
    assert [(row["value"], row["visitors"], row["pageviews"]) for row in ours["pages"]()] == theirs["pages"]()


def _alternate(ours: _Reports, theirs: _Reports, rounds: int) -> dict[str, Spent]:
    works = {**{f"ours {name}": work for name, work in ours.items()}, **theirs}
    return alternate(works, rounds)


def _row(name: str, closed: Mapping[str, Spent], open_day: Mapping[str, Spent]) -> str:
    ours, theirs = closed[f"ours {name}"], closed[name]
    cells = [
        name,
        f"{1000 * ours.wall:.2f}",
        f"{1000 * theirs.wall:.2f}",
        f"{ours.wall / theirs.wall:.2f}",
        "" if name == WITHOUT_BOUNCES else f"{MAX_RATIO:.2f}",
        f"{ours.cpu / theirs.cpu:.2f}",
        f"{open_day[f'ours {name}'].wall / open_day[name].wall:.2f}",
    ]
    return f"| {' | '.join(cells)} |"
