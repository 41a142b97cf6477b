"""SQL statements over events and visits, composed of SQL files, with bound values."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from mallard.engine.sql.conditions import EVERYTHING, Conditions
from mallard.engine.sql.count_select import present_value
from mallard.engine.sql.operators import NOTHING
from mallard.engine.sql.sequence_end import sequence_end
from mallard.engine.sql.texts import GAPS, sql_file, with_sql
from mallard.stats.dimensions import BY_NAME, DIMENSIONS, END_COLUMNS, Dimension
from mallard.stats.metrics import MEASURES, MONEY, Measure

BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001  # the table's timestamps are naive UTC

MOMENT = "(CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)"
"""An event's place in the order of events, by time, then by ``ordinal``: one number is compared faster than a pair."""

_AFTER_ALL_TIMES = 2**120

KEYS = ("date", "visitor_id", "timestamp", "ordinal", "event_name", "interactive")
_MONEY = (
    "revenue_amount AS revenue",
    "CASE WHEN revenue_amount IS NOT NULL THEN coalesce(revenue_currency, '') END AS currency_low",
    "currency_low AS currency_high",
)
_MONEY_OF_VISIT = (
    "sum(revenue) AS revenue",
    "min(currency_low) AS currency_low",
    "max(currency_high) AS currency_high",
)

EVENTS_ALONE = "count(*) FILTER (event_name <> 'engagement')"
"""The number of events where ``matched`` has engagement pings too."""

SPANS = frozenset({"visits", "duration_ms", "visit_pageviews"})
"""Measures of visits for which no visit has to be looked at as a whole."""


@dataclass(frozen=True, slots=True)
class _VisitEnds:
    """SQL of a visit's start and duration, and the number whose least is that of its first event."""

    start: str
    duration: str
    opening: str


_WHOLE_DAY = _VisitEnds("min(timestamp)", "date_diff('millisecond', min(timestamp), max(timestamp))", MOMENT)
"""Of visitors whose events are all interactive."""

_INTERACTIVE = "FILTER (interactive IS NOT FALSE)"
_PART_OF_DAY = _VisitEnds(
    f"coalesce(min(timestamp) {_INTERACTIVE}, min(timestamp))",
    f"coalesce(date_diff('millisecond', min(timestamp) {_INTERACTIVE}, max(timestamp) {_INTERACTIVE}), 0)",
    # A visit without interactive events has the first of its others.
    f"{MOMENT} + CASE WHEN interactive IS FALSE THEN {_AFTER_ALL_TIMES} ELSE 0 END",
)


@dataclass(frozen=True, slots=True)
class CountStatement:
    """The counts of a statement: for each dimension, TOTAL and HOUR among them, the names of its measures.

    ``with_money`` adds MONEY to each. ``also`` are columns of events that are read besides. ``in_parts``: the statement
    binds ``part`` and ``parts``, and counts one part of the visitors. ``reached``: of an engagement ping, that it
    reaches a goal of the rows; the relation ``reached`` then has those pings.
    """

    measures: Mapping[str, Collection[str]]
    conditions: Conditions | None = None
    with_money: bool = False
    also: tuple[str, ...] = ()
    in_parts: bool = False
    reached: str | None = None

    @property
    def looks_at_pings(self) -> bool:
        """True where engagement pings are looked at beside events."""
        return self.reached is not None or (self.conditions is not None and self.conditions.looks_at_pings)

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The names, TOTAL and HOUR among them."""
        return tuple(self.measures)

    @property
    def known(self) -> tuple[Dimension, ...]:
        """The dimensions among the keys."""
        return tuple(BY_NAME[name] for name in self.measures if name in BY_NAME)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of an event that are read."""
        read = {*self.also, *(each.column for each in self.known)}
        read |= self.conditions.columns if self.conditions else set()
        return (*KEYS, *sorted(read - set(KEYS)), *(_MONEY if self.with_money else ()))

    @property
    def columns_in_memory(self) -> int:
        """As many columns of the events as take the statement's memory: events that match a filter are in two tables.

        Half of them, as usual filters match fewer than all.
        """
        return len(self.columns) * (3 if self.conditions else 2) // 2

    def measures_of(self, dimension: str) -> tuple[Measure, ...]:
        """The measures of a dimension, in the table's order."""
        wanted = self.measures[dimension]
        measures = tuple(each for each in MEASURES.values() if each.name in wanted)
        return (*measures, *MONEY) if self.with_money else measures


def rows_sql(conditions: Conditions | None, columns: Iterable[str], *, has_files: bool) -> str:
    """The whole text of a look at rows, of segments and pending events alike; both may have none."""
    selected = ", ".join(columns)
    if conditions is None:
        names = ("stored", "waiting", "rows_both") if has_files else ("waiting", "rows_waiting")
        ctes, rows = [sql_file(name) for name in names], "rows_all"
    else:
        count = CountStatement({}, conditions, also=("event_id",))
        # Pending events have every column of the table, so each column exists even without files.
        every = every_sql(has_files=has_files, has_waiting=True)
        ctes, rows = [*every, *_events(count), *_visits_passing(count, conditions)], "rows_matched"
    return with_sql(ctes, sql_file(rows).format(columns=selected))


def visitor_events_sql(count: CountStatement, *, has_files: bool, has_waiting: bool, pings: bool = False) -> str:
    """The CTEs up to ``visitor_events``: the events of visitors that pass, with the columns ``also``, and as ``value``
    that of the count's one dimension, where it has one; with ``pings`` those of their visits, too.
    """
    ctes = every_sql(has_files=has_files, has_waiting=has_waiting, in_parts=count.in_parts)
    name = count.dimensions[0]
    dimension = DIMENSIONS.get(name)
    of_visit = dimension is not None and dimension.of_visit
    conditions = count.conditions or (EVERYTHING if of_visit else None)
    columns = ", ".join(f"event.{each}" for each in dict.fromkeys((*KEYS, *count.also)))
    named = NOTHING
    if dimension:
        value = present_value(dimension, dimension.visit if of_visit else f"event.{dimension.column}")
        named = f"coalesce({value}, '{dimension.blank}')"
    if pings:
        ctes.append(sql_file("pings").format(rows=every_row(has_files=has_files, has_waiting=has_waiting)))
    if conditions is None:
        kind = "visitor_events_pings_all" if pings else "visitor_events_all"
        return ",\n".join([*ctes, sql_file(kind).format(columns=columns, value=named)])
    if pings:
        # A ping is of the last visit that had begun.
        begun = tuple(sorted({*conditions.opening_columns, "timestamp"}))
        conditions = replace(conditions, opening_columns=begun)
        count = replace(count, conditions=conditions, also=tuple(dict.fromkeys((*count.also, *begun))))
        text = sql_file("visitor_events_pings").format(columns=columns, value=named, event=conditions.event or "true")
        return ",\n".join([*ctes, *_events(count), *_visits(count, needs_visits=True), text])
    count = replace(count, conditions=conditions)
    ctes += [*_events(count), *_visits_passing(count, conditions)]
    kind = "visitor_events_of_visits" if of_visit else "visitor_events_matched"
    return ",\n".join([*ctes, sql_file(kind).format(columns=columns, value=named)])


def every_row(*, has_files: bool, has_waiting: bool) -> str:
    """The relation of all rows, engagement pings included."""
    if has_files and has_waiting:
        return sql_file("stored_or_waiting")
    return "stored" if has_files else "waiting"


def every_sql(*, has_files: bool, has_waiting: bool, kind: str = "events", in_parts: bool = False) -> list[str]:
    # An empty list of files is refused by read_parquet; no rows at all is the same as none waiting.
    tables = ["stored"] * has_files + ["waiting"] * (has_waiting or not has_files)
    every = sql_file(f"{kind}_{'both' if len(tables) > 1 else tables[0]}")
    every = every.format(every="all_events" if in_parts else "every")
    return [*map(sql_file, tables), every, *([sql_file("events_of_part")] if in_parts else [])]


def _events(count: CountStatement, *, is_read_once: bool = False) -> list[str]:
    columns = ", ".join(count.columns)
    conditions = count.conditions
    if conditions is None:
        # Rows that are read once need no materialization.
        return [sql_file("event").format(columns=columns, kept="NOT MATERIALIZED" if is_read_once else "MATERIALIZED")]
    passing = [each for each in (conditions.opening, conditions.touching) if each is not None]
    if not passing:
        return [sql_file("event_judged").format(columns=columns, anonymous_event=conditions.anonymous_event)]
    candidates = "\nINTERSECT\n".join(sql_file("candidates").format(condition=each) for each in passing)
    return [
        sql_file("event_candidates").format(
            columns=columns, candidates=candidates, anonymous_event=conditions.anonymous_event
        )
    ]


def matched_sql(count: CountStatement, *, needs_visits: bool, is_read_once: bool) -> list[str]:
    """The CTEs from ``event`` to ``matched``; where visits are needed also ``visit``, under conditions ``passing``.

    ``is_read_once``: one SELECT follows.
    """
    return [*_events(count, is_read_once=is_read_once and not needs_visits), *_visits(count, needs_visits=needs_visits)]


def _visits(count: CountStatement, *, needs_visits: bool) -> list[str]:
    conditions = count.conditions
    if conditions is None:
        return [visits_sql(count), sql_file("visit_all")] if needs_visits else [sql_file("matched_all")]
    return [*_visits_passing(count, conditions), _visit(conditions)]


def _visit(conditions: Conditions) -> str:
    counted = EVENTS_ALONE if conditions.pings else "count(*)"
    if conditions.kept:
        return sql_file("visit_kept").format(kept=conditions.kept, counted=counted)
    return sql_file("visit_touched").format(counted=counted) if conditions.event else sql_file("visit_whole")


def _visits_passing(count: CountStatement, conditions: Conditions) -> list[str]:
    passing = sql_file("visit_passing").format(
        landing=conditions.landing or "true",
        visit=conditions.visit,
        event=conditions.event or "true",
        visits=_with_ping_flags(conditions) if conditions.done_pings else "every_visit",
        matched="matched_events" if conditions.pings else "matched",
    )
    if not count.looks_at_pings:
        return [visits_sql(count), passing]
    return [visits_sql(count), *_pings_of_visits(count, conditions), passing, *_pings_reached(count, conditions)]


def _with_ping_flags(conditions: Conditions) -> str:
    names = (f"done_{number}" for number, _ in conditions.done_pings)
    flags = (f"every_visit.{name} OR coalesce(pings_done.{name}, false) AS {name}" for name in names)
    return sql_file("visits_with_pings").format(flags=", ".join(flags))


def _pings_of_visits(count: CountStatement, conditions: Conditions) -> list[str]:
    flags = ", ".join(
        f"bool_or(({conditions.done[number]}) AND {met}) AS done_{number}" for number, met in conditions.done_pings
    )
    done = [sql_file("pings_done").format(flags=flags)] if flags else []
    return [sql_file("ping_visits").format(columns=", ".join(count.columns)), *done]


def _pings_reached(count: CountStatement, conditions: Conditions) -> list[str]:
    goals = " OR ".join(each for each in (conditions.pings, count.reached) if each)
    if not goals:
        return []
    reached = sql_file("pings_reached").format(event=conditions.event or "true", reached=goals)
    return [reached, sql_file("matched_with_pings")] if conditions.pings else [reached]


def visits_sql(count: CountStatement, *, with_starts: bool = False) -> str:
    """Visits with what is asked of them: first event's values, entry and exit page, what was done.

    ``with_starts``: also ``started_at``, and the place of the first of all events, ``first_moment``.
    """
    return sql_file("visits").format(
        measures=_visit_measures(count, _WHOLE_DAY, with_starts=with_starts),
        measures_of_part=_visit_measures(count, _PART_OF_DAY, with_starts=with_starts),
        **GAPS,
    )


def _visit_measures(count: CountStatement, ends: _VisitEnds, *, with_starts: bool) -> str:
    conditions = count.conditions
    more = [f"{ends.start} AS started_at", f"min({MOMENT}) AS first_moment"] if with_starts else []
    opening = {each.column for each in count.known if each.of_first_event}
    pages = {each.visit for each in count.known}
    if conditions:
        opening |= set(conditions.opening_columns)
        pages |= {"entry_page"} if conditions.needs_entry_page or conditions.landing else set()
        pages |= {"exit_page"} if conditions.needs_exit_page else set()
        pages |= conditions.hostnames
        more += [f"bool_or({done}) AS done_{number}" for number, done in enumerate(conditions.done)]
        more += [f"{sequence_end(steps, MOMENT)} AS sequence_{n}" for n, steps in enumerate(conditions.sequences)]
    if opening:
        fields = ", ".join(f"'{name}': {name}" for name in sorted(opening))
        more.append(f"arg_min({{{fields}}}, {ends.opening}) AS opening")
    more += [
        f"{'arg_min_null' if name.startswith('entry') else 'arg_max_null'}({column}, {MOMENT})"
        f" FILTER (event_name = 'pageview') AS {name}"
        for name, column in END_COLUMNS.items()
        if name in pages
    ]
    more += _MONEY_OF_VISIT if count.with_money else ()
    return sql_file("visit_measures").format(
        duration=ends.duration, more="".join(f",\n        {each}" for each in more)
    )
