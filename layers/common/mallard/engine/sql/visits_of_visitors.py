"""Statements over visitors' events that take visits from their files instead of putting them together."""

from mallard.engine.sql.conditions import EVERYTHING
from mallard.engine.sql.count_select import present_value
from mallard.engine.sql.operators import NOTHING
from mallard.engine.sql.statement import KEYS, CountStatement, every_sql
from mallard.engine.sql.texts import sql_file, with_sql
from mallard.engine.sql.visits_count import flattened, visit_column, visits_beside_events_ctes, visits_ctes
from mallard.stats.dimensions import DIMENSIONS, Dimension


def visitor_days_sql(count: CountStatement) -> str:
    """A SELECT of ``date, visitor_id, value`` over visits files: a row for each visit with events that match, or for
    each of its steps where the dimension is one of events. It binds the paths as ``visits``.
    """
    name, conditions = count.dimensions[0], count.conditions or EVERYTHING
    dimension = DIMENSIONS.get(name)
    of_steps = dimension is not None and not dimension.of_visit
    column = visit_column(dimension) if dimension else None
    columns = {column} if column else set()
    ctes = visits_ctes(
        conditions,
        visit_columns=None if of_steps else columns,
        step_columns=columns if of_steps else None,
        visit_readers=0 if of_steps else 1,
        step_readers=1 if of_steps else 0,
    )
    rows = "matched" if of_steps else "visit" if conditions.event else "passing"
    part = sql_file("visitors_of_part") if count.in_parts else "true"
    return with_sql(ctes, sql_file("visitor_days").format(value=_value(dimension, column), rows=rows, part=part))


def united_days_sql(days: str, events: str) -> str:
    """The CTE ``visitor_events`` of the rows of ``visitor_days_sql``, and of the ``events``, CTEs up to one of that
    name; these may be empty.
    """
    if not events:
        return f"visitor_events AS NOT MATERIALIZED (\n{days}\n)"
    more = f"WITH\n{events}\nSELECT date, visitor_id, value FROM visitor_events"
    return f"visitor_events AS NOT MATERIALIZED (\n({days})\nUNION ALL\n({more})\n)"


def events_of_visits_sql(count: CountStatement) -> str:
    """The CTEs up to ``visitor_events``, as of ``visitor_events_sql``, over segments and the visits of the same days.

    They bind the paths of the visits as ``visits``.
    """
    name, conditions = count.dimensions[0], count.conditions or EVERYTHING
    dimension = DIMENSIONS.get(name)
    of_visit = dimension is not None and dimension.of_visit
    column = visit_column(dimension) if dimension else None
    wanted = {"started_at", "next_at", "is_first", *({str(column)} if of_visit else set())}
    column = f"{'visit' if of_visit else 'event'}.{column}" if column else None
    events = sql_file("visitor_events_beside").format(
        columns=", ".join(f"event.{each}" for each in dict.fromkeys((*KEYS, *count.also))),
        value=_value(dimension, column),
        event=flattened(conditions.event or "true"),
    )
    every = every_sql(has_files=True, has_waiting=False, in_parts=count.in_parts)
    return ",\n".join([*every, *visits_beside_events_ctes(conditions, wanted), events])


def _value(dimension: Dimension | None, column: str | None) -> str:
    return f"coalesce({present_value(dimension, column)}, '{dimension.blank}')" if dimension else NOTHING
