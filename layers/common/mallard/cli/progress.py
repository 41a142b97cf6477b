"""Progress of a long command: a bar on a terminal, plain lines elsewhere."""

import sys
from types import TracebackType

from tqdm import tqdm


class Progress:
    """Progress in ``unit``; ``total`` is None where the end is not known. Written to the standard error.

    Without a terminal each call of ``advance`` writes its line, and with ``line_every`` each so many units have one.
    """

    def __init__(
        self, unit: str, total: int | None = None, *, label: str = "", scaled: bool = False, line_every: int = 0
    ) -> None:
        self._unit = unit
        self._label = label
        self._line_every = line_every
        self._count = 0
        self._bar = tqdm(
            total=total, desc=label or None, unit=f" {unit}", unit_scale=scaled, disable=not sys.stderr.isatty()
        )

    def advance(self, count: int = 1, line: str = "") -> None:
        """Record ``count`` more units; ``line`` is printed where there is no bar."""
        self._bar.update(count)
        before, self._count = self._count, self._count + count
        if not self._bar.disable:
            return
        if line:
            print(line, file=sys.stderr)
        if self._line_every and before // self._line_every != self._count // self._line_every:
            print(f"{self._count:,} {self._unit} {self._label}".rstrip(), file=sys.stderr)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()


def print_above(text: str) -> None:
    """Write a line to the standard error, above the bar where there is one."""
    tqdm.write(text, file=sys.stderr)
