"""Property tests that name their own number of examples, which are the same examples in every suite."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import is_hypothesis_test, settings

NUMBERED = "numbered: a property test that names its own number of examples; `make check` does not repeat it"


def mark_numbered(items: Iterable[pytest.Item], of_profile: int) -> None:
    """Mark the property tests whose number of examples is not the profile's."""
    for item in items:
        test = getattr(item, "obj", None)
        if is_hypothesis_test(test) and _settings(item, test).max_examples != of_profile:
            item.add_marker("numbered")


def _settings(item: pytest.Item, test: Any) -> settings:
    """A state machine's are those of its class."""
    machine: settings | None = getattr(getattr(item, "cls", None), "settings", None)
    return machine or test._hypothesis_internal_use_settings
