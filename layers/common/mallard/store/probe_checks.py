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
    """One run: keys begin with ``place``; ``track`` races writes on the store."""

    store: Store
    place: str
    rounds: int
    track: Track

    def key(self, name: str) -> str:
        """A key unique to this run."""
        return f"{self.place}{name}"


@dataclass(frozen=True, slots=True)
class ProbeCheck:
    """``look`` raises WrongError, or returns where ``sentence`` holds; ``needs`` is the header it tests."""

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
    _require_rejection(
        run, key, lambda: run.store.put_if_absent(key, b"second"), "If-None-Match and overwrites an object"
    )


def _swaps_work(run: ProbeRun) -> None:
    key = run.key("swapped")
    etags = [run.store.put_if_absent(key, b"0")]
    for number in range(1, 4):
        etags.append(run.store.put_if_match(key, b"%d" % number, etags[-1]))
    if len(set(etags)) < len(etags):
        raise WrongError("The store gives two versions of an object the same ETag.")
    _require_data(run, key, b"3")


def _stale_versions_are_refused(run: ProbeRun) -> None:
    key = run.key("stale")
    etag = run.store.put_if_absent(key, b"first")
    run.store.put_if_match(key, b"second", etag)
    _require_rejection(
        run, key, lambda: run.store.put_if_match(key, b"third", etag), "If-Match and overwrites a newer version"
    )


def _absent_objects_are_refused(run: ProbeRun) -> None:
    key = run.key("absent")
    etag = run.store.put_if_absent(key, b"1")
    run.store.delete(key)
    _require_rejection(
        run, key, lambda: run.store.put_if_match(key, b"2", etag), "If-Match and creates an object that is absent"
    )


def _a_race_for_a_name_has_one_winner(run: ProbeRun) -> None:
    numbers = count()

    def create() -> bool:
        return _race(run, run.key(f"name-{next(numbers)}"), None, NAMES) is not None

    _require_a_winner((_race_with_retry(create) for _ in range(run.rounds)), NAMES)


def _a_race_for_a_version_has_one_winner(run: ProbeRun) -> None:
    key = run.key("version")
    run.store.put_if_absent(key, b"0")
    cached: Stored | None = None

    def swap() -> bool:
        nonlocal cached
        # The object of the last winner was read already.
        stored, cached = cached or run.store.get(key), None
        if stored is not None:
            cached = _race(run, key, stored.etag, VERSIONS)
        return cached is not None

    _require_a_winner((_race_with_retry(swap) for _ in range(run.rounds)), VERSIONS)


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


def _require_rejection(run: ProbeRun, key: str, write: Callable[[], str], what: str) -> None:
    before = run.store.get(key)
    with suppress(ConflictError):
        write()
        raise WrongError(f"The store ignores {what}.")
    if run.store.get(key) != before:
        raise WrongError(f"The store says that it refuses, but ignores {what}.")


def _require_data(run: ProbeRun, key: str, data: bytes) -> Stored:
    stored = run.store.get(key)
    if stored is None or stored.data != data:
        raise WrongError("The store acknowledges a write and then shows something else.")
    return stored


def _race(run: ProbeRun, key: str, etag: str | None, header: str) -> Stored | None:
    """Let contenders write at the same moment; the object afterwards, None without a winner."""
    winners = run.track.race(key, etag)
    if len(winners) > 1:
        raise WrongError(f"The store accepts both of two simultaneous writes with {header}, and one of them is lost.")
    return _require_data(run, key, winners[0]) if winners else None


def _race_with_retry(race: Callable[[], bool]) -> bool:
    # A broken connection may have been an expired idle one: no race, and no finding.
    with suppress(StoreUnavailableError):
        return race()
    return race()


def _require_a_winner(rounds: Iterable[bool], header: str) -> None:
    # Some rounds may have no winner, but not all.
    if not any([*rounds]):
        raise WrongError(f"The store accepts neither of two simultaneous writes with {header}, however often.")
