"""An SQL query over the views ``events`` and ``visits``."""

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class SqlQuery:
    """SQL over the views of ``sites``, on their local dates ``start <= date < end``; None: all."""

    sql: str
    sites: tuple[str, ...]
    start: date | None = None
    end: date | None = None
