"""Whether this instance can do its work right now: looked at when somebody asks, and believed for some seconds."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mallard.errors import MallardError, StoreUnavailableError
from mallard.store.base import Store

KEPT_SECONDS = 5.0
"""Each look costs a request to the store and a commit to the disk: strangers must not make us look all the time."""

READ_KEY = "config/secret.json"
"""What every part of the product may read."""

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


class Readiness:
    """The checks of one instance, each with what to say where it fails; the log gets the error's own words."""

    def __init__(self, looks: Mapping[str, tuple[Look, str]], clock: Callable[[], float] = time.monotonic) -> None:
        """``clock`` gives seconds."""
        self._looks = looks
        self._clock = clock
        self._looking = threading.Lock()
        self._found: tuple[Check, ...] = ()
        self._looked = float("-inf")

    def checks(self) -> tuple[Check, ...]:
        """All of them, no older than KEPT_SECONDS, or as old as a look takes that is going on."""
        # Who comes while a store keeps somebody waiting gets the last answer: else all our threads would wait there.
        if not self._looking.acquire(blocking=not self._found):
            return self._found
        try:
            if self._clock() - self._looked >= KEPT_SECONDS:
                self._found = tuple(self._check(name, *look) for name, look in self._looks.items())
                self._looked = self._clock()
            return self._found
        finally:
            self._looking.release()

    def _check(self, name: str, look: Look, failed: str) -> Check:
        try:
            look()
        except MallardError as error:
            log.warning("not ready: %s", error)
            return Check(name, False, failed)
        return Check(name, True, f"The {name} is well.")


def store_answers(store: Store) -> None:
    """Read one small object, whether it is there or not; StoreUnavailableError where there is no answer."""
    store.get(READ_KEY)
    if not store.scratch.is_dir():
        raise StoreUnavailableError(f"The folder {store.scratch} is gone.")
