"""Whether this instance can do its work right now: looked at when somebody asks, and believed for some seconds."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mallard.errors import MallardError, StoreUnavailableError
from mallard.observe.fault import kind_and_place
from mallard.store.base import Store

KEPT_SECONDS = 5.0
"""Each look costs a request to the store and a commit to the disk: strangers must not make us look all the time."""

READ_KEY = "config/secret.json"
"""What every part of the product may read."""

WAIT_SECONDS = 3.0
"""For all looks together: who asks is a monitor, which waits for ten seconds and then takes the instance for dead."""

log = logging.getLogger("mallard.health")

Look = Callable[[], None]
"""Raises a MallardError where something is wrong."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a look found. ``sentence`` names no place of this machine: anyone may read it."""

    name: str
    ok: bool
    sentence: str


def status_of(checks: Iterable[Check]) -> str:
    """The word for all of them: ok, or degraded."""
    return "ok" if all(each.ok for each in checks) else "degraded"


class _Part:
    """One look, taken by a thread of its own: a store that is far away may keep it waiting for a minute."""

    def __init__(self, name: str, look: Look, failed: str) -> None:
        self._look = look
        self._well = Check(name, True, f"The {name} is well.")
        self._wrong = Check(name, False, failed)
        self._found = self._wrong
        self._thread = threading.Thread()

    def begin(self) -> None:
        """Look, unless that is still going on."""
        if not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="health", daemon=True)
            self._thread.start()

    def found(self, seconds: float) -> Check:
        """What was found, within so many seconds: what takes longer is as good as no answer."""
        self._thread.join(seconds)
        return self._wrong if self._thread.is_alive() else self._found

    def _run(self) -> None:
        try:
            self._look()
            self._found = self._well
        except MallardError as error:
            log.warning("not ready: %s", error)
            self._found = self._wrong
        except Exception as error:  # nobody else would say that this thread ended
            log.warning("not ready: %s", kind_and_place(error))
            self._found = self._wrong


class Readiness:
    """The checks of one instance, each with what to say where it fails; the log gets the error's own words."""

    def __init__(
        self,
        looks: Mapping[str, tuple[Look, str]],
        clock: Callable[[], float] = time.monotonic,
        *,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        """``clock`` gives seconds."""
        self._parts = [_Part(name, look, failed) for name, (look, failed) in looks.items()]
        self._clock = clock
        self._wait_seconds = wait_seconds
        self._lock = threading.Lock()
        self._found: tuple[Check, ...] = ()
        self._looked = float("-inf")

    def checks(self) -> tuple[Check, ...]:
        """All of them, no older than KEPT_SECONDS."""
        with self._lock:
            if self._clock() - self._looked >= KEPT_SECONDS:
                for part in self._parts:
                    part.begin()
                until = time.monotonic() + self._wait_seconds
                self._found = tuple(part.found(max(0.0, until - time.monotonic())) for part in self._parts)
                self._looked = self._clock()
            return self._found


def store_answers(store: Store) -> None:
    """Read one small object, whether it is there or not; StoreUnavailableError where there is no answer."""
    store.get(READ_KEY)
    if not store.scratch.is_dir():
        raise StoreUnavailableError(f"The folder {store.scratch} is gone.")
