"""Finds out whether a store keeps the conditions of writes, on which the whole table rests, instead of believing it.

Everything happens below ``probe/`` under random names, and is removed afterwards.
"""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from mallard.errors import ConflictError, StoreError, StoreUnavailableError, StoreUnsupportedError, UnsafeStoreError
from mallard.store.base import Store
from mallard.store.conditions import CHECKS, CONTENDERS, Check, Run, WrongError

ROUNDS = 20
"""Races of each kind; a store that compares and then writes, not in one, is caught by some of them."""

QUICK_ROUNDS = 3
"""Where every start costs, as on Lambda and of a command that runs each minute."""

ATTEMPTS = 3
"""Tries of a check that gets no clear answer."""

CLOCK_TOLERANCE_SECONDS = 60

WHAT_TO_DO = (
    "events would be lost: use another server (docs/stores.md names some), or set MALLARD_SINGLE_WRITER=true and"
    " accept its limits."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; ``sentence`` says what the store does."""

    name: str
    ok: bool
    sentence: str


def _random_name() -> str:
    return secrets.token_hex(8)


def probe(
    store: Store, *, now: datetime, rounds: int = ROUNDS, random_name: Callable[[], str] = _random_name
) -> list[Finding]:
    """Everything about a store: the conditions of writes, deletions, the clock. Raises as ``probe_writes``."""
    findings = probe_writes(store, rounds=rounds, random_name=random_name)
    return [*findings, check_deletions(store), check_clock(store, now)]


def probe_writes(store: Store, *, rounds: int = ROUNDS, random_name: Callable[[], str] = _random_name) -> list[Finding]:
    """Whether reads show writes and conditions hold, also where two connections race, ``rounds`` times each.

    Raises StoreUnavailableError where the store gives no clear answer: it is down, and nothing was found out.
    """
    place = f"probe/{random_name()}-"
    with ThreadPoolExecutor(CONTENDERS) as pool:
        try:
            return [_found(check, Run(store, place, rounds, pool)) for check in CHECKS]
        finally:
            _clean(store, place)


def require_conditional_writes(
    store: Store, *, rounds: int = ROUNDS, random_name: Callable[[], str] = _random_name
) -> None:
    """Raise UnsafeStoreError, with one sentence, where a condition does not hold; else as ``probe_writes``."""
    wrong = [each for each in probe_writes(store, rounds=rounds, random_name=random_name) if not each.ok]
    if wrong:
        raise UnsafeStoreError(f"{wrong[0].sentence.rstrip('.')}; {WHAT_TO_DO}")


def check_deletions(store: Store) -> Finding:
    """Whether what is deleted is gone."""
    try:
        keeps_versions = store.keeps_versions()
    except StoreError as error:
        return Finding("deletions", False, f"Whether the bucket keeps versions could not be found out: {error}")
    if keeps_versions:
        return Finding(
            "deletions",
            False,
            "The bucket keeps versions, so deleted salts can be read and old visitor ids computed again: privacy cannot"
            " be promised here; use a bucket that never had versioning.",
        )
    return Finding("deletions", True, "What is deleted is gone.")


def check_clock(store: Store, now: datetime) -> Finding:
    """Whether the store's clock and ours agree within CLOCK_TOLERANCE_SECONDS."""
    try:
        theirs = store.server_time()
    except StoreError as error:
        return Finding("clock", False, f"The store's time could not be found out: {error}")
    if theirs is None:
        return Finding("clock", True, "The store has no clock of its own.")
    ahead_seconds = (now - theirs).total_seconds()
    if abs(ahead_seconds) > CLOCK_TOLERANCE_SECONDS:
        way = "ahead of" if ahead_seconds > 0 else "behind"
        how_far = f"{abs(ahead_seconds):.0f} s {way} the store's"
        return Finding("clock", False, f"The clock of this machine is {how_far}; set it by NTP.")
    return Finding("clock", True, f"The clocks agree within {CLOCK_TOLERANCE_SECONDS} s.")


def _found(check: Check, run: Run) -> Finding:
    for attempt in range(ATTEMPTS - 1):
        # An answer lost on the way says nothing about the store; a try of its own has keys of its own.
        with suppress(StoreUnavailableError):
            return _looked(check, replace(run, place=f"{run.place}{attempt}-"))
    return _looked(check, replace(run, place=f"{run.place}{ATTEMPTS}-"))


def _looked(check: Check, run: Run) -> Finding:
    try:
        check.look(run)
    except WrongError as wrong:
        return Finding(check.name, False, str(wrong))
    except StoreUnsupportedError:
        return Finding(check.name, False, f"The store says that it does not know writes with {check.needs}.")
    except ConflictError:
        return Finding(check.name, False, f"The store refuses a write with {check.needs} whose condition holds.")
    return Finding(check.name, True, check.sentence)


def _clean(store: Store, place: str) -> None:
    # What this cannot remove is a few bytes under a name that nobody reads.
    with suppress(StoreError):
        for row in list(store.list(place)):
            store.delete(row.key)
        if store.keeps_versions():
            store.delete_old_versions(place)
