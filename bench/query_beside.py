"""Overview benchmark against ClickHouse over Parquet and MergeTree, with and without filters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.clock import Spent, alternate
from bench.panels import Panels, check_equal, of_overview
from bench.peer_chdb import Chdb, Condition, chdb_session, merge_tree_source, parquet_source
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.filters import parse_filters

OURS, PARQUET, MERGE_TREE = "Mallard", "chdb, the same Parquet", "chdb, MergeTree"


@dataclass(frozen=True)
class Case:
    """An overview under ``filters`` (JSON), which ``condition`` says in SQL; ``limit``: of our share of chdb's time."""

    name: str
    limit: float
    filters: str | None = None
    condition: Condition | None = None


GOALS = [{"name": "Signup", "event": "signup"}]
"""The site's, which the cases name."""

CASES = (
    Case("no filter, from rollups", 0.05),
    Case("country US", 0.05, '[["is", "visit:country", ["US"]]]', Condition("country_code = 'US'")),
    Case(
        "country US and browser Chrome",
        0.05,
        '[["is", "visit:country", ["US"]], ["is", "visit:browser", ["Chrome"]]]',
        Condition("country_code = 'US' AND browser = 'Chrome'"),
    ),
    Case(
        "page /pricing",
        0.15,
        '[["is", "event:page", ["/pricing"]]]',
        Condition("pathname = '/pricing'", of_events=True, of_pages=True),
    ),
    Case(
        "goal Signup",
        0.15,
        '[["is", "event:goal", ["Signup"]]]',
        Condition("event_name = 'signup'", of_events=True),
    ),
    Case(
        "property plan pro",
        0.15,
        '[["is", "event:props:plan", ["pro"]]]',
        Condition("JSONExtractString(props, 'plan') = 'pro'", of_events=True),
    ),
)
_HEAD = (
    f"| overview | {OURS} s | {PARQUET} s | ratio | limit | CPU ratio | {MERGE_TREE} s | ratio |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)


def run(folder: Path, stats: Stats, scope: Scope, rounds: int, others: Mapping[str, Spent]) -> tuple[list[str], Panels]:
    """The rows of a Markdown table, and the panels without a filter.

    ``others`` are our times of the same without a filter, answered another way.
    """
    parquet = parquet_source(folder)
    with chdb_session() as session:
        peers = {
            PARQUET: Chdb(session, parquet, scope.period.start, scope.period.end),
            MERGE_TREE: Chdb(session, merge_tree_source(session, parquet), scope.period.start, scope.period.end),
        }
        panels = [_check(each, stats, scope, peers) for each in CASES]
        taken = [alternate(_works(each, stats, scope, peers), rounds) for each in CASES]
    rows = [_row(each.name, f"{each.limit:.2f}", spent) for each, spent in zip(CASES, taken, strict=True)]
    others_rows = [_row(name, "", {**taken[0], OURS: spent}) for name, spent in others.items()]
    return [*_HEAD, *rows, *others_rows], panels[0]


def _works(case: Case, stats: Stats, scope: Scope, peers: Mapping[str, Chdb]) -> dict[str, Callable[[], Any]]:
    filtered = replace(scope, filters=parse_filters(case.filters))
    return {
        OURS: lambda: stats.overview(filtered),
        **{name: partial(peer.overview, case.condition) for name, peer in peers.items()},
    }


def _check(case: Case, stats: Stats, scope: Scope, peers: Mapping[str, Chdb]) -> Panels:
    """The common answer, which also warms up all engines. AssertionError if the answers differ."""
    ours = of_overview(stats.overview(replace(scope, filters=parse_filters(case.filters))))
    for name, peer in peers.items():
        check_equal(ours, peer.overview(case.condition), f"{name} ({case.name})")
    return ours


def _row(name: str, limit: str, taken: Mapping[str, Spent]) -> str:
    ours, parquet, merge_tree = taken[OURS], taken[PARQUET], taken[MERGE_TREE]
    cells = [
        name,
        f"{ours.wall:.3f}",
        f"{parquet.wall:.2f}",
        f"{ours.wall / parquet.wall:.3f}",
        limit,
        f"{ours.cpu / parquet.cpu:.3f}",
        f"{merge_tree.wall:.2f}",
        f"{ours.wall / merge_tree.wall:.3f}",
    ]
    return f"| {' | '.join(cells)} |"
