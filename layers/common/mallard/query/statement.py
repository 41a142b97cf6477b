"""SQL put together from the files in ``query/sql``: names and closed fragments only, values are always bound."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import pyarrow as pa

from mallard.query.dimensions import DIMENSIONS, Dimension
from mallard.table import rollup


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL over ``event`` (and ``visit``): file names below ``query/sql``, closed fragments, bound values.

    ``rolled`` names the dimension whose rollup rows the statement adds as ``rollup``; None: it needs the events.
    ``tables`` are small ones of the statement's own, by name.
    """

    parts: tuple[str, ...]
    fragments: Mapping[str, str]
    values: Mapping[str, Any]
    rolled: str | None = None
    tables: Mapping[str, pa.Table] = field(default_factory=dict)


def hours_table(starts: Iterable[Any]) -> pa.Table:
    """The table ``hours`` of the moments (naive UTC) at which local hours begin."""
    return pa.table({"start": pa.array(starts, pa.timestamp("us"))})


@cache
def sql_file(name: str) -> str:
    """The text of ``query/sql/<name>.sql``."""
    return files("mallard.query").joinpath("sql", f"{name}.sql").read_text("utf-8")


def event_ctes(*, has_files: bool, has_waiting: bool) -> list[str]:
    """``event`` over what there is: segments, pending events, both, or neither."""
    if has_files:
        names = ("stored", "waiting", "events_both") if has_waiting else ("stored", "events_stored")
        return [sql_file(name) for name in names]
    # An empty list of files is refused by read_parquet; no rows at all is the same as none waiting.
    return [sql_file("waiting"), sql_file("events_waiting")]


def statement_sql(statement: Statement, *, has_files: bool, has_waiting: bool) -> str:
    """The whole text of a report's statement."""
    *ctes, last = (sql_file(part).format(**statement.fragments) for part in statement.parts)
    return _with([*event_ctes(has_files=has_files, has_waiting=has_waiting), *ctes], last)


@cache
def rollup_sql() -> str:
    """What counts a day for its rollup: the same ``event`` and ``visit`` that the reports count."""
    of_visits = [each for each in DIMENSIONS.values() if each.of_visit]
    opening = "".join(f",\n        {each.of_visit} AS dim_{each.name}" for each in of_visits)
    opening += (
        ",\n        sum(revenue) AS revenue, min(currency_low) AS currency_low, max(currency_high) AS currency_high"
    )
    ctes = [
        *event_ctes(has_files=True, has_waiting=False),
        sql_file("event_money"),
        sql_file("visits").format(opening=opening, source="event_money"),
    ]
    money = sql_file("money")
    selects = [sql_file("rollup_rows"), *(sql_file(f"rollup_{name}").format(money=money) for name in ("total", "hour"))]
    selects += [_rolled(each, money) for each in DIMENSIONS.values()]
    return _with(ctes, "\nUNION ALL BY NAME\n".join(selects))


@cache
def rollup_made_by(zone: str) -> str:
    """A hash of all that decides what a rollup says of the same segments: an upgrade that counts otherwise rebuilds."""
    text = "\n".join([rollup_sql(), str(rollup.SCHEMA), zone])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _rolled(dimension: Dimension, money: str) -> str:
    kind = "rollup_visit" if dimension.of_visit else "rollup_event"
    return sql_file(kind).format(
        name=dimension.name,
        dimension=dimension.column,
        counts_strangers=str(dimension.counts_strangers).lower(),
        money=money,
    )


def _with(ctes: list[str], last: str) -> str:
    return "WITH " + ",\n".join(ctes) + "\n" + last
