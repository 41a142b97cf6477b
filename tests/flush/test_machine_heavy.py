"""The flush machine over many schedules; tests/soak.py runs 100,000, other ones each time."""

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from support.flush_machine import FlushMachine

pytestmark = pytest.mark.heavy

SEEDS = [1, 2]
SCHEDULES = settings(
    max_examples=200,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("first", SEEDS)
def test_flush_machine_shows_no_wrong_number_in_200_schedules(first: int) -> None:
    run_state_machine_as_test(seed(first)(type("Seeded", (FlushMachine,), {})), settings=SCHEDULES)
