"""No test here is timed: machines are slow at times, and speed is shown by `make bench`."""

import gc
import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from support.forked import Forked
from support.numbered import NUMBERED, mark_numbered
from support.order import longest_first
from support.sampled import DIVIDED, SAMPLED, SOAK, mark_heavy
from support.scratch import keep_files_in_memory
from support.server import Server, started
from support.thinned import thin

EXAMPLES = {"test": 30, "check": 100}
"""Of a property test that names no number of its own."""

# The same examples in every run: `make soak` looks for others.
for profile, examples in EXAMPLES.items():
    settings.register_profile(
        profile,
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


def pytest_configure(config: pytest.Config) -> None:
    """What is waited for is the product, not a disk or imports. The heavy suite has programs and a disk as users do."""
    is_check = config.option.markexpr.startswith("heavy")
    settings.load_profile("check" if is_check else "test")
    if not is_check:
        keep_files_in_memory()
    for marker in (SAMPLED, SOAK, DIVIDED, NUMBERED):
        config.addinivalue_line("markers", marker)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Of modules and thousands of tests nothing is garbage yet, and looking for it takes a fifth of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before those that are not asked for are left out."""
    mark_heavy(items)
    mark_numbered(items, settings().max_examples)
    thin(items)
    longest_first(items)


def pytest_collection_finish() -> None:
    """Modules and thousands of tests stay to the end: the collector need not walk them again and again."""
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Servers are programs of their own where a heavy test starts them, unless it is heavy only for its number."""
    is_program = item.get_closest_marker("heavy") and not item.get_closest_marker("divided")
    Server.begin = started if is_program else Forked


@pytest.fixture(autouse=True, scope="module")
def _no_handler_of_functions_stays() -> Iterator[None]:
    """A function gives our logger a handler and attributes, as is right in Lambda: commands of later files have none.

    For a file, whose fixtures may keep a warm function.
    """
    logger = logging.getLogger("mallard")
    attributes, handlers, filters = {**vars(logger)}, [*logger.handlers], [*logger.filters]
    yield
    for name in vars(logger).keys() - attributes.keys():
        delattr(logger, name)
    logger.handlers[:], logger.filters[:], logger.propagate = handlers, filters, attributes["propagate"]


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    """A command that a test runs in this process sends its lines to a stderr that is closed with the test."""
    loggers = (logging.root, logging.getLogger("mallard"))
    before, levels = list(logging.root.handlers), [each.level for each in loggers]
    yield
    for handler in list(logging.root.handlers):
        if type(handler) is logging.StreamHandler and handler not in before:
            logging.root.removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)
