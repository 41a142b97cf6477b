"""Small portions: of queries, so that each day is cut by the visitor, and of builds of rollups."""

import pytest

from mallard.engine.duckdb import plan
from mallard.maintenance import day_builder


def cut_all_days(monkeypatch: pytest.MonkeyPatch, parts: int = 3) -> None:
    """Let queries count each day in so many parts, and no two days at once."""
    monkeypatch.setattr(plan, "PORTION_BYTES", 1)
    monkeypatch.setattr(plan, "MAX_PARTS", parts)


def count_each_day_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let builds of rollups count no two days in one statement."""
    monkeypatch.setattr(day_builder, "SMALL_DAYS_BYTES", 0)
