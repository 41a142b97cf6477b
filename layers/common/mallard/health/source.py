"""Protocol of a source of health data: one process, or the functions on AWS."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from mallard.errors import MallardError
from mallard.health.prometheus import PrometheusMetric
from mallard.health.readiness import ReadinessCheck

T = TypeVar("T")


class HealthSource(Protocol):
    """No method raises: an unknown value is None, or left out."""

    def checks(self) -> Sequence[ReadinessCheck]:
        """The readiness of each part."""
        ...

    def detail(self) -> dict[str, Any]:
        """The state as JSON, for the owner."""
        ...

    def metrics(self) -> list[PrometheusMetric]:
        """The metrics, for a monitor."""
        ...


def known(find: Callable[[], T]) -> T | None:
    """The result of ``find``; None where it raises a MallardError."""
    try:
        return find()
    except MallardError:
        return None


def gauge_of(flag: bool | None) -> int | None:
    """1 or 0, None where it is not known."""
    return None if flag is None else int(flag)
