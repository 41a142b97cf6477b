"""Probe of a store's conditional writes, which the table depends on.

All objects are below ``probe/`` under random names, and are removed afterwards.
"""

import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from mallard.errors import ConflictError, StoreError, StoreUnavailableError, StoreUnsupportedError, UnsafeStoreError
from mallard.store.base import Store
from mallard.store.failed_probe import address_of, forget, recall, remember
from mallard.store.probe_checks import CHECKS, ProbeCheck, ProbeRun, WrongError
from mallard.store.write_race import Track

ROUNDS = 20
"""Races of each kind. A store that compares and then writes, not in one, takes both of two writes in many of them: one
that does in half of them passes once in a million probes."""

QUICK_ROUNDS = 14
"""For frequent starts, as on Lambda or of a command that runs each minute: versitygw 1.7, which took both writes
in 13 of 20 races, passes 0.35 to the 14th of such probes, four in ten million."""

RECHECK_ROUNDS = 100
"""After a failed probe: a store that takes both writes in one race of eight passes once in 600,000 probes."""

DELETIONS_AT_ONCE = 8

ATTEMPTS = 3
"""Tries of a check that gets no clear answer."""

CLOCK_TOLERANCE_SECONDS = 60

REMEDY = (
    "events would be lost: use another server (docs/stores.md names some), or set MALLARD_SINGLE_WRITER=true and"
    " accept its limits."
)


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; ``sentence`` describes the store's behaviour."""

    name: str
    ok: bool
    sentence: str


def _random_name() -> str:
    return secrets.token_hex(8)


def probe_writes(store: Store, *, rounds: int = ROUNDS, random_name: Callable[[], str] = _random_name) -> list[Finding]:
    """Check that reads show writes and that conditions hold, also in races of two connections, ``rounds`` of each kind.

    Raises StoreUnavailableError where the store gives no clear answer: then it is down, and the result is unknown.
    """
    place = f"probe/{random_name()}-"
    with Track(store) as track:
        try:
            return [_check(check, ProbeRun(store, place, rounds, track)) for check in CHECKS]
        finally:
            _clean(store, place)


def require_conditional_writes(
    store: Store,
    *,
    rounds: int = ROUNDS,
    random_name: Callable[[], str] = _random_name,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> None:
    """Raise UnsafeStoreError, with one sentence, where a condition does not hold; else as ``probe_writes``.

    A failure is recorded in the store, which is then rejected without a probe until ``mallard doctor`` passes it.
    A record of another server, as after a copy of the data, only makes the probe a full one.
    """
    failed = recall(store)
    if failed is not None and failed.address == address_of(store):
        raise UnsafeStoreError(f"{failed}; until `mallard doctor` passes it, {REMEDY}")
    rounds = rounds if failed is None else max(rounds, ROUNDS)
    findings = probe_writes(store, rounds=rounds, random_name=random_name)
    _note(store, findings, rounds, clock())
    if wrong := [each for each in findings if not each.ok]:
        raise UnsafeStoreError(f"{wrong[0].sentence.rstrip('.')}; {REMEDY}")


def recheck_writes(store: Store, now: datetime, *, rounds: int = ROUNDS) -> list[Finding]:
    """A full probe, longer after a failed one: it records failures, and deletes the record of a store that passes.

    Raises as ``probe_writes``.
    """
    failed = recall(store)
    rounds = rounds if failed is None else max(rounds, RECHECK_ROUNDS)
    findings = probe_writes(store, rounds=rounds)
    _note(store, findings, rounds, now)
    if failed is None:
        return findings
    if all(each.ok for each in findings):
        forget(store)
        sentence = f"{failed}; it passes now, with {rounds} races of each kind, so that record is deleted."
        return [*findings, Finding("earlier probe", True, sentence)]
    return [*findings, Finding("earlier probe", False, f"{failed}; the record stays until a probe passes.")]


def check_deletions(store: Store) -> Finding:
    """Check that deleted objects are gone."""
    try:
        keeps_versions = store.keeps_versions()
    except StoreError as error:
        return Finding("deletions", False, f"The bucket's versioning could not be read: {error}")
    if keeps_versions:
        return Finding(
            "deletions",
            False,
            "The bucket keeps versions, so deleted salts can be read and old visitor ids computed again: privacy cannot"
            " be promised here; use a bucket that never had versioning.",
        )
    return Finding("deletions", True, "Deleted objects are gone.")


def check_clock(store: Store, now: datetime) -> Finding:
    """Check that the store's clock and ours agree within CLOCK_TOLERANCE_SECONDS."""
    try:
        theirs = store.server_time()
    except StoreError as error:
        return Finding("clock", False, f"The store's time could not be read: {error}")
    if theirs is None:
        return Finding("clock", True, "The store has no clock of its own.")
    ahead_seconds = (now - theirs).total_seconds()
    if abs(ahead_seconds) > CLOCK_TOLERANCE_SECONDS:
        way = "ahead of" if ahead_seconds > 0 else "behind"
        how_far = f"{abs(ahead_seconds):.0f} s {way} the store's"
        return Finding("clock", False, f"The clock of this machine is {how_far}; set it by NTP.")
    return Finding("clock", True, f"The clocks agree within {CLOCK_TOLERANCE_SECONDS} s.")


def _note(store: Store, findings: Sequence[Finding], rounds: int, now: datetime) -> None:
    if wrong := [each for each in findings if not each.ok]:
        remember(store, [each.name for each in wrong], wrong[0].sentence, rounds, now)


def _check(check: ProbeCheck, run: ProbeRun) -> Finding:
    for attempt in range(ATTEMPTS - 1):
        # A lost response proves nothing about the store; each attempt uses keys of its own.
        with suppress(StoreUnavailableError):
            return _run_check(check, replace(run, place=f"{run.place}{attempt}-"))
    return _run_check(check, replace(run, place=f"{run.place}{ATTEMPTS}-"))


def _run_check(check: ProbeCheck, run: ProbeRun) -> Finding:
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
    # Remaining objects have a few bytes, and keys that no reader uses.
    with suppress(StoreError):
        with ThreadPoolExecutor(DELETIONS_AT_ONCE) as pool:
            list(pool.map(store.delete, [row.key for row in store.list(place)]))
        if store.keeps_versions():
            store.delete_old_versions(place)
