"""Peak memory of the overview from events in a separate process."""

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.clock import Spent, timed
from bench.panels import Panels, of_overview
from bench.query_data import AFTER, open_engine, scope
from mallard.reports.standard_reports import Stats
from mallard.store.local import LocalStore


@dataclass(frozen=True)
class FromEvents:
    """The first look of a new process: what it took, the peak of its resident memory, and what it saw."""

    spent: Spent
    peak_mb: float
    files: int
    panels: Panels


def measure(folder: Path, days: int) -> FromEvents:
    """Ask a data folder that has no rollups."""
    command = [sys.executable, "-m", "bench.query_memory", str(folder), str(days)]
    done = subprocess.run(command, cwd=Path(__file__).parent.parent, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    panels = {name: [tuple(row) for row in rows] for name, rows in found["panels"].items()}
    return FromEvents(Spent(found["wall"], found["cpu"]), found["peak_mb"], found["files"], panels)


def main(arguments: Sequence[str]) -> None:
    """Print what ``measure`` reads; the arguments are its own."""
    folder, days = Path(arguments[0]), int(arguments[1])
    with closing(open_engine(LocalStore(folder))) as engine:
        spent, overview = timed(lambda: Stats(engine, AFTER).overview(scope(days)))
    found = {"wall": spent.wall, "cpu": spent.cpu, "peak_mb": _peak_mb(), "files": overview.counted["files"]}
    print(json.dumps({**found, "panels": of_overview(overview)}))


def _peak_mb() -> float:
    # The resource module may tell a peak of the parent's, from before the program was loaded.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found, "the kernel tells no peak"
    return int(found[1]) * 1024 / 1_000_000


if __name__ == "__main__":
    main(sys.argv[1:])
