"""Run benchmarks, print their tables and write them to bench/results.md.

``python -m bench`` runs all; ``python -m bench query transfer`` only these, and leaves the other sections as they are.
"""

import argparse
import os
import platform
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from bench import behaviour, cost, gateway, history, ingest, layout, month, query, start, table, transfer  # noqa: E402  # the tests' server is found only now

RESULTS = ROOT / "bench" / "results.md"

Benchmark = Callable[[], list[str]]


def main() -> None:
    """The benchmarks one after the other: two at once would measure each other."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", help="all without")
    parser.add_argument(
        "--large", action="store_true", help="query, behaviour: 100 million events too, half an hour more"
    )
    arguments = parser.parse_args()
    known = _benchmarks(large=arguments.large)
    if unknown := [name for name in arguments.names if name not in known]:
        parser.error(f"no benchmark is called {unknown[0]}; there are {', '.join(known)}")
    chosen = {name: known[name] for name in known if name in (arguments.names or known)}
    head, sections = _read()
    if len(chosen) == len(known):
        head, sections = _head(), {}
    for title, benchmark in chosen.values():
        print(f"{title} ...", file=sys.stderr, flush=True)
        sections[title] = "\n".join(benchmark())
        print(f"## {title}\n\n{sections[title]}\n", flush=True)
        # At once: what comes next may fail.
        _write(head, {title: sections[title] for title, _ in known.values() if title in sections})


def _benchmarks(*, large: bool) -> dict[str, tuple[str, Benchmark]]:
    """By the name on the command line: title and benchmark, in the order of the page."""
    return {
        "start": ("Start", start.run),
        "ingest": ("Ingest", ingest.run),
        "gateway": ("Ingest on Lambda", gateway.run),
        "table": ("Table", table.run),
        "month": ("A month", month.run),
        "query": ("Query", partial(query.run, large=large)),
        "history": ("History", history.run),
        "behaviour": ("Behaviour", partial(behaviour.run, large=large)),
        "layout": ("Layout", layout.run),
        "cost": ("Cost", cost.run),
        "transfer": ("Transfer", transfer.run),
    }


def _head() -> str:
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench`. Medians of alternating rounds in one run; compare ratios, not machines.",
            "",
            f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}.",
        ]
    )


def _read() -> tuple[str, dict[str, str]]:
    """The header of the page, and the sections by title."""
    head, *sections = RESULTS.read_text().split("\n## ") if RESULTS.exists() else [_head()]
    parted = [each.partition("\n") for each in sections]
    return head.strip(), {title: text.strip() for title, _, text in parted}


def _write(head: str, sections: dict[str, str]) -> None:
    RESULTS.write_text("\n\n".join([head, *(f"## {title}\n\n{text}" for title, text in sections.items())]) + "\n")


if __name__ == "__main__":
    main()
