"""Answers of queries with the way they were counted, and that way as text."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from mallard.engine.base import Explanation
from mallard.engine.memory_peak import measuring_memory
from mallard.reports.query_runner import QueryAnswer, QueryRunner
from mallard.stats.filter_tree import Filter
from mallard.stats.stats_query import StatsQuery

MB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ExplainedAnswer:
    """An answer that was counted, not cached, and its cost: ``memory_bytes`` is the peak of DuckDB's buffers."""

    answer: QueryAnswer
    explanation: Explanation
    milliseconds: int
    memory_bytes: int


def answer_explained(
    runner: QueryRunner, query: StatsQuery, filters: Filter | None, timer: Callable[[], float]
) -> ExplainedAnswer:
    """As of ``QueryRunner.answer``; ``timer`` gives seconds."""
    begun = timer()
    with measuring_memory() as peak:
        answer = runner.answer(query, filters)
    milliseconds = round(1000 * (timer() - begun))
    return ExplainedAnswer(answer, runner.explain(answer.query), milliseconds, peak.bytes)


def explanation_text(found: ExplainedAnswer) -> str:
    """Lines for a terminal: the days, the cost, the freshness, and the statements with their values."""
    explained = found.explanation
    ways = [f"{way:10} {_dates(dates)}" for way, dates in explained.days.items()]
    written = explained.written.isoformat(timespec="seconds") if explained.written else "no file was read"
    facts = [
        f"definition {explained.definition}",
        f"files      {explained.files:,} with {explained.bytes:,} bytes",
        f"time       {found.milliseconds:,} ms",
        f"memory     {found.memory_bytes / MB:,.1f} MB at most in DuckDB's buffers",
        f"written    {written}",
        f"pending    {explained.pending_events:,} events of the queue",
    ]
    values = [f"${name} = {value!r}" for name, value in explained.values.items()]
    texts = [f"\n{sql}" for sql in explained.sql]
    return "\n".join([*ways, *facts, *values, *texts])


def _dates(dates: tuple[date, ...]) -> str:
    count = "1 day" if len(dates) == 1 else f"{len(dates):,} days"
    return f"{count}, {dates[0]}" if len(dates) == 1 else f"{count} from {dates[0]} to {dates[-1]}"
