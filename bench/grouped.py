"""Queries of several dimensions against ClickHouse over the same Parquet files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench.clock import Spent, alternate
from bench.peer_chdb import Chdb, chdb_session, parquet_source
from bench.query_data import SITE
from mallard.reports.query_runner import QueryRunner
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.stats_query import StatsQuery

METRICS = ("visitors", "visits", "pageviews")
OURS, THEIRS = "Mallard", "chdb"

Rows = dict[tuple[str, ...], tuple[int, ...]]


@dataclass(frozen=True)
class Case:
    """METRICS by ``dimensions``, whose values in SQL are ``keys`` over a visit's first event; ``limit``: of our share
    of chdb's time.
    """

    name: str
    dimensions: tuple[str, ...]
    keys: tuple[str, ...]
    limit: float = 0.1


CASES = (
    Case("sources by day", ("visit:source", "time:day"), ("coalesce(referrer_source, 'Direct / None')", "date")),
    Case(
        "countries by browser, which no rollup has",
        ("visit:country", "visit:browser"),
        ("coalesce(country_code, '(not set)')", "coalesce(browser, '(not set)')"),
    ),
)


def run(folder: Path, stats: Stats, scope: Scope, rounds: int) -> list[str]:
    """The rows of a Markdown table. AssertionError where the answers differ."""
    with chdb_session() as session:
        peer = Chdb(session, parquet_source(folder), scope.period.start, scope.period.end)
        rows = []
        for case in CASES:
            works = {OURS: partial(_ours, stats, scope, case), THEIRS: partial(_theirs, peer, case)}
            _check(case, works)
            rows.append(_row(case, alternate(works, rounds)))
    return [
        f"| {', '.join(METRICS)} by | {OURS} s | {THEIRS}, the same Parquet s | ratio | limit | CPU ratio |",
        "| --- | --- | --- | --- | --- | --- |",
        *rows,
    ]


def _ours(stats: Stats, scope: Scope, case: Case) -> Rows:
    answer = QueryRunner(stats).answer(StatsQuery(SITE, METRICS, scope.period, case.dimensions), None)
    return {row.dimensions: row.metrics for row in answer.rows}


def _theirs(peer: Chdb, case: Case) -> Rows:
    return {tuple(key): tuple(numbers) for key, *numbers in peer.rows(peer.grouped(case.keys))}


def _check(case: Case, works: Mapping[str, Callable[[], Any]]) -> None:
    """Which also warms up both engines."""
    ours, theirs = works[OURS](), works[THEIRS]()
    assert ours == theirs, f"{case.name} of chdb is {len(theirs)} rows, but ours {len(ours)} others"


def _row(case: Case, taken: Mapping[str, Spent]) -> str:
    ours, theirs = taken[OURS], taken[THEIRS]
    figures = (ours.wall / theirs.wall, case.limit, ours.cpu / theirs.cpu)
    cells = [case.name, f"{ours.wall:.3f}", f"{theirs.wall:.2f}", *(f"{each:.3f}" for each in figures)]
    return f"| {' | '.join(cells)} |"
