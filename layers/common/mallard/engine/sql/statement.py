"""SQL put together from the files in ``engine/sql``: names and closed fragments only, values are always bound."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files

import pyarrow as pa

from mallard.engine.sql.conditions import EVERYTHING, Conditions
from mallard.engine.sql.operators import NOTHING
from mallard.sites.time_zone import SiteZones
from mallard.stats.dimensions import DIMENSIONS, Dimension
from mallard.stats.filter_dimensions import SEED_NAMES, blank_words, present
from mallard.stats.query import DAY, HOUR
from mallard.table import rollup
from mallard.table.rollup import MAX_VALUES, TOTAL

BEGINNING = datetime(1, 1, 1)  # noqa: DTZ001  # the table's timestamps are naive UTC

MOMENT = "(CAST(epoch_ms(timestamp) AS HUGEINT) * 18446744073709551616 + ordinal)"
"""An event's place in the order of events, by time, then by ``ordinal``: one number is compared faster than a pair."""

_KEYS = ("date", "visitor_id", "timestamp", "ordinal", "event_name")
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


SPANS = frozenset({"visits", "visit_duration", "views_per_visit"})
"""Metrics of visits for which no visit has to be looked at as a whole."""


@dataclass(frozen=True, slots=True)
class CountStatement:
    """What one statement counts: the measures of each value of some dimensions, TOTAL, DAY and HOUR among them.

    ``of_visits``: the visits are counted too; without, measures of theirs are 0. Those of each DAY only where
    ``visits_by_day``. ``also`` are columns of events that are read besides. ``spans_only``: of TOTAL nothing is told
    but the measures behind the metrics SPANS, which takes a third of the time. ``recent``: the statement binds
    ``since`` and ``until``, and counts what is between them.
    """

    dimensions: tuple[str, ...]
    of_visits: bool
    conditions: Conditions | None = None
    with_money: bool = False
    visits_by_day: bool = False
    also: tuple[str, ...] = ()
    spans_only: bool = False
    recent: bool = False

    @property
    def known(self) -> tuple[Dimension, ...]:
        """Those of DIMENSIONS."""
        return tuple(DIMENSIONS[name] for name in self.dimensions if name in DIMENSIONS)

    @property
    def columns(self) -> tuple[str, ...]:
        """What is read of an event."""
        read = {*self.also, *(each.column for each in self.known)}
        read |= self.conditions.columns if self.conditions else set()
        return (*_KEYS, *sorted(read - set(_KEYS)), *(_MONEY if self.with_money else ()))


def hours_table(zones: SiteZones, start: date, end: date) -> pa.Table:
    """The table ``hours`` of ``start <= date < end``: the moments (naive UTC) at which each date's hours begin.

    An event's date was decided when it was taken. One that lies outside of it by the zones of today (its time was
    rounded, or the zone changed where its instance did not know of it yet) counts in the nearest hour of its date.
    """
    dates: list[date] = []
    starts: list[datetime] = []
    since: list[datetime] = []
    for day in (start + timedelta(days=each) for each in range((end - start).days)):
        of_day = [moment.replace(tzinfo=None) for moment, _ in zones.hours(day, day + timedelta(days=1))]
        dates += [day] * len(of_day)
        starts += of_day
        since += [BEGINNING, *of_day[1:]] if of_day else []
    moment = pa.timestamp("us")
    return pa.table(
        {"date": pa.array(dates, pa.date32()), "start": pa.array(starts, moment), "since": pa.array(since, moment)}
    )


@cache
def sql_file(name: str) -> str:
    """The text of ``engine/sql/<name>.sql``."""
    return files("mallard.engine").joinpath("sql", f"{name}.sql").read_text("utf-8")


def counting_sql(count: CountStatement, *, has_files: bool, has_waiting: bool) -> str:
    """The whole text of a count over segments, pending events, both, or neither."""
    kind = "recent" if count.recent else "events"
    every = _every(has_files=has_files, has_waiting=has_waiting, kind=kind)
    if count.spans_only:
        return "WITH " + ",\n".join([*every, sql_file("count_spans")])
    ctes = [*every, *_events(count), *_visits(count)]
    selects = [_select(name, count) for name in count.dimensions]
    return "WITH " + ",\n".join(ctes) + "\n" + "\nUNION ALL BY NAME\n".join(selects)


def rows_sql(conditions: Conditions | None, columns: Iterable[str], *, has_files: bool) -> str:
    """The whole text of a look at rows, of segments and pending events alike; both may have none."""
    selected = ", ".join(columns)
    if conditions is None:
        names = ("stored", "waiting", "rows_both") if has_files else ("waiting", "rows_waiting")
        ctes, rows = [sql_file(name) for name in names], "rows_all"
    else:
        count = CountStatement((), of_visits=True, conditions=conditions, also=("event_id",))
        # What waits has every column of the table, so that there is none that no file has.
        every = _every(has_files=has_files, has_waiting=True)
        ctes, rows = [*every, *_events(count), *_visits_passing(count, conditions)], "rows_matched"
    return "WITH " + ",\n".join(ctes) + "\n" + sql_file(rows).format(columns=selected)


def trail_sql(count: CountStatement, *, has_files: bool, has_waiting: bool) -> str:
    """What makes the table ``trail``: the events of visitors that pass, with the columns ``also`` and the ``value`` of
    the count's one dimension, where it has one.
    """
    ctes = _every(has_files=has_files, has_waiting=has_waiting)
    name = count.dimensions[0]
    dimension = DIMENSIONS.get(name)
    of_visit = dimension is not None and dimension.of_visit
    conditions = count.conditions or (EVERYTHING if of_visit else None)
    columns = ", ".join(f"event.{each}" for each in dict.fromkeys((*_KEYS, *count.also)))
    named = NOTHING
    if dimension:
        value = _present(dimension, dimension.visit if of_visit else f"event.{dimension.column}")
        named = f"coalesce({value}, '{dimension.blank}')"
    if conditions is None:
        return ",\n".join([*ctes, sql_file("trail_all").format(columns=columns, value=named)])
    count = replace(count, conditions=conditions)
    ctes += [*_events(count), *_visits_passing(count, conditions)]
    kind = "trail_of_visits" if of_visit else "trail_matched"
    return ",\n".join([*ctes, sql_file(kind).format(columns=columns, value=named)])


@dataclass(frozen=True, slots=True)
class DaySql:
    """The statements that count a day for its rollup: the very counts that reports make, of one dimension at a time.

    ``tables`` make the tables that the others read, ``rows`` is the number of rows that were read. Of a dimension of
    DIMENSIONS ``most_seen`` has one row more than are kept, at most, and ``rest`` one row for all values that are not
    in the table ``kept``.
    """

    tables: tuple[str, ...]
    rows: str
    whole: tuple[str, ...]
    most_seen: Mapping[str, str]
    rest: Mapping[str, str]

    def __str__(self) -> str:
        """All of the text."""
        return "\n".join([*self.tables, self.rows, *self.whole, *self.most_seen.values(), *self.rest.values()])


@cache
def day_sql(max_values: int = MAX_VALUES) -> DaySql:
    """That keeps so many values of a dimension."""
    count = CountStatement((TOTAL, HOUR, *DIMENSIONS), of_visits=True, with_money=True)
    every = ",\n".join(_every(has_files=True, has_waiting=False))
    visits = ",\n".join([_put_together(count), sql_file("visit_all")])
    tables = (
        f"CREATE TEMP TABLE event AS WITH {every}\nSELECT {', '.join(count.columns)} FROM every",
        f"CREATE TEMP TABLE visit AS WITH {visits}\nSELECT * FROM visit",
        "CREATE TEMP VIEW matched AS SELECT * FROM event",
    )
    return DaySql(
        tables,
        f"WITH {sql_file('stored')}\n{sql_file('count_rows')}",
        (_select(TOTAL, count), _select(HOUR, count)),
        {
            name: sql_file("most_seen").format(counted=_select(name, count), blank=each.blank, limit=max_values + 1)
            for name, each in DIMENSIONS.items()
        },
        {name: _select(name, count, rest=True) for name in DIMENSIONS},
    )


@cache
def rollup_made_by(zone: str) -> str:
    """A hash of all that decides what a rollup says of the same segments: an upgrade that counts otherwise rebuilds."""
    text = "\n".join([str(day_sql()), str(rollup.SCHEMA), str(rollup.MAX_VALUE_BYTES), zone])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _every(*, has_files: bool, has_waiting: bool, kind: str = "events") -> list[str]:
    if has_files:
        names = ("stored", "waiting", f"{kind}_both") if has_waiting else ("stored", f"{kind}_stored")
        return [sql_file(name) for name in names]
    # An empty list of files is refused by read_parquet; no rows at all is the same as none waiting.
    return [sql_file("waiting"), sql_file(f"{kind}_waiting")]


def _events(count: CountStatement) -> list[str]:
    columns = ", ".join(count.columns)
    conditions = count.conditions
    if conditions is None:
        # What is looked at once needs no place of its own.
        once = len(count.dimensions) == 1 and not count.of_visits
        return [sql_file("event").format(columns=columns, kept="NOT MATERIALIZED" if once else "MATERIALIZED")]
    passing = [each for each in (conditions.opening, conditions.touching) if each is not None]
    if not passing:
        return [sql_file("event_judged").format(columns=columns, stranger=conditions.stranger)]
    candidates = "INTERSECT\n".join(sql_file("candidates").format(condition=each) for each in passing)
    return [sql_file("event_candidates").format(columns=columns, candidates=candidates, stranger=conditions.stranger)]


def _visits(count: CountStatement) -> list[str]:
    conditions = count.conditions
    if conditions is None:
        return [_put_together(count), sql_file("visit_all")] if count.of_visits else [sql_file("visit_none")]
    return [*_visits_passing(count, conditions), sql_file("visit_touched" if conditions.event else "visit_whole")]


def _visits_passing(count: CountStatement, conditions: Conditions) -> list[str]:
    passing = sql_file("visit_passing").format(
        landing=conditions.landing or "true", visit=conditions.visit, event=conditions.event or "true"
    )
    return [_put_together(count), passing]


def _put_together(count: CountStatement) -> str:
    """Visits with what is asked of them: values of the first event, entry and exit page, what was done."""
    conditions, more = count.conditions, []
    opening = {each.column for each in count.known if each.of_first_event}
    pages = {each.visit for each in count.known}
    if conditions:
        opening |= set(conditions.opening_columns)
        pages |= {"entry_page"} if conditions.needs_entry_page or conditions.landing else set()
        pages |= {"exit_page"} if conditions.needs_exit_page else set()
        more += [f"bool_or({done}) AS done_{number}" for number, done in enumerate(conditions.done)]
    if opening:
        fields = ", ".join(f"'{name}': {name}" for name in sorted(opening))
        more.append(f"arg_min({{{fields}}}, {MOMENT}) AS opening")
    more += [
        f"{aggregate}(pathname, {MOMENT}) FILTER (event_name = 'pageview') AS {name}"
        for name, aggregate in (("entry_page", "arg_min_null"), ("exit_page", "arg_max_null"))
        if name in pages
    ]
    more += _MONEY_OF_VISIT if count.with_money else ()
    measures = sql_file("visit_measures").format(more="".join(f",\n        {each}" for each in more)).strip()
    return sql_file("visits").format(measures=measures)


def _select(name: str, count: CountStatement, *, rest: bool = False) -> str:
    """The count of one dimension; ``rest``: of its values that are not in the table ``kept``, as one row."""
    money = sql_file("money").rstrip() if count.with_money else ""
    if name == TOTAL:
        return sql_file("count_total").format(money=money, money_names=", revenue, currency" if money else "")
    if name == HOUR:
        return sql_file("count_hour").format(money=money)
    if name == DAY and count.visits_by_day:
        return sql_file("count_day")
    if name == DAY:
        return sql_file("count_event").format(name=name, value="CAST(date AS VARCHAR)", money=money, rows="matched")
    dimension = DIMENSIONS[name]
    column = _present(dimension, dimension.column)
    if not dimension.of_visit:
        rows, value = (_without_kept("matched", column), NOTHING) if rest else ("matched", column)
        return sql_file("count_event").format(name=name, value=value, money=money, rows=rows)
    value = _present(dimension, dimension.visit)
    column = column if dimension.of_first_event else NOTHING
    return sql_file("count_visit").format(
        name=name,
        value=NOTHING if rest else value,
        column=NOTHING if rest else column,
        visits=_without_kept("visit", value) if rest else "visit",
        rows=_without_kept("matched", column) if rest else "matched",
        money=money,
        money_columns=", revenue, currency_low, currency_high" if money else "",
    )


def _without_kept(rows: str, value: str) -> str:
    return sql_file("without_kept").format(rows=rows, value=value).strip()


def _present(dimension: Dimension, text: str | None) -> str:
    """The word for a missing value is a missing value too: a campaign may call its source Direct."""
    return present(str(text), blank_words(SEED_NAMES[dimension.name]))
