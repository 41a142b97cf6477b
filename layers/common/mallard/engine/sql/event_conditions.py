"""Several filters as SQL conditions on one event: each, any, and a mask."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from mallard.engine.sql.conditions import ConditionWriter
from mallard.engine.sql.operators import BoundSql
from mallard.sites.settings import Goal
from mallard.stats.dimensions import EVENT_COLUMNS, FIRST_COLUMNS, blank_words
from mallard.stats.filters import IS, All, Any_, Filter, Leaf

_COLUMNS = {**EVENT_COLUMNS, **FIRST_COLUMNS}


@dataclass(frozen=True, slots=True)
class EventConditions:
    """``sql`` has a text for each filter, over the row ``event``, never NULL.

    ``some`` holds where one of them does; ``mask`` is a number with a bit for each that does, the first one's lowest.
    ``columns``, ``patterns`` and ``values`` are those of all together, as in Conditions.
    """

    sql: tuple[str, ...]
    some: str
    mask: str
    columns: frozenset[str]
    patterns: tuple[str, ...]
    values: Mapping[str, object]


def compile_for_events(filters: Sequence[Filter], goals: Sequence[Goal], letter: str) -> EventConditions:
    """The conditions of filters on events; their values are named by ``letter``. QueryError."""
    writer = ConditionWriter(All(tuple(filters)), goals, letter, as_list=True)
    sql = tuple(writer.of_event([each]) or "true" for each in filters)
    some = writer.of_event([Any_(_together(filters))]) or "true"
    mask = _mask(filters, sql, writer.bound)
    return EventConditions(sql, some, mask, frozenset(writer.columns()), writer.patterns(), writer.bound.values)


def _together(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    """The same alternatives, with one comparison of a column instead of several: that saves a fifth of a look."""
    values: dict[tuple[str, bool], set[str]] = defaultdict(set)
    others: list[Filter] = []
    for each in filters:
        if isinstance(each, Leaf) and each.operator == IS and each.dimension in _COLUMNS:
            values[each.dimension, each.case_sensitive].update(each.values)
        else:
            others.append(each)
    united = (Leaf(IS, dimension, tuple(sorted(texts)), cased) for (dimension, cased), texts in values.items())
    return (*united, *others)


def _mask(filters: Sequence[Filter], sql: Sequence[str], bound: BoundSql) -> str:
    """A column's texts are looked up in one list, whatever number of filters they are for: that takes half the time."""
    texts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    parts = []
    for number, (each, condition) in enumerate(zip(filters, sql, strict=True)):
        bit = 1 << number
        if not _is_lookup(each):
            parts.append(f"CASE WHEN {condition} THEN {bit} ELSE 0 END")
            continue
        for value in set(each.values):
            texts[_COLUMNS[each.dimension]][value] |= bit
    for column, bits in texts.items():
        place = f"list_position([{', '.join(map(bound, bits))}], event.{column})"
        parts.append(f"coalesce([{', '.join(map(str, bits.values()))}][{place}], 0)")
    return " + ".join(parts)


def _is_lookup(tree: Filter) -> TypeGuard[Leaf]:
    """True for a comparison of a column with stored texts, none of which means a missing value."""
    return (
        isinstance(tree, Leaf)
        and tree.operator == IS
        and tree.case_sensitive
        and tree.dimension in _COLUMNS
        and not blank_words(tree.dimension).intersection(tree.values)
    )
