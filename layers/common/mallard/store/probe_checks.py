"""Checks of a probe: conditional writes, alone and in races."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Store, Stored
from mallard.store.write_race import Track

NAMES, VERSIONS = "If-None-Match", "If-Match"


class WrongError(Exception):
    """A check failed; the message is a sentence that describes the store's behaviour."""


@dataclass(frozen=True, slots=True)
class ProbeRun:
    """One run: keys begin with ``place``; ``track`` is where writes of the store race."""

    store: Store
    place: str
    rounds: int
    track: Track

    def key(self, name: str) -> str:
        """A key that no other run has."""
        return f"{self.place}{name}"


@dataclass(frozen=True, slots=True)
class ProbeCheck:
    """``look`` raises WrongError, or ends where ``sentence`` holds; ``needs`` is the header it rests on."""

    name: str
    needs: str
    sentence: str
    look: Callable[[ProbeRun], None]


def _reads_show_writes(run: ProbeRun) -> None:
    key = run.key("written")
    etag = run.store.put_if_absent(key, b"1")
    stored = run.store.get(key)
    if stored is None or stored.data != b"1":
        raise WrongError("The store does not show an object right after it was written.")
    if stored.etag != etag:
        raise WrongError("The store names one ETag when an object is written and another when it is read.")
    if key not in [row.key for row in run.store.list(run.place)]:
        raise WrongError("The store does not list an object right after it was written.")


def _taken_names_are_refused(run: ProbeRun) -> None:
    key = run.key("taken")
    run.store.put_if_absent(key, b"first")
    _refused(run, key, lambda: run.store.put_if_absent(key, b"second"), "If-None-Match and overwrites an object")


def _swaps_work(run: ProbeRun) -> None:
    key = run.key("swapped")
    etags = [run.store.put_if_absent(key, b"0")]
    for number in range(1, 4):
        etags.append(run.store.put_if_match(key, b"%d" % number, etags[-1]))
    if len(set(etags)) < len(etags):
        raise WrongError("The store gives two versions of an object the same ETag.")
    _shows(run, key, b"3")


def _stale_versions_are_refused(run: ProbeRun) -> None:
    key = run.key("stale")
    etag = run.store.put_if_absent(key, b"first")
    run.store.put_if_match(key, b"second", etag)
    _refused(run, key, lambda: run.store.put_if_match(key, b"third", etag), "If-Match and overwrites a newer version")


def _absent_objects_are_refused(run: ProbeRun) -> None:
    key = run.key("absent")
    etag = run.store.put_if_absent(key, b"1")
    run.store.delete(key)
    _refused(run, key, lambda: run.store.put_if_match(key, b"2", etag), "If-Match and creates an object that is absent")


def _a_race_for_a_name_has_one_winner(run: ProbeRun) -> None:
    numbers = count()

    def create() -> bool:
        return _race(run, run.key(f"name-{next(numbers)}"), None, NAMES) is not None

    _decided((_answered(create) for _ in range(run.rounds)), NAMES)


def _a_race_for_a_version_has_one_winner(run: ProbeRun) -> None:
    key = run.key("version")
    run.store.put_if_absent(key, b"0")
    seen: Stored | None = None

    def swap() -> bool:
        nonlocal seen
        # What the last winner was seen to have written needs no second look.
        stored, seen = seen or run.store.get(key), None
        if stored is not None:
            seen = _race(run, key, stored.etag, VERSIONS)
        return seen is not None

    _decided((_answered(swap) for _ in range(run.rounds)), VERSIONS)


CHECKS = (
    ProbeCheck("reads", NAMES, "Reads and listings show what was written.", _reads_show_writes),
    ProbeCheck("taken name", NAMES, "A name that is taken is not written again.", _taken_names_are_refused),
    ProbeCheck("swap", VERSIONS, "A version is replaced by who read it, and each has its own ETag.", _swaps_work),
    ProbeCheck("stale version", VERSIONS, "Only the latest version is replaced.", _stale_versions_are_refused),
    ProbeCheck("absent object", VERSIONS, "An absent object is not replaced.", _absent_objects_are_refused),
    ProbeCheck(
        "race for a name",
        NAMES,
        "Of two connections that create an object at once, one wins.",
        _a_race_for_a_name_has_one_winner,
    ),
    ProbeCheck(
        "race for a version",
        VERSIONS,
        "Of two connections that replace a version at once, one wins.",
        _a_race_for_a_version_has_one_winner,
    ),
)


def _refused(run: ProbeRun, key: str, write: Callable[[], str], what: str) -> None:
    before = run.store.get(key)
    with suppress(ConflictError):
        write()
        raise WrongError(f"The store ignores {what}.")
    if run.store.get(key) != before:
        raise WrongError(f"The store says that it refuses, but ignores {what}.")


def _shows(run: ProbeRun, key: str, data: bytes) -> Stored:
    stored = run.store.get(key)
    if stored is None or stored.data != data:
        raise WrongError("The store acknowledges a write and then shows something else.")
    return stored


def _race(run: ProbeRun, key: str, etag: str | None, header: str) -> Stored | None:
    """Let contenders write at the same moment, and look who won; what stands there then, None where nobody won."""
    won = run.track.race(key, etag)
    if len(won) > 1:
        raise WrongError(f"The store accepts both of two simultaneous writes with {header}, and one of them is lost.")
    return _shows(run, key, won[0]) if won else None


def _answered(race: Callable[[], bool]) -> bool:
    # A connection that broke may have been a kept one whose time was over: no race, and no finding.
    with suppress(StoreUnavailableError):
        return race()
    return race()


def _decided(rounds: Iterable[bool], header: str) -> None:
    # That nobody wins a round is allowed, that nobody ever does is not.
    if not any([*rounds]):
        raise WrongError(f"The store accepts neither of two simultaneous writes with {header}, however often.")
