"""Write rate of the table, and bytes per event."""

import statistics
import tempfile
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from mallard.demo.traffic import generate
from mallard.event import Event
from mallard.flush.drain import flush
from mallard.queue.base import Message
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.writer import TableWriter

EVENTS = 1_000_000
DAYS = 30
FLUSHED = 50_000
ROUNDS = 3
UNTIL = datetime(2026, 1, 31, tzinfo=UTC)


def run() -> list[str]:
    """The rows of a Markdown table with medians."""
    demo = [_demo() for _ in range(ROUNDS)]
    one, hundred = ([_flush(partitions) for _ in range(ROUNDS)] for partitions in (1, 100))
    return [
        "| what | events/s | bytes per event |",
        "| --- | --- | --- |",
        f"| `mallard demo`, {EVENTS:,} events, {DAYS} days | {_median(demo):,.0f} | {demo[0][1]:.1f} |",
        f"| flush of {FLUSHED:,} messages into 1 partition | {_median(one):,.0f} | |",
        f"| flush of {FLUSHED:,} messages into 100 partitions | {_median(hundred):,.0f} | |",
    ]


def _demo() -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        table = TableWriter(LocalStore(Path(folder)))
        began = time.perf_counter()
        for day, rows in generate("demo.example.com", events=EVENTS, days=DAYS, random_seed=1, end=UNTIL):
            table.append(Partition("demo.example.com", day), as_deliveries(rows))
        seconds = time.perf_counter() - began
        size = sum(file.stat().st_size for file in Path(folder, "events").rglob("*.parquet"))
    return EVENTS / seconds, size / EVENTS


def _flush(partitions: int) -> tuple[float, float]:
    messages = list(_messages(partitions))
    with tempfile.TemporaryDirectory() as folder:
        table = TableWriter(LocalStore(Path(folder)))
        began = time.perf_counter()
        report = flush(messages, table, UNTIL)
        seconds = time.perf_counter() - began
    assert report.rows.written == len(messages)
    return len(messages) / seconds, 0.0


def _messages(partitions: int) -> Iterable[Message]:
    (day, rows), *_ = generate("demo.example.com", events=FLUSHED, days=1, random_seed=1, end=UNTIL)
    columns = {name: rows[name].to_pylist() for name in rows.column_names}
    columns["timestamp"] = rows["timestamp"].cast(pa.int64()).to_pylist()
    columns["revenue_amount"] = [None if each is None else str(each) for each in columns["revenue_amount"]]
    for number in range(rows.num_rows):
        values = {name: column[number] for name, column in columns.items()}
        event = Event(
            site_id=f"site-{number % partitions}.example",
            date=day.isoformat(),
            accepted_ms=values["timestamp"],
            salt=None,
            **values,
        )
        yield Message(str(number), event.to_message())


def _median(rounds: list[tuple[float, float]]) -> float:
    return statistics.median(rate for rate, _ in rounds)
