"""Statements that make the views ``events`` and ``visits`` of SQL queries."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from mallard.engine.sql.statement import CountStatement, visits_sql
from mallard.engine.sql.texts import sql_file, with_sql
from mallard.stats.dimensions import DIMENSIONS, TOTAL
from mallard.stats.metrics import MEASURES
from mallard.table import visits_file
from mallard.table.schema import EVENTS
from mallard.table.visits_file import FIRST_EVENT

VISITS = (
    "visitor_id",
    "visit_number",
    "started_at",
    "duration_ms",
    "pageviews",
    "events",
    "bounced",
    "entry_page",
    "exit_page",
    *FIRST_EVENT,
    "revenue_amount",
    "revenue_currency",
)
"""The columns of ``visits`` behind ``site_id`` and ``date``; ``visit_number`` is 1 for the first of a visitor's day."""

_NUMBER = "CAST(greatest(visit_number, 1) AS INTEGER) AS visit_number"
_ORDINAL = "coalesce(hour_order - 4611686018427387904, event_id) AS ordinal"
"""As in stored.sql."""

_TYPES = {
    pa.int64(): "BIGINT",
    pa.int32(): "INTEGER",
    pa.int16(): "SMALLINT",
    pa.string(): "VARCHAR",
    pa.bool_(): "BOOLEAN",
    pa.date32(): "DATE",
    pa.timestamp("ms"): "TIMESTAMP_MS",
    pa.decimal128(12, 2): "DECIMAL(12, 2)",
    pa.decimal128(18, 2): "DECIMAL(18, 2)",
}


@dataclass(frozen=True, slots=True)
class SqlFiles:
    """Paths of the files that an SQL query reads: segments for ``events``, visits files for ``visits``, and for both
    the pending events ``waiting``.

    Of ``uncounted`` segments the days have no visits file; all days with pending events are among them.
    """

    events: Sequence[str] = ()
    visits: Sequence[str] = ()
    uncounted: Sequence[str] = ()
    waiting: Sequence[str] = ()


def events_view(files: SqlFiles) -> str:
    """The statement that makes ``events``: each row of the table and of the queue once, engagement pings included."""
    columns = ", ".join(EVENTS.names)
    return f"CREATE VIEW events AS\n{with_sql(_every_row(files.events, files.waiting), _rows(columns, files.waiting))}"


def visits_view(files: SqlFiles) -> str:
    """The statement that makes ``visits``: a row for each visit, as reports count them."""
    parts = [f"SELECT {_typed(_VISITS_SCHEMA)} WHERE false"]
    if files.visits:
        columns = ", ".join(("date", *(_NUMBER if each == "visit_number" else each for each in VISITS)))
        parts.append(sql_file("view_visits_read").format(columns=columns, files=_listed(files.visits)))
    if files.uncounted or files.waiting:
        parts.append(f"(\n{_visits_of_events(files)}\n)")
    return "CREATE VIEW visits AS\n" + "\nUNION ALL BY NAME\n".join(parts)


def _visits_of_events(files: SqlFiles) -> str:
    count = CountStatement(dict.fromkeys((TOTAL, *DIMENSIONS), tuple(MEASURES)), with_money=True)
    rows = _rows(", ".join(EVENTS.names), files.waiting)
    every = (
        "every AS NOT MATERIALIZED (\n"
        f"SELECT * EXCLUDE (site_id, date), {{'site_id': site_id, 'date': date}} AS date, {_ORDINAL}\n"
        f"FROM ({rows}) WHERE event_name <> 'engagement'\n)"
    )
    event = sql_file("event").format(columns=", ".join(count.columns), kept="MATERIALIZED")
    ctes = [
        *_every_row(files.uncounted, files.waiting),
        every,
        event,
        visits_sql(count, with_starts=True),
        sql_file("visit_all"),
    ]
    opening = ", ".join(f"opening.{each} AS {each}" for each in FIRST_EVENT)
    return with_sql(ctes, sql_file("view_visits_counted").format(opening=opening))


def _every_row(files: Sequence[str], waiting: Sequence[str]) -> list[str]:
    columns = ", ".join(EVENTS.names)
    typed = _typed(EVENTS)
    if files:
        ctes = [sql_file("view_stored").format(columns=columns, typed=typed, files=_listed(files))]
    else:
        ctes = [f"stored AS NOT MATERIALIZED (SELECT {typed} WHERE false)"]
    if waiting:
        ctes.append(sql_file("view_waiting").format(columns=columns, waiting=_listed(waiting)))
    return ctes


def _rows(columns: str, waiting: Sequence[str]) -> str:
    table = "every_row" if waiting else "stored"
    return f"SELECT site_id, date, {columns} FROM {table}"  # noqa: S608  # names of ours


_VISITS_SCHEMA = pa.schema([visits_file.SCHEMA.field(name) for name in VISITS])


def _typed(schema: pa.Schema) -> str:
    """Nulls of the types of the columns, and of site and date."""
    fields = [pa.field("site_id", pa.string()), pa.field("date", pa.date32()), *schema]
    return ", ".join(f"CAST(NULL AS {_TYPES[each.type]}) AS {each.name}" for each in fields)


def _listed(files: Sequence[str]) -> str:
    return ", ".join("'" + each.replace("'", "''") + "'" for each in files)
