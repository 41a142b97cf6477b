"""Prints unzipped sizes of functions with layers; exits with 1 over Lambda's limit.

python3 deploy/sizes.py .aws-sam/build
"""

import argparse
import sys
from pathlib import Path

LAYERS = {
    "IngestFunction": ("CommonLayer",),
    "FlushFunction": ("CommonLayer", "ArrowLayer", "DuckdbLayer"),
    "QueryFunction": ("CommonLayer", "ArrowLayer", "DuckdbLayer"),
}
"""As in template.yaml."""

MAX_BYTES = 250 * 2**20
"""Lambda's, of a function and all its layers, unzipped."""

MAX_INGEST_BYTES = 25_000_000
"""Ours: a browser waits for its cold start."""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=Path, help="the folder that sam build filled")
    found = sizes(parser.parse_args().build)
    for name, (size, limit) in found.items():
        print(f"{name:15} {size / 1e6:6.1f} MB of {limit / 1e6:.1f} MB with its layers, unzipped")
    return 1 if any(size > limit for size, limit in found.values()) else 0


def sizes(build: Path) -> dict[str, tuple[int, int]]:
    """Of each function its bytes with its layers, and the limit. Raises FileNotFoundError where one is not built."""
    return {
        name: (
            sum(bytes_in(build / folder) for folder in (name, *layers)),
            MAX_INGEST_BYTES if name == "IngestFunction" else MAX_BYTES,
        )
        for name, layers in LAYERS.items()
    }


def bytes_in(folder: Path) -> int:
    """Of all its files, byte code included."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not built.")
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    sys.exit(main())
