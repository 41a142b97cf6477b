"""The seam between the health endpoints and what they are about: one process, or the functions on AWS."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from mallard.errors import MallardError
from mallard.health.prometheus import PrometheusMetric
from mallard.health.readiness import ReadinessCheck

T = TypeVar("T")


class HealthSource(Protocol):
    """No method raises: what cannot be found out is None, or left out."""

    def checks(self) -> Sequence[ReadinessCheck]:
        """Whether it can do its work, part by part."""
        ...

    def detail(self) -> dict[str, Any]:
        """How it is, as JSON, for who runs it."""
        ...

    def metrics(self) -> list[PrometheusMetric]:
        """The same in numbers over time, for a monitor."""
        ...


def known(find: Callable[[], T]) -> T | None:
    """What ``find`` finds, None where it cannot be found out now."""
    try:
        return find()
    except MallardError:
        return None


def gauge_of(flag: bool | None) -> int | None:
    """1 or 0, None where it is not known."""
    return None if flag is None else int(flag)
