"""Benchmark of behaviour reports against ClickHouse over the same Parquet files.

Every case is first found equal in every number.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from bench.behaviour_cases import CASES as FIRST_CASES
from bench.behaviour_cases import Case
from bench.behaviour_sequences import CASES as NEXT_CASES
from bench.clock import Spent, alternate
from bench.peer_chdb import Session, chdb_session, parquet_source
from bench.query_data import AFTER, MEMORY_MB, THREADS, fill, folder_bytes, open_engine, roll_up, scope
from mallard.reports.standard_reports import Stats
from mallard.store.local import LocalStore

CASES: tuple[Case, ...] = (*FIRST_CASES, *NEXT_CASES)

EVENTS = 10_000_000
FEWER = 1_000_000
DAYS = 30
LARGE_EVENTS = 100_000_000
LARGE_DAYS = 365
ROUNDS = 5
GROWTH_ROUNDS = 3


def run(events: int = EVENTS, fewer: int = FEWER, *, large: bool = False, cases: Sequence[Case] = CASES) -> list[str]:
    """Tables in Markdown; ``large`` adds 100 million events over a year to the one about growth."""
    with tempfile.TemporaryDirectory() as name:
        few, many = Path(name, "few"), Path(name, "many")
        # As many days for as many events: the days are what is alike in both.
        tables = [(fewer, DAYS * fewer // events, few), (events, DAYS, many)]
        if large:
            tables.append((LARGE_EVENTS, LARGE_DAYS, Path(name, "large")))
        for number, days, folder in tables:
            fill(LocalStore(folder), number, days)
        growth = _growth(tables, [case for case in cases if not case.rolled and not case.again])
        peaks = [f"{_peak(folder, days):,.0f} MB over {number:,} events" for number, days, folder in tables[1:]]
        beside = _beside(many, cases)
        size = folder_bytes(many / "events")
    return [
        f"{events:,} events of one site over {DAYS} days, {size / 1e6:.0f} MB; {THREADS} threads each, from events",
        "by default, no caches. Before timing, all results were equal in every number.",
        "",
        *beside,
        "",
        *growth,
        "",
        f"Peak resident memory of a process that runs all reports: {', '.join(peaks)}; `memory_limit` {MEMORY_MB} MB.",
    ]


@contextmanager
def _stats(folder: Path) -> Iterator[Stats]:
    with closing(open_engine(LocalStore(folder))) as engine:
        yield Stats(engine, AFTER)


def _beside(folder: Path, cases: Sequence[Case]) -> list[str]:
    lines = ["| report | Mallard s | chdb s | ratio | limit | CPU ratio |", "| --- | --- | --- | --- | --- | --- |"]
    with chdb_session() as session:
        ask = partial(_asked, folder, session)
        lines += ask([case for case in cases if not case.rolled])
        roll_up(LocalStore(folder), AFTER)
        lines += ask([case for case in cases if case.rolled])
    return lines


def _asked(folder: Path, session: Session, cases: Sequence[Case]) -> Iterator[str]:
    asked, source = scope(DAYS), parquet_source(folder)
    with _stats(folder) as stats:
        for case in cases:
            ours, theirs = partial(case.ours, stats, asked), partial(case.theirs, session, source, asked)
            found, expected = ours(), theirs()
            assert found == expected, f"{case.name} of chdb is {expected}, but ours {found}"
            taken = alternate({"ours": ours, "theirs": theirs}, ROUNDS)
            yield _row(case, taken["ours"], taken["theirs"])


def _row(case: Case, ours: Spent, theirs: Spent) -> str:
    cells = [case.name, f"{ours.wall:.3f}", f"{theirs.wall:.2f}", f"{ours.wall / theirs.wall:.3f}", f"{case.limit:.2f}"]
    return f"| {' | '.join([*cells, f'{ours.cpu / theirs.cpu:.2f}'])} |"


def _growth(tables: Sequence[tuple[int, int, Path]], cases: Sequence[Case]) -> list[str]:
    """Time of each case over growing numbers of events, in total and per million."""
    lines = ["| report |", "| --- |", *(f"| {case.name} |" for case in cases)]
    with ExitStack() as opened:
        for events, days, folder in tables:
            stats, asked = opened.enter_context(_stats(folder)), scope(days)
            taken = alternate({case.name: partial(case.ours, stats, asked) for case in cases}, GROWTH_ROUNDS)
            lines[0] += f" {events:,} over {days} days: s | CPU s per million |"
            lines[1] += " --- | --- |"
            for number, spent in enumerate(taken.values(), 2):
                lines[number] += f" {spent.wall:.2f} | {spent.cpu / events * 1e6:.3f} |"
    return lines


def _peak(folder: Path, days: int) -> float:
    """Megabytes."""
    command = [sys.executable, "-m", "bench.behaviour", str(folder), str(days)]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))


def main(arguments: Sequence[str]) -> None:
    """Ask all cases of a data folder, over so many days, once; print the peak of this process's memory."""
    with _stats(Path(arguments[0])) as stats:
        answers: list[Any] = [case.ours(stats, scope(int(arguments[1]))) for case in CASES]
    assert all(answers)
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "the kernel tells no peak"
    print(int(found[1]) * 1024 / 1_000_000)


if __name__ == "__main__":
    main(sys.argv[1:])
