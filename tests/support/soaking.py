"""A plugin for pytest, loaded by tests/soak.py: every property test that names no number of its own runs for longer."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "soak",
    max_examples=int(os.environ["MALLARD_TEST_EXAMPLES"]),
    deadline=None,
    derandomize=False,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


def pytest_sessionstart() -> None:
    """After tests/conftest.py has loaded the everyday profile, and before any test is read."""
    settings.load_profile("soak")
