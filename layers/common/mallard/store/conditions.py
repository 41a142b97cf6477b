"""The single checks of a probe: what a store must do with conditional writes, alone and in races."""

import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Barrier

from mallard.errors import ConflictError, StoreUnavailableError, StoreUnsupportedError
from mallard.store.base import Store

CONTENDERS = 2
NAMES, VERSIONS = "If-None-Match", "If-Match"

Write = Callable[[bytes], str]


class WrongError(Exception):
    """The store did what it must not; the message is a sentence that says what."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run: keys begin with ``place``; ``pool`` has CONTENDERS threads, each with a connection of its own."""

    store: Store
    place: str
    rounds: int
    pool: ThreadPoolExecutor

    def key(self, name: str) -> str:
        """A key that no other run has."""
        return f"{self.place}{name}"


@dataclass(frozen=True, slots=True)
class Check:
    """``look`` raises WrongError, or ends where ``sentence`` holds; ``needs`` is the header it rests on."""

    name: str
    needs: str
    sentence: str
    look: Callable[[Run], None]


def _reads_show_writes(run: Run) -> None:
    key = run.key("written")
    etag = run.store.put_if_absent(key, b"1")
    stored = run.store.get(key)
    if stored is None or stored.data != b"1":
        raise WrongError("The store does not show an object right after it was written.")
    if stored.etag != etag:
        raise WrongError("The store names one ETag when an object is written and another when it is read.")
    if key not in [row.key for row in run.store.list(run.place)]:
        raise WrongError("The store does not list an object right after it was written.")


def _taken_names_are_refused(run: Run) -> None:
    key = run.key("taken")
    run.store.put_if_absent(key, b"first")
    _refused(run, key, lambda: run.store.put_if_absent(key, b"second"), "If-None-Match and overwrites an object")


def _swaps_work(run: Run) -> None:
    key = run.key("swapped")
    etags = [run.store.put_if_absent(key, b"0")]
    for number in range(1, 4):
        etags.append(run.store.put_if_match(key, b"%d" % number, etags[-1]))
    if len(set(etags)) < len(etags):
        raise WrongError("The store gives two versions of an object the same ETag.")
    _shows(run, key, b"3")


def _stale_versions_are_refused(run: Run) -> None:
    key = run.key("stale")
    etag = run.store.put_if_absent(key, b"first")
    run.store.put_if_match(key, b"second", etag)
    _refused(run, key, lambda: run.store.put_if_match(key, b"third", etag), "If-Match and overwrites a newer version")


def _absent_objects_are_refused(run: Run) -> None:
    key = run.key("absent")
    etag = run.store.put_if_absent(key, b"1")
    run.store.delete(key)
    _refused(run, key, lambda: run.store.put_if_match(key, b"2", etag), "If-Match and creates an object that is absent")


def _a_race_for_a_name_has_one_winner(run: Run) -> None:
    keys = [run.key(f"name-{number}") for number in range(run.rounds)]
    _decided((_race(run, key, partial(run.store.put_if_absent, key), NAMES) for key in keys), NAMES)


def _a_race_for_a_version_has_one_winner(run: Run) -> None:
    key = run.key("version")
    run.store.put_if_absent(key, b"0")

    def swap(etag: str) -> bool:
        return _race(run, key, partial(run.store.put_if_match, key, etag=etag), VERSIONS)

    found = (run.store.get(key) for _ in range(run.rounds))
    _decided((swap(stored.etag) for stored in found if stored), VERSIONS)


CHECKS = (
    Check("reads", NAMES, "Reads and listings show what was written.", _reads_show_writes),
    Check("taken name", NAMES, "A name that is taken is not written again.", _taken_names_are_refused),
    Check("swap", VERSIONS, "A version is replaced by who read it, and each has its own ETag.", _swaps_work),
    Check("stale version", VERSIONS, "Only the latest version is replaced.", _stale_versions_are_refused),
    Check("absent object", VERSIONS, "An absent object is not replaced.", _absent_objects_are_refused),
    Check(
        "race for a name",
        NAMES,
        "Of two connections that create an object at once, one wins.",
        _a_race_for_a_name_has_one_winner,
    ),
    Check(
        "race for a version",
        VERSIONS,
        "Of two connections that replace a version at once, one wins.",
        _a_race_for_a_version_has_one_winner,
    ),
)


def _refused(run: Run, key: str, write: Callable[[], str], what: str) -> None:
    before = run.store.get(key)
    with suppress(ConflictError):
        write()
        raise WrongError(f"The store ignores {what}.")
    if run.store.get(key) != before:
        raise WrongError(f"The store says that it refuses, but ignores {what}.")


def _shows(run: Run, key: str, data: bytes) -> None:
    stored = run.store.get(key)
    if stored is None or stored.data != data:
        raise WrongError("The store acknowledges a write and then shows something else.")


def _race(run: Run, key: str, write: Write, header: str) -> bool:
    """Let CONTENDERS write at the same moment, and look who won and what stands there; whether anybody won."""
    barrier = Barrier(CONTENDERS)

    def contend(_: int) -> bytes | None:
        data = secrets.token_bytes(8)
        barrier.wait()
        try:
            write(data)
        except StoreUnsupportedError:
            raise
        except (ConflictError, StoreUnavailableError):
            # Ceph answers some losers 500: unclear, so whoever writes reads again, as after a refusal.
            return None
        return data

    won = [data for data in run.pool.map(contend, range(CONTENDERS)) if data is not None]
    if len(won) > 1:
        raise WrongError(f"The store accepts both of two simultaneous writes with {header}, and one of them is lost.")
    for data in won:
        _shows(run, key, data)
    return bool(won)


def _decided(rounds: Iterable[bool], header: str) -> None:
    # That nobody wins a round is allowed, that nobody ever does is not.
    if not any([*rounds]):
        raise WrongError(f"The store accepts neither of two simultaneous writes with {header}, however often.")
