"""Readiness of an instance: checks on request, cached for some seconds."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mallard.errors import StoreUnavailableError
from mallard.health.background_probe import BackgroundProbe
from mallard.store.base import Store

KEPT_SECONDS = 5.0
"""Each check costs a request to the store and a commit to the disk, and anyone may ask for it."""

READ_KEY = "config/secret.json"
"""An object that every part of the product may read."""

WAIT_SECONDS = 3.0
"""For all checks together: a monitor waits for ten seconds and then takes the instance for dead."""


@dataclass(frozen=True, slots=True)
class ReadinessCheck:
    """The result of one check. ``sentence`` is public and names no path of this machine."""

    name: str
    ok: bool
    sentence: str


def status_of(checks: Iterable[ReadinessCheck]) -> str:
    """The word for all of them: ok, or degraded."""
    return "ok" if all(each.ok for each in checks) else "degraded"


class Readiness:
    """The checks of one instance, each with the sentence of its failure; the log gets the error's own words."""

    def __init__(
        self,
        looks: Mapping[str, tuple[Callable[[], None], str]],
        clock: Callable[[], float] = time.monotonic,
        *,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """A check raises a MallardError where something is wrong. ``clock`` gives seconds."""
        self._parts = [_part(name, *look) for name, look in looks.items()]
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._results: tuple[ReadinessCheck, ...] = ()
        self._checked_at = float("-inf")

    def checks(self) -> tuple[ReadinessCheck, ...]:
        """All of them, no older than KEPT_SECONDS."""
        with self._lock:
            if self._clock() - self._checked_at >= KEPT_SECONDS:
                for part in self._parts:
                    part.begin()
                until = time.monotonic() + self._wait_seconds
                self._results = tuple(part.found(until - time.monotonic()) for part in self._parts)
                self._checked_at = self._clock()
            return self._results


def _part(name: str, look: Callable[[], None], failed: str) -> BackgroundProbe[ReadinessCheck]:
    def find() -> ReadinessCheck:
        look()
        return ReadinessCheck(name, True, f"The {name} works.")

    return BackgroundProbe(find, ReadinessCheck(name, False, failed))


def store_answers(store: Store) -> None:
    """Read one small object, whether it is there or not; StoreUnavailableError where there is no answer."""
    store.get(READ_KEY)
    if not store.scratch.is_dir():
        raise StoreUnavailableError(f"The folder {store.scratch} is gone.")
