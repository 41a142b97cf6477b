"""The page for those who come from Plausible has what its API v1 takes, and filters that are read."""

import re
from pathlib import Path

import pytest

from mallard.sites.settings import Goal
from mallard.stats.filters import read_filters
from mallard.stats.v1_filters import read_v1_filters
from mallard.stats.v1_metrics import V1_METRICS
from mallard.stats.v1_query import INTERVALS, V1_PERIODS

PAGE = (Path(__file__).parents[2] / "docs" / "plausible.md").read_text("utf-8")
ROWS = PAGE.partition("### Filters")[2].partition("### Errors")[0]
FILTERS = [each.replace("\\|", "|") for each in re.findall(r"^\| `(.+?)` \|", ROWS, re.MULTILINE)]
GOALS = (Goal("Signup", "signup"),)


def test_page_names_all_metrics_periods_and_intervals() -> None:
    assert [name for name in (*V1_METRICS, *V1_PERIODS, *INTERVALS) if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("text", FILTERS)
def test_filter_of_the_page_is_read(text: str) -> None:
    assert read_filters(read_v1_filters(text, GOALS)) is not None


def test_page_has_filters() -> None:
    assert len(FILTERS) == 5
