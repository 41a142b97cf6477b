"""Hash of the SQL that counts a day: comments and indentation do not change it, anything else does."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mallard.engine.sql import day_statement
from mallard.engine.sql.day_statement import day_sql, rollup_made_by
from mallard.engine.sql.texts import without_comments


@pytest.mark.parametrize(
    ("sql", "stripped"),
    [
        ("-- A visitor's day.\nSELECT 1", "SELECT 1"),
        ("SELECT a, -- the day's\n    -- first\n    b\nFROM t\n", "SELECT a, b FROM t"),
        ("SELECT ' -- no  comment' AS a", "SELECT ' -- no  comment' AS a"),
        ("SELECT 'it''s --' AS \"a -- b\" -- end", "SELECT 'it''s --' AS \"a -- b\""),
        ("SELECT 1 - -1", "SELECT 1 - -1"),
    ],
)
def test_without_comments_keeps_statements_and_quoted_texts(sql: str, stripped: str) -> None:
    assert without_comments(sql) == stripped


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        (lambda sql: f"-- Another visitor's comment.\n{sql}", True),
        (lambda sql: sql.replace("\n", "\n        "), True),
        (lambda sql: f"{sql} LIMIT 1", False),
        (lambda sql: sql.replace("SELECT", "SELECT DISTINCT", 1), False),
    ],
    ids=["comment", "indentation", "clause", "word"],
)
def test_rollup_made_by_ignores_comments_and_indentation_of_sql(
    change: Callable[[str], str], is_same: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rollup_made_by("UTC")
    changed = replace(day_sql(), total=change(day_sql().total))
    monkeypatch.setattr(day_statement, "day_sql", lambda: changed)
    assert (rollup_made_by.__wrapped__("UTC") == before) is is_same


def test_rollup_made_by_depends_on_the_zone() -> None:
    assert rollup_made_by("UTC") != rollup_made_by("Asia/Tokyo")
