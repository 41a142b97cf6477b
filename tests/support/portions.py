"""Portions so small that each day is cut by the visitor."""

import pytest

from mallard.engine.duckdb import plan


def cut_all_days(monkeypatch: pytest.MonkeyPatch, parts: int = 3) -> None:
    """Let queries count each day in so many parts, and no two days at once."""
    monkeypatch.setattr(plan, "PORTION_BYTES", 1)
    monkeypatch.setattr(plan, "MAX_PARTS", parts)
