"""The proof that the flush machine bites: with one rule of the protocol left out, it fails."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from mallard.store.base import Store
from mallard.table.layout import Partition
from mallard.table.partition_eraser import RemovedRows
from support import broken_rules as broken
from support.flush_machine import FlushMachine

pytestmark = pytest.mark.heavy

# Without shrinking: that it fails is what counts, not how short.
SEARCH = settings(
    max_examples=1500,
    stateful_step_count=12,
    phases=[Phase.generate],
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)

BROKEN_PARTS = {
    broken.BlindMachine: 1,
    broken.CarelessMachine: 4,
    broken.HastyMachine: 1,
    broken.ForwardMachine: 3,
    broken.ForgetfulMachine: 2,
    broken.NearsightedMachine: 1,
    broken.CachedBuildMachine: 1,
}
"""Each with a seed from which a dozen schedules or so find it; from most others it takes a hundred."""

ERASURES_SEED = 7


def run(machine: type[FlushMachine], first: int) -> None:
    run_state_machine_as_test(seed(first)(type("Seeded", (machine,), {})), settings=SEARCH)


@pytest.mark.parametrize("machine", BROKEN_PARTS)
def test_flush_machine_fails_when_a_part_breaks_a_rule(machine: type[FlushMachine]) -> None:
    with pytest.raises(AssertionError):
        run(machine, BROKEN_PARTS[machine])


@pytest.mark.parametrize("erase", [broken.delete_partition, broken.erase_upwards])
def test_flush_machine_fails_when_an_erasure_is_incorrect(
    erase: Callable[[Store, Partition, int], RemovedRows], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mallard.maintenance.erasure.erase_partition", erase)
    with pytest.raises(AssertionError):
        run(broken.ErasuresMachine, ERASURES_SEED)
