"""The SQL files of this folder, read once."""

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from mallard.stats.visit import ROUNDED_GAP, VISIT_GAP

GAPS = {
    "gap_ms": int(VISIT_GAP.total_seconds() * 1000),
    "rounded_gap_ms": int(ROUNDED_GAP.total_seconds() * 1000),
}
"""The longest gaps of a visit, for the files that put visits together."""

_QUOTED_OR_BLANK = re.compile(r"""('(?:[^']|'')*'|"(?:[^"]|"")*")|(?:--[^\n]*|\s)+""")


@cache
def sql_file(name: str) -> str:
    """The text of ``engine/sql/<name>.sql``."""
    return files("mallard.engine").joinpath("sql", f"{name}.sql").read_text("utf-8").strip()


def with_sql(ctes: Iterable[str], statement: str = "") -> str:
    """A statement behind its common table expressions."""
    return "WITH\n" + ",\n".join(ctes) + f"\n{statement}"


def without_comments(sql: str) -> str:
    """The same statements in one line: comments, indentation and line ends are one space, quoted texts stay."""
    return _QUOTED_OR_BLANK.sub(lambda match: match[1] or " ", sql).strip()
