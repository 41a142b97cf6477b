"""Weighted draws for whole arrays at once."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Index = NDArray[np.integer[Any]]
"""Numbers of any width."""

# Below 1 by more than the spacing of floats near a row's number: ``row + u`` never rounds into the next row.
_BELOW_ONE = 1.0 - 1e-12


class Choice:
    """Rows of weights; a draw picks one column of a row, each as likely as its weight.

    Rows may differ in length. The cumulated shares of row ``r`` lie in ``(r, r + 1]`` of one sorted array, so
    that one binary search per draw serves all rows (inverse transform sampling).
    """

    def __init__(self, rows: Sequence[Sequence[float]]) -> None:
        self.starts = np.array([0, *accumulate(len(row) for row in rows)][:-1], dtype=np.int64)
        self._edges = np.concatenate([number + _shares(row) for number, row in enumerate(rows)])

    def draw(self, rng: np.random.Generator, row: Index) -> Ints:
        """The drawn column of each row number, counted from 0 within that row."""
        cells = np.searchsorted(self._edges, row + rng.random(len(row)) * _BELOW_ONE, side="right")
        return cells.astype(np.int64) - self.starts[row]

    def draw_flat(self, rng: np.random.Generator, row: Index) -> Ints:
        """The drawn cell of each row number, counted from 0 through all rows."""
        return self.draw(rng, row) + self.starts[row]


def _shares(weights: Sequence[float]) -> Floats:
    cumulative = np.cumsum(np.asarray(weights, dtype=np.float64))
    shares: NDArray[np.float64] = cumulative / cumulative[-1]
    return shares
