"""``mallard serve`` without pandas, which is no package of the product: pyarrow and DuckDB load it where it is.

``python -m bench.served`` takes the settings of the environment.
"""

import sys
from importlib.abc import MetaPathFinder
from typing import Any

HIDDEN = "pandas"


class Hidden(MetaPathFinder):
    """Finds no pandas, as where it is not installed."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> None:
        """ModuleNotFoundError for the hidden package; every other is left to other finders."""
        if fullname == HIDDEN:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


if __name__ == "__main__":
    sys.meta_path.insert(0, Hidden())
    from mallard.cli import main

    sys.exit(main(["serve"]))
