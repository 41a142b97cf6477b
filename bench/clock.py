"""Wall time and processor time of a piece of work, over all threads of the process."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds."""

    wall: float
    cpu: float


def timed(work: Callable[[], T]) -> tuple[Spent, T]:
    """The times and the result."""
    began, cpu = time.perf_counter(), time.process_time()
    found = work()
    return Spent(time.perf_counter() - began, time.process_time() - cpu), found


def alternate(works: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, Spent]:
    """For each the medians; they take turns, so that a busy moment hits all of them."""
    taken = [{name: timed(work)[0] for name, work in works.items()} for _ in range(rounds)]
    return {
        name: Spent(
            statistics.median(each[name].wall for each in taken), statistics.median(each[name].cpu for each in taken)
        )
        for name in works
    }
