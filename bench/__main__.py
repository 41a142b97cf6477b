"""Run every benchmark, print the tables and write them to bench/results.md."""

import os
import platform
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from bench import gateway, ingest, layout, month, table, transfer  # noqa: E402  # the tests' server is found only now

_ALL = (
    ("Ingest", ingest),
    ("Ingest on Lambda", gateway),
    ("Table", table),
    ("A month", month),
    ("Layout", layout),
    ("Transfer", transfer),
)


def main() -> None:
    """All benchmarks, one after the other: two at once would measure each other."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Medians of alternating rounds in one run; compare ratios, not machines.",
        "",
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}.",
    ]
    for title, benchmark in _ALL:
        print(f"{title} ...", file=sys.stderr, flush=True)
        lines += ["", f"## {title}", "", *benchmark.run()]
    text = "\n".join(lines) + "\n"
    (ROOT / "bench" / "results.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
