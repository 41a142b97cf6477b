"""Rows of any types in columns that a format has."""

from collections.abc import Callable

import duckdb
import pyarrow as pa

from mallard.errors import QueryError

_CASTS = "SELECT {columns} FROM rows"

_MOMENT = (
    "CASE WHEN isfinite({name}) "
    "THEN replace(strftime(CAST({name} AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%fZ'), '000Z', 'Z') "
    "ELSE CAST({name} AS VARCHAR) END"
)
"""RFC 3339, with microseconds where there are some."""


def plain_columns(rows: pa.Table, *, nested: bool) -> pa.Table:
    """The same rows for CSV, or JSON where ``nested``: numbers and truths stay, all others are text.

    Moments are RFC 3339 in UTC. Lists and structs are JSON text, or stay as they are where ``nested``; JSON has no NaN
    and no infinity, which are null there.
    """
    return _cast(rows, lambda name, kind: _plain(name, kind, nested=nested))


def parquet_columns(rows: pa.Table) -> pa.Table:
    """The same rows; columns of types that Parquet lacks are text."""
    return _cast(rows, lambda name, kind: f"CAST({name} AS VARCHAR)" if _is_not_in_parquet(kind) else name)


def _cast(rows: pa.Table, expression: Callable[[str, pa.DataType], str]) -> pa.Table:
    names = [f"c{number}" for number in range(rows.num_columns)]
    columns = ", ".join(
        f"{expression(name, field.type)} AS {name}" for name, field in zip(names, rows.schema, strict=True)
    )
    with duckdb.connect(config={"threads": 1}) as database:
        try:
            database.execute("SET TimeZone = 'UTC'")
            database.register("rows", rows.rename_columns(names))
            found: pa.Table = database.execute(_CASTS.format(columns=columns)).to_arrow_table()
        except duckdb.Error as error:
            raise QueryError("The result has a column that has no place in the format; cast it to VARCHAR.") from error
    return found.rename_columns(rows.column_names)


def _plain(name: str, kind: pa.DataType, *, nested: bool) -> str:
    types = pa.types
    if types.is_nested(kind):
        json = f"CAST(to_json({name}) AS VARCHAR)"
        if not nested:
            return json
        return f"CASE WHEN NOT regexp_matches({json}, 'NaN|Infinity') THEN {name} END" if _has_floats(kind) else name
    if types.is_timestamp(kind):
        return _MOMENT.format(name=name)
    if types.is_floating(kind) and nested:
        return f"CASE WHEN isfinite({name}) THEN {name} END"
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_boolean(kind):
        return name
    return f"CAST({name} AS VARCHAR)"


def _has_floats(kind: pa.DataType) -> bool:
    if not pa.types.is_nested(kind):
        return bool(pa.types.is_floating(kind))
    return any(_has_floats(kind.field(number).type) for number in range(kind.num_fields))


def _is_not_in_parquet(kind: pa.DataType) -> bool:
    return bool(pa.types.is_interval(kind) or pa.types.is_union(kind) or isinstance(kind, pa.BaseExtensionType))
