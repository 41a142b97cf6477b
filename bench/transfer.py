"""Speed and memory of imports and exports."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from mallard.demo.traffic import generate
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.messages import as_deliveries
from mallard.table.writer import TableWriter

EVENTS = 1_000_000
DAYS = 30
ROUNDS = 3
SITE = "demo.example.com"
UNTIL = datetime(2026, 1, 31, tzinfo=UTC)
FORMATS = ("ndjson", "csv", "parquet")

# Not by getrusage: what it tells begins with the memory of the process that started this one.
_WITH_PEAK = (
    "import re, sys; from pathlib import Path; from mallard.cli import main; code = main(sys.argv[1:]);"
    " print('peak', 1024 * int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]));"
    " sys.exit(code)"
)


def run(events: int = EVENTS, rounds: int = ROUNDS) -> list[str]:
    """The rows of a Markdown table: whole commands, start of Python included, with medians of their times."""
    lines = ["| what | events/s | bytes per event | peak memory MB |", "| --- | --- | --- | --- |"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill(folder / "data", events)
        for form in FORMATS:
            file = folder / f"events.{form}"
            out = [
                command(folder / "data", ["export", "--site", SITE, "--force", "--output", str(file)])
                for _ in range(rounds)
            ]
            lines.append(_row(f"`mallard export`, {events:,} events, {form}", events, file, out))
        for form in FORMATS:
            file = folder / f"events.{form}"
            into = [command(folder / f"{form}-{n}", ["import", str(file)]) for n in range(rounds)]
            lines.append(_row(f"`mallard import`, {events:,} events, {form}", events, file, into))
    return lines


def fill(data: Path, events: int) -> None:
    """A table with demo traffic."""
    table = TableWriter(LocalStore(data))
    for day, rows in generate(SITE, events=events, days=DAYS, random_seed=1, end=UNTIL):
        table.append(Partition(SITE, day), as_deliveries(rows))


def command(data: Path, arguments: Sequence[str]) -> tuple[float, int]:
    """Seconds and peak memory in bytes of one `mallard` command."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _WITH_PEAK, *arguments],
        env={"MALLARD_DATA_DIR": str(data), "PATH": ""},
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stderr)
    return seconds, int(done.stdout.rpartition("peak ")[2])


def _row(what: str, events: int, file: Path, rounds: Sequence[tuple[float, int]]) -> str:
    seconds = statistics.median(each for each, _ in rounds)
    peak_mb = max(peak for _, peak in rounds) / 1_000_000
    return f"| {what} | {events / seconds:,.0f} | {file.stat().st_size / events:.1f} | {peak_mb:,.0f} |"


if __name__ == "__main__":
    # `python -m bench.transfer 10000000` measures the memory of a large import.
    print("\n".join(run(int(sys.argv[1]), 1) if len(sys.argv) > 1 else run()))
