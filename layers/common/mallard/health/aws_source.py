"""Health data of the functions on AWS, from the bucket and the queue.

What a function counts while it lives is in CloudWatch (docs/observing.md): another request may meet another instance.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from mallard import __version__
from mallard.auth.service import AuthService
from mallard.health.background_probe import BackgroundProbe
from mallard.health.password_check import PASSWORD_SECONDS, password_probe
from mallard.health.prometheus import PrometheusMetric, gauge, labelled
from mallard.health.readiness import Readiness, ReadinessCheck, status_of, store_answers
from mallard.health.source import gauge_of, known
from mallard.queue.base import Queue
from mallard.store.base import Store
from mallard.table.layout import EVENTS

KEPT_SECONDS = 60.0
"""A probe lists the table, at one request per thousand files."""

MAX_LISTED = 20_000
"""Files of a table that is listed; the last write of a larger one is unknown."""


@dataclass(frozen=True, slots=True)
class AwsState:
    """Messages in the queue, and the last write of the table; None is unknown."""

    buffered: int | None = None
    written: datetime | None = None


@dataclass(kw_only=True)
class AwsSource:
    """A ``HealthSource``. ``open_queue`` may raise MallardError, as where the function may not read the queue."""

    store: Store
    auth: AuthService
    open_queue: Callable[[], Queue]
    filter_bots: bool = True
    seconds: Callable[[], float] = time.monotonic
    readiness: Readiness = field(init=False)
    _has_password: BackgroundProbe[bool | None] = field(init=False)
    _state: AwsState = field(init=False, default_factory=AwsState)
    _read_at: float = field(init=False, default=float("-inf"))
    _looking: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        looks = {"store": (lambda: store_answers(self.store), "The store does not answer.")}
        self.readiness = Readiness(looks)
        self._has_password = password_probe(self.auth)

    def checks(self) -> Sequence[ReadinessCheck]:
        """The store answers; only the ingest function can check the queue."""
        return self.readiness.checks()

    def detail(self) -> dict[str, Any]:
        """The seed's keys, null where this function cannot know."""
        checks, state = self.checks(), self.state()
        return {
            "status": status_of(checks),
            "version": __version__,
            "buffered_events": state.buffered,
            "table_written": state.written and state.written.isoformat(timespec="seconds"),
            "auth_configured": self._auth_configured(),
            "geoip_loaded": None,
            "filter_bots": self.filter_bots,
            "cache_entries": None,
            "cache_empty": None,
            "checks": {each.name: {"ok": each.ok, "sentence": each.sentence} for each in checks},
        }

    def metrics(self) -> list[PrometheusMetric]:
        """The metrics that are the same for every instance."""
        state = self.state()
        ready = {each.name: int(each.ok) for each in self.checks()}
        written = state.written.timestamp() if state.written else None
        return [
            gauge("mallard_buffered_events", "Messages in the queue, waiting for a flush, about.", state.buffered),
            gauge("mallard_table_written_timestamp_seconds", "Time of the last write to the table.", written),
            labelled("mallard_ready", "gauge", "1 if a part works, else 0.", "part", ready),
            gauge("mallard_auth_configured", "1 if a password is set, else 0.", gauge_of(self._auth_configured())),
            gauge("mallard_filter_bots", "1 if bots are filtered, else 0.", gauge_of(self.filter_bots)),
        ]

    def state(self) -> AwsState:
        """No older than KEPT_SECONDS."""
        with self._looking:
            if self.seconds() - self._read_at >= KEPT_SECONDS:
                self._state = AwsState(known(lambda: self.open_queue().depth()), known(self._written))
                self._read_at = self.seconds()
            return self._state

    def _written(self) -> datetime | None:
        rows = [each.modified for each in islice(self.store.list(EVENTS), MAX_LISTED + 1)]
        return datetime.fromtimestamp(max(rows), UTC) if 0 < len(rows) <= MAX_LISTED else None

    def _auth_configured(self) -> bool | None:
        self._has_password.begin()
        return self._has_password.found(PASSWORD_SECONDS)
