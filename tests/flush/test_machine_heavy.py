"""The flush machine over many schedules; tests/soak.py runs more, and other ones each time."""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from support.flush_machine import FlushMachine

pytestmark = pytest.mark.heavy

SCHEDULES = settings(
    max_examples=2000,
    stateful_step_count=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


def test_2000_schedules_lose_nothing_double_nothing_and_show_no_wrong_number() -> None:
    run_state_machine_as_test(FlushMachine, settings=SCHEDULES)
