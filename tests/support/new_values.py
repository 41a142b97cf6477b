"""Days whose events have new values in twelve columns, and the peak memory of a process that counts them."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.event import PAGEVIEW, to_ms
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.schema import EVENTS
from mallard.table.writer import TableWriter

SITE = "example.com"
TODAY = date(2026, 3, 20)
NOW = datetime(2026, 3, 20, 15, 30, tzinfo=UTC)
NEW = (
    *("pathname", "referrer", "referrer_source", "utm_source", "utm_medium", "utm_campaign", "utm_content"),
    *("utm_term", "browser_version", "os_version", "city", "hostname"),
)
BATCH = 50_000


def fill(folder: Path, events: int, days: int) -> None:
    """Write ``events`` to each of the ``days`` before TODAY, each event of a visitor of its own."""
    writer = TableWriter(LocalStore(folder))
    for back in range(1, days + 1):
        day = TODAY - timedelta(days=back)
        for start in range(0, events, BATCH):
            rows = _rows(day, start, min(BATCH, events - start))
            writer.append(Partition(SITE, day), as_deliveries(rows))


def _rows(day: date, start: int, count: int) -> pa.Table:
    number = pa.array(range(start, start + count), pa.int64())
    noon = to_ms(datetime(day.year, day.month, day.day, 12, tzinfo=UTC))
    text = pc.binary_join_element_wise(f"/{day.day}-", pc.cast(number, pa.string()), "")
    columns: dict[str, Any] = {
        "event_id": pc.add(number, day.toordinal() << 32),
        "visitor_id": pc.add(number, day.toordinal() << 32),
        "timestamp": pc.cast(pc.add(pc.divide(number, 10), noon), pa.timestamp("ms")),
        "event_name": pa.repeat(PAGEVIEW, count),
        "browser": pa.repeat("Firefox", count),
        **{name: pc.binary_join_element_wise(name, text, "") for name in NEW},
    }
    nothing = pa.nulls(count)
    return pa.table([pc.cast(columns.get(each.name, nothing), each.type) for each in EVENTS], schema=EVENTS)


def measured(folder: Path, step: str, memory_mb: int = 200) -> dict[str, Any]:
    """Take a step in a process of its own; what it found, and its peak in MB."""
    command = [sys.executable, "-m", "support.new_values", str(folder), step, str(memory_mb)]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True)
    assert not done.returncode, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(arguments: Sequence[str]) -> None:
    """Print what ``measured`` reads; the arguments are its own."""
    store, step, memory_mb = LocalStore(Path(arguments[0])), arguments[1], int(arguments[2])
    begun = time.process_time()
    with closing(DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=memory_mb, threads=2)) as engine:
        found = _step(engine, step)
    bytes_ = sum(row.size_bytes for row in store.list("rollups/"))
    cpu = time.process_time() - begun
    print(json.dumps({"found": found, "peak_mb": _peak_mb(), "rollup_bytes": bytes_, "cpu": round(cpu, 1)}))


def _step(engine: DuckDBEngine, step: str) -> Any:
    stats, scope = Stats(engine, NOW), Scope(SITE, read_period("30d", None, None, NOW))
    if step == "build":
        report = build_rollups(engine.store, engine, NOW)
        return [report.days, report.complete]
    if step == "nothing":
        return None
    if step == "main":
        return stats.main(scope)["events"]
    if step == "overview":
        return stats.overview(scope).counted
    return stats.breakdown(scope, step, 1000)[:2]


def _peak_mb() -> float:
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return round(int(found[1]) * 1024 / 1_000_000)


if __name__ == "__main__":
    main(sys.argv[1:])
