"""Statements that count groupings: measures by values of several dimensions."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import indent

from mallard.engine.sql.conditions import EVERYTHING, Conditions
from mallard.engine.sql.count_select import present_value
from mallard.engine.sql.goal_conditions import goal_columns, goal_condition, of_scrolling
from mallard.engine.sql.local_hours import MOMENT_OF_HOUR, hours_lookup
from mallard.engine.sql.operators import NOTHING, BoundSql, present, property_of_event
from mallard.engine.sql.statement import EVENTS_ALONE, SPANS, CountStatement, every_row, every_sql, matched_sql
from mallard.engine.sql.texts import GAPS, sql_file, with_sql
from mallard.sites.settings import Goal
from mallard.stats.dimensions import BY_V2_NAME, GOAL, HOSTNAME, PAGE, PROPS, blank_words
from mallard.stats.grouping import DAY, ENTERED, HOUR, MINUTE, MONTH, WEEK, Grouping
from mallard.stats.measures import GROUP_MEASURES, OF_MONEY, GroupMeasure

LETTER = "g"
"""Of the bound values of groupings, apart from those of a filter."""

WITH_REACHED = "(SELECT * FROM matched UNION ALL BY NAME SELECT * FROM reached)"
"""Matching events, and the pings that reach a goal of the rows."""

TIME_KEYS = {
    DAY: "event.date",
    # Monday, but not before the range.
    WEEK: "greatest(CAST(date_trunc('week', event.date) AS DATE), $start)",
    MONTH: "CAST(date_trunc('month', event.date) AS DATE)",
    HOUR: "hours.minute",
    MINUTE: "date_trunc('minute', event.timestamp)",
}
"""The key of each time, by which rows are grouped. Its text is made of few: see ``label_of_time``."""

_MOMENT = "strftime({key}, '%Y-%m-%d %H:%M')"
_DATE = "CAST({key} AS VARCHAR)"
_LABELS = {DAY: _DATE, WEEK: _DATE, MONTH: _DATE, HOUR: _MOMENT, MINUTE: _MOMENT}


def label_of_time(name: str, key: str) -> str:
    """The text of a time's key in answers."""
    return _LABELS[name].format(key=MOMENT_OF_HOUR.replace("hours.minute", key) if name == HOUR else key)


@dataclass(frozen=True, slots=True)
class GroupedRows:
    """A relation to group, named ``event`` in ``keys``, and the names and aggregates of measures over it.

    ``labels`` has the text of a key where it is no text yet, by the key's name.
    """

    relation: str
    keys: tuple[str, ...]
    measures: tuple[tuple[str, str], ...]
    labels: tuple[tuple[str, str], ...] = ()

    def sql(self, number: int) -> str:
        """The SELECT of the grouping with this number."""
        names = [f"key_{place}" for place in range(len(self.keys))]
        columns = [f"{number} AS grouping", *(f"{key} AS {name}" for key, name in zip(self.keys, names, strict=True))]
        columns += [f"{aggregate} AS {name}" for name, aggregate in self.measures]
        grouped = f"\nGROUP BY {', '.join(names)}" if names else ""
        text = sql_file("group").format(columns=",\n    ".join(columns), rows=self.relation, grouped=grouped)
        if not self.labels:
            return text
        labels = ", ".join(f"{label} AS {name}" for name, label in self.labels)
        return sql_file("group_labels").format(labels=labels, grouped=indent(text, "    "))


class GroupStatement:
    """One statement for several groupings under one filter."""

    def __init__(
        self,
        groupings: Sequence[Grouping],
        conditions: Conditions | None,
        goals: Sequence[Goal] = (),
        *,
        recent: bool = False,
    ) -> None:
        """``goals`` are those that rows may be of.

        ``recent``: the statement binds ``since`` and ``until``, and counts what is between them; without conditions.
        """
        self.groupings = tuple(groupings)
        self.recent = recent
        self._goals = tuple(goals)
        self._scrolling = of_scrolling(goals) if any(each.has_goals for each in groupings) else ()
        if conditions is None and (self._scrolling or any(map(_needs_matching, groupings))):
            conditions = EVERYTHING
        self._has_visits = conditions is not None or any(each.counts_visits for each in groupings)
        if conditions:
            opening = {*conditions.opening_columns, *self._opening_columns()}
            entered = {name for each in groupings if each.counts_starts for name in each.dimensions if name in ENTERED}
            conditions = replace(
                conditions,
                opening_columns=tuple(sorted(opening)),
                # A ping may be the only row of a visit that counts.
                touching=None if self._scrolling or conditions.looks_at_pings else conditions.touching,
                needs_entry_page=conditions.needs_entry_page or PAGE in entered,
                hostnames=conditions.hostnames | (_ENTRY_HOSTNAME if HOSTNAME in entered else set()),
            )
        self.conditions = conditions
        names = {name for each in groupings for name in each.dimensions}
        self._count = CountStatement(
            {BY_V2_NAME[name].name: () for name in sorted(names) if name in BY_V2_NAME},
            conditions,
            with_money=any(name in OF_MONEY for each in groupings for name in each.measures),
            also=tuple(sorted({*self._more_columns(), *(conditions.opening_columns if conditions else ())})),
        )

    @property
    def columns(self) -> int:
        """The number of columns of events that are read, as much memory as they take."""
        return self._count.columns_in_memory

    def needs_hours(self, only: Collection[str] | None = None) -> bool:
        """True where the statement of ``sql`` reads the table ``hours``."""
        return any(HOUR in each.dimensions for _, each in self._chosen(only))

    def sql(
        self, *, has_files: bool, has_waiting: bool, in_parts: bool = False, only: Collection[str] | None = None
    ) -> tuple[str, Mapping[str, object]]:
        """The whole text, whose rows have ``grouping``, the grouping's number, and its bound values.

        ``in_parts``: it binds ``part`` and ``parts``, and counts one part of the visitors. ``only``: of the groupings
        alone that have one of these as ``rollup_dimension``.
        """
        bound = BoundSql(LETTER)
        kind = "recent" if self.recent else "events"
        every = every_sql(has_files=has_files, has_waiting=has_waiting, kind=kind, in_parts=in_parts)
        if self._is_of_spans:
            spans = sql_file("count_spans").format(**GAPS, measures=", ".join(self.groupings[0].measures))
            return with_sql([*every, spans]), {}
        count = replace(self._count, reached=goal_condition(self._scrolling, bound) if self._scrolling else None)
        selects = [rows.sql(number) for number, each in self._chosen(only) for rows in self._rows(each, bound)]
        if count.looks_at_pings or any(each.counts_pings for each in self.groupings):
            every.append(sql_file("pings").format(rows=every_row(has_files=has_files, has_waiting=has_waiting)))
        matched = matched_sql(count, needs_visits=self._has_visits, is_read_once=len(selects) == 1)
        text = with_sql([*every, *matched], "\nUNION ALL BY NAME\n".join(selects))
        return text, bound.values

    @property
    def _is_of_spans(self) -> bool:
        """True where the statement of SPANS tells all, which takes a third of the time."""
        whole = len(self.groupings) == 1 and not self.groupings[0].dimensions
        return whole and self.conditions is None and SPANS.issuperset(self.groupings[0].measures)

    @property
    def _keeps(self) -> bool:
        """True where the filter selects visits of which no event is counted."""
        return self.conditions is not None and self.conditions.kept is not None

    def _chosen(self, only: Collection[str] | None) -> list[tuple[int, Grouping]]:
        numbered = enumerate(self.groupings)
        return [(number, each) for number, each in numbered if only is None or each.rollup_dimension in only]

    def _opening_columns(self) -> set[str]:
        """Columns of a visit's first event that dimensions read."""
        found = set()
        for each in self.groupings:
            if each.counts_pings or self._scrolling or (each.counts_starts and not each.is_of_visits):
                found.add("timestamp")
            for name in each.dimensions:
                dimension = BY_V2_NAME.get(name)
                if dimension and dimension.of_first_event:
                    found.add(dimension.column)
        return found

    def _more_columns(self) -> set[str]:
        """Columns of events that properties and goals read."""
        found = {"props"} if any(each.properties for each in self.groupings) else set()
        return found | goal_columns(self._goals) if any(each.has_goals for each in self.groupings) else found

    def _rows(self, grouping: Grouping, bound: BoundSql) -> list[GroupedRows]:
        """Relations of events, visits and pings, each with its measures."""
        measures = [GROUP_MEASURES[name] for name in grouping.measures]
        from_pings = [each for each in measures if each.of_pings is not None]
        from_visits = [each for each in measures if self._is_of_visits(each, grouping)]
        from_events = [each for each in measures if each not in (*from_visits, *from_pings)]
        found = []
        if from_events:
            found.append(self._of_events(grouping, from_events, bound))
        if from_visits:
            found.append(self._of_visits(grouping, from_visits, bound))
        if from_pings:
            found.append(self._of_pings(grouping, from_pings, bound))
        return found

    def _is_of_visits(self, measure: GroupMeasure, grouping: Grouping) -> bool:
        """True for a measure that is counted over rows of visits: all that can be, where a visit is in one row."""
        if measure.of_visits is None:
            return False
        return measure.of_events is None or (self._has_visits and grouping.is_of_visits)

    def _of_events(self, grouping: Grouping, measures: Iterable[GroupMeasure], bound: BoundSql) -> GroupedRows:
        matched, pings = "matched", self.conditions is not None and self.conditions.pings is not None
        if self._scrolling and grouping.has_goals:
            matched = "matched" if pings else WITH_REACHED
            pings = True
        rows = f"{matched} AS event"
        if self.conditions and grouping.joins_visits:
            of_visit, of_event = self._visit_columns()
            rows = sql_file("group_events_of_visits").format(of_visit=of_visit, of_event=of_event, matched=matched)
        if grouping.has_goals:
            rows += f"\nCROSS JOIN unnest({self._goal_names(bound)}) AS goal(name)"
        keys = tuple(_key(name, bound) for name in grouping.dimensions)
        return GroupedRows(
            _with_hours(rows, grouping),
            keys,
            tuple((each.name, _of_rows(each, pings=pings)) for each in measures),
            labels_of(grouping),
        )

    def _of_visits(self, grouping: Grouping, measures: Iterable[GroupMeasure], bound: BoundSql) -> GroupedRows:
        rows = sql_file("group_visits_entered").format(touched=" WHERE is_touched" if self._keeps else "")
        if grouping.is_of_visits:
            of_visit, of_event = self._visit_columns()
            rows = sql_file("group_visits").format(of_visit=of_visit, of_event=of_event)
        keys = tuple(_key(ENTERED.get(name, name), bound) for name in grouping.dimensions)
        return GroupedRows(
            _with_hours(rows, grouping),
            keys,
            tuple((each.name, str(each.of_visits)) for each in measures),
            labels_of(grouping),
        )

    def _of_pings(self, grouping: Grouping, measures: Iterable[GroupMeasure], bound: BoundSql) -> GroupedRows:
        keys = [f"{_key(name, bound)} AS key_{place}, " for place, name in enumerate(grouping.dimensions)]
        rows = sql_file("group_pings").format(
            keys="".join(keys),
            names="".join(f"key_{place}, " for place in range(len(keys))),
            of_visit=self._visit_columns()[0],
            condition=(self.conditions and self.conditions.event) or "true",
            hours=f" {hours_lookup('event')}" if HOUR in grouping.dimensions else "",
        )
        outer = tuple(f"event.key_{place}" for place in range(len(keys)))
        of_pings = tuple((each.name, str(each.of_pings)) for each in measures)
        return GroupedRows(rows, outer, of_pings, labels_of(grouping))

    def _visit_columns(self) -> tuple[str, str]:
        """The columns of visits that dimensions read, and the same of an event without a visit, each behind a comma."""
        fields = sorted({*(self.conditions.opening_columns if self.conditions else ()), *self._opening_columns()})
        pages = sorted({str(each.visit) for each in self._count.known if each.of_visit and not each.of_first_event})
        opening = ", ".join(f"'{name}': {name}" for name in fields)
        of_visit = [*(["visit.opening"] if fields else ()), *(f"visit.{page}" for page in pages)]
        of_event = [*([f"{{{opening}}} AS opening"] if fields else ()), *(f"{NOTHING} AS {page}" for page in pages)]
        return "".join(f", {each}" for each in of_visit), "".join(f", {each}" for each in of_event)

    def _goal_names(self, bound: BoundSql) -> str:
        named = [f"CASE WHEN {goal_condition([each], bound)} THEN {bound(each.name)} END" for each in self._goals]
        return f"list_filter([{', '.join(named) or NOTHING}], name -> name IS NOT NULL)"


_ENTRY_HOSTNAME = {str(BY_V2_NAME[ENTERED[HOSTNAME]].visit)}


def _needs_matching(grouping: Grouping) -> bool:
    """True where each event has to be put beside its visit, which whole visits alone do not tell."""
    if not grouping.joins_visits:
        return False
    is_whole = grouping.is_of_visits and not grouping.counts_pings
    return not (is_whole and all(GROUP_MEASURES[name].of_visits is not None for name in grouping.measures))


def _of_rows(measure: GroupMeasure, *, pings: bool) -> str:
    return EVENTS_ALONE if pings and measure.name == "events" else str(measure.of_events)


def labels_of(grouping: Grouping) -> tuple[tuple[str, str], ...]:
    """The text of each time among the keys of a grouping, by the key's name."""
    numbered = enumerate(grouping.dimensions)
    return tuple((f"key_{place}", label_of_time(name, f"key_{place}")) for place, name in numbered if name in _LABELS)


def _with_hours(rows: str, grouping: Grouping) -> str:
    return f"{rows}\n{hours_lookup('event')}" if HOUR in grouping.dimensions else rows


def _key(name: str, bound: BoundSql) -> str:
    """SQL of a dimension's value in a row of ``event``; NULL where it is missing."""
    if name in TIME_KEYS:
        return TIME_KEYS[name]
    if name == GOAL:
        return "goal.name"
    if name.startswith(PROPS):
        return present(property_of_event(name.removeprefix(PROPS), bound), blank_words(name))
    dimension = BY_V2_NAME[name]
    return present_value(dimension, f"event.{dimension.visit or dimension.column}")
