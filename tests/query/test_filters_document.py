"""docs/filters.md is true: its examples are filters, and its tables have all there is."""

import re
from pathlib import Path

import duckdb
import pytest

from mallard.engine.sql.conditions import MAX_GOALS, compile_filter
from mallard.sites.settings import Goal
from mallard.stats.dimensions import OF_EVENTS, OF_VISITS, SEED_NAMES
from mallard.stats.filter_reader import MAX_SEQUENCE, MAX_SEQUENCES
from mallard.stats.filters import (
    GROUPS,
    MAX_DEPTH,
    MAX_FILTER_BYTES,
    MAX_LEAVES,
    MAX_PATTERN_LENGTH,
    MAX_PATTERNS,
    MAX_PROPERTY_LENGTH,
    MAX_VALUE_LENGTH,
    MAX_VALUES,
    OPERATORS,
    parse_filters,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "filters.md"
EXAMPLES = re.findall(r"`(\[\".*?)`", DOCUMENT.read_text("utf-8"))


@pytest.mark.parametrize("example", EXAMPLES)
def test_the_examples_of_the_document_are_filters(example: str) -> None:
    asked = parse_filters(f"[{example}]")
    assert asked is not None
    goals = (Goal("Signup", event="signup"), Goal("Blog", page="/blog/**"))
    for pattern in compile_filter(asked, goals).patterns:
        duckdb.execute("SELECT regexp_matches('', $pattern)", {"pattern": pattern})


def test_the_document_has_every_operator_dimension_and_limit() -> None:
    text = DOCUMENT.read_text("utf-8")
    listed = set(re.findall(r"^\| `([\w:<>]+)` \|", text, re.MULTILINE))
    assert listed >= {*OPERATORS, *GROUPS, *OF_EVENTS, *OF_VISITS}
    also = dict(re.findall(r"^\| `([\w:]+)` \| `(\w+)` \| [^|]+ \|", text, re.MULTILINE))
    assert {name: dimension for dimension, name in also.items()} == SEED_NAMES
    shape = (MAX_DEPTH, MAX_LEAVES, MAX_SEQUENCE, MAX_SEQUENCES, MAX_VALUES, MAX_VALUE_LENGTH)
    limits = (*shape, MAX_PATTERN_LENGTH, MAX_PATTERNS, MAX_PROPERTY_LENGTH, MAX_GOALS)
    table = text[text.index("## Limits") :]
    assert [int(found.replace(",", "")) for found in re.findall(r"\| ([\d,]+)", table)] == [
        MAX_FILTER_BYTES // 1024,
        *limits,
    ]
