"""The probe finds every broken rule, names it in one sentence, and leaves nothing behind."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mallard.errors import StoreUnavailableError, UnsafeStoreError
from mallard.store.local import LocalStore
from mallard.store.probe import ATTEMPTS, check_clock, check_deletions, probe_writes, require_conditional_writes
from support import lax
from support.faults import Fault, FaultyStore
from support.lax import NOON, clock_off_by
from support.memory import MemoryStore
from support.moto import moto_server
from support.proxy import proxy
from support.s3 import Server

CHECKS = [
    "reads", "taken name", "swap", "stale version", "absent object", "race for a name", "race for a version",
    "deletions", "clock",
]  # fmt: skip

BROKEN: dict[type[MemoryStore], tuple[set[str], str]] = {
    lax.IgnoresIfNoneMatch: (
        {"taken name", "race for a name"},
        "The store ignores If-None-Match and overwrites an object",
    ),
    lax.IgnoresIfMatch: (
        {"stale version", "absent object", "race for a version"},
        "The store ignores If-Match and overwrites a newer version",
    ),
    lax.IgnoresConditions: (
        {"taken name", "stale version", "absent object", "race for a name", "race for a version"},
        "The store ignores If-None-Match and overwrites an object",
    ),
    lax.RestoresAbsent: ({"absent object"}, "The store ignores If-Match and creates an object that is absent"),
    lax.ChecksThenCreates: (
        {"race for a name"},
        "The store accepts both of two simultaneous writes with If-None-Match, and one of them is lost",
    ),
    lax.ChecksThenSwaps: (
        {"race for a version"},
        "The store accepts both of two simultaneous writes with If-Match, and one of them is lost",
    ),
    lax.RefusesBothRacers: (
        {"race for a version"},
        "The store accepts neither of two simultaneous writes with If-Match, however often",
    ),
    lax.RefusesAndWrites: (
        {"stale version", "absent object", "race for a version"},
        "The store says that it refuses, but ignores If-Match and overwrites a newer version",
    ),
    lax.RefusesAllSwaps: (
        {"swap", "stale version", "race for a version"},
        "The store refuses a write with If-Match whose condition holds",
    ),
    lax.ReadsLate: (
        {"reads", "swap", "race for a name", "race for a version"},
        "The store does not show an object right after it was written",
    ),
    lax.ListsLate: ({"reads"}, "The store does not list an object right after it was written"),
    lax.OneEtagForAll: (
        {"swap", "stale version", "absent object", "race for a version"},
        "The store gives two versions of an object the same ETag",
    ),
    lax.OtherEtagOnRead: (
        {"reads", "race for a version"},
        "The store names one ETag when an object is written and another when it is read",
    ),
    lax.KnowsNoSwaps: (
        {"swap", "stale version", "absent object", "race for a version"},
        "The store says that it does not know writes with If-Match",
    ),
    lax.KnowsNoConditions: (
        {"reads", "taken name", "swap", "stale version", "absent object", "race for a name", "race for a version"},
        "The store says that it does not know writes with If-None-Match",
    ),
}


def test_probe_passes_on_folder_and_memory_and_leaves_no_objects(tmp_path: Path) -> None:
    for store in (MemoryStore(), LocalStore(tmp_path)):
        store.put_if_absent("probe/mine", b"1")
        findings = [*probe_writes(store, rounds=3), check_deletions(store), check_clock(store, NOON)]
        assert [each.name for each in findings] == CHECKS
        assert [each for each in findings if not each.ok] == []
        assert [row.key for row in store.list("")] == ["probe/mine"]
        require_conditional_writes(store, rounds=1)


@pytest.mark.parametrize("etags", ["", "bare", "quoted"])
def test_probe_passes_for_any_etag_form(etags: str) -> None:
    with moto_server() as address, proxy(address) as between:
        between.only_etags = etags
        store = Server(between.address).new_store("prefix")
        assert [each for each in probe_writes(store, rounds=5) if not each.ok] == []
        assert list(store.list("")) == []


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_probe_detects_each_broken_rule(kind: type[MemoryStore]) -> None:
    wrong, _ = BROKEN[kind]
    assert {each.name for each in probe_writes(kind()) if not each.ok} == wrong


@pytest.mark.parametrize("kind", BROKEN, ids=lambda kind: kind.__name__)
def test_unsafe_store_is_refused_in_one_sentence_with_advice(kind: type[MemoryStore]) -> None:
    _, sentence = BROKEN[kind]
    with pytest.raises(UnsafeStoreError) as refused:
        require_conditional_writes(kind())
    text = str(refused.value)
    assert text.startswith(f"{sentence}; events would be lost: use another server")
    assert "MALLARD_SINGLE_WRITER=true" in text
    assert re.search(r"[.!?]\s", text.removesuffix(".")) is None


def test_unreachable_store_is_unavailable_and_not_unsafe() -> None:
    with pytest.raises(StoreUnavailableError):
        require_conditional_writes(lax.IsDown())
    faulty = FaultyStore(MemoryStore())
    faulty.faults.extend([Fault.NONE] * 4 + [Fault.LOST_ANSWER] * ATTEMPTS)
    with pytest.raises(StoreUnavailableError):
        require_conditional_writes(faulty)
    assert list(faulty.list("")) == []


@pytest.mark.parametrize("fault", [Fault.UNAVAILABLE, Fault.LOST_ANSWER])
def test_probe_ignores_a_lost_response(fault: Fault) -> None:
    faulty = FaultyStore(MemoryStore())
    for _ in range(3):
        faulty.faults.extend([fault, *[Fault.NONE] * 5])
    assert [each for each in probe_writes(faulty, rounds=3) if not each.ok] == []
    assert list(faulty.list("")) == []


def test_store_that_errors_for_race_losers_is_safe() -> None:
    assert [each for each in probe_writes(lax.FailsLosers()) if not each.ok] == []


def test_concurrent_probes_do_not_interfere() -> None:
    store = MemoryStore()
    names = iter("ab")

    def inner() -> str:
        name = next(names)
        if name == "a":
            assert all(each.ok for each in probe_writes(store, rounds=1, random_name=lambda: next(names)))
        return name

    assert all(each.ok for each in probe_writes(store, rounds=1, random_name=inner))
    assert list(store.list("")) == []


def test_versioned_bucket_is_a_privacy_finding() -> None:
    finding = check_deletions(lax.KeepsVersions())
    assert not finding.ok
    assert "deleted salts can be read" in finding.sentence
    require_conditional_writes(lax.KeepsVersions())


@pytest.mark.parametrize(
    ("make", "ok", "sentence"),
    [
        (clock_off_by(0), True, "The clocks agree within 60 s."),
        (clock_off_by(60), True, "The clocks agree within 60 s."),
        (clock_off_by(-61), False, "The clock of this machine is 61 s ahead of the store's; set it by NTP."),
        (clock_off_by(3600), False, "The clock of this machine is 3600 s behind the store's; set it by NTP."),
        (MemoryStore, True, "The store has no clock of its own."),
    ],
)
def test_clock_check_tolerates_one_minute(make: Callable[[], MemoryStore], ok: bool, sentence: str) -> None:
    finding = check_clock(make(), NOON)
    assert (finding.ok, finding.sentence) == (ok, sentence)


def test_probe_leaves_no_versions_in_a_versioned_bucket() -> None:
    with moto_server() as address:
        server = Server(address)
        store = server.new_store()
        server.client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
        assert all(each.ok for each in probe_writes(store, rounds=2))
        answer = server.client.list_object_versions(Bucket=store.bucket)
        assert "Versions" not in answer
        assert "DeleteMarkers" not in answer
