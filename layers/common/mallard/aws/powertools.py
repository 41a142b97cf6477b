"""Log, metrics and traces of a function by Powertools."""

import importlib
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from mallard.config import Settings
from mallard.errors import MallardError, UnforeseenError
from mallard.observability.fault_description import FAULTS, TracebackFilter, kind_and_place
from mallard.observability.log_flood import LogFloodFilter

NAMESPACE = "Mallard"
LATENCY = "latency"
OF_TROUBLE = (FAULTS, "unavailable", "failed", "set_aside")
"""Counts that are always written where they are not 0: a metric is billed by the hours in which it has values."""

log = logging.getLogger("mallard.observe")


class Context(Protocol):
    """The used part of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the function is ended."""
        ...


class Powertools:
    """Writer of one function: lines of the loggers ``mallard.*``, one EMF object per invocation.

    ``function`` is the service's name in both, and the only dimension: each further one is paid for by its values.
    """

    def __init__(
        self,
        function: str,
        *,
        level: str = "info",
        tracing: bool = False,
        all_metrics: bool = True,
        seconds: Callable[[], float] = time.perf_counter,
    ) -> None:
        # Named as the package, so that it gets the lines of all rooms; a process has one.
        known: logging.Handler | None = getattr(logging.getLogger("mallard"), "powertools_handler", None)
        self._log = Logger(service="mallard", logger_handler=known or _Stdout(), utc=True)
        self._log.setLevel(level.upper())
        self._function = function
        self._metrics = EphemeralMetrics(namespace=NAMESPACE, service=function)
        self._all_metrics = all_metrics
        self._seconds = seconds
        self._span = _tracer(function) if tracing else nullcontext

    @classmethod
    def of(cls, function: str, settings: Settings) -> "Powertools":
        """As the settings say."""
        return cls(
            function,
            level=settings.log_level,
            tracing=settings.tracing,
            all_metrics=settings.cloudwatch_metrics,
        )

    @contextmanager
    def invocation(self, context: Context) -> Iterator[Counter[str]]:
        """Counts to add to: each is a metric's name, of a closed set; they are written at the end, with the latency.

        Raises UnforeseenError in place of an exception that is none of ours: what leaves a handler, Lambda logs.
        """
        self._log.append_keys(service=self._function, correlation_id=context.aws_request_id)
        began, counts = self._seconds(), Counter[str]()
        try:
            with self._span("handle"), _redacted(counts):
                yield counts
        finally:
            self._write(counts, round(1000 * (self._seconds() - began), 2))

    def _write(self, counts: Counter[str], milliseconds: float) -> None:
        written = counts if self._all_metrics else {name: counts[name] for name in OF_TROUBLE if counts[name]}
        for name, count in written.items():
            self._metrics.add_metric(name, MetricUnit.Count, count)
        if self._all_metrics:
            self._metrics.add_metric(LATENCY, MetricUnit.Milliseconds, milliseconds)
        if written or self._all_metrics:
            self._metrics.flush_metrics()


@contextmanager
def _redacted(counts: Counter[str]) -> Iterator[None]:
    try:
        yield
    except MallardError as error:
        counts[FAULTS] += 1
        log.error("failed: %s", error)
        raise
    except Exception as error:
        counts[FAULTS] += 1
        log.error("failed: %s", kind_and_place(error))
        raise UnforeseenError(kind_and_place(error)) from None


class _Stdout(logging.StreamHandler[Any]):
    """Writes to whatever is stdout now."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)
        self.addFilter(LogFloodFilter())
        self.addFilter(TracebackFilter())

    @property
    def stream(self) -> Any:
        return sys.stdout


def _tracer(function: str) -> Callable[[str], AbstractContextManager[Any]]:
    """Spans of X-Ray, with the calls to AWS in them; responses and requests are not captured.

    The SDK comes by a layer: without it the function runs on, untraced.
    """
    try:
        importlib.import_module("aws_xray_sdk")
    except ImportError:
        log.warning("MALLARD_TRACING is on, but no layer brings the X-Ray SDK: nothing is traced")
        return nullcontext
    from aws_lambda_powertools.tracing import Tracer

    tracer = Tracer(service=function, patch_modules=("botocore",))
    span: Callable[[str], AbstractContextManager[Any]] = tracer.provider.in_subsegment
    return span
