"""SQL of a pattern over a visitor's ordered events.

Each event that the pattern may take at some part is joined to the first one that may come next, among those from
which it can be finished. So every part costs one join, whatever the pattern and the events: there is no way back.
That this finds what ClickHouse's matcher finds by going back is tested against it.
"""

from collections.abc import Sequence

from mallard.reports.behaviour.pattern import Action, PatternEvent, PatternGap, up_to_last_step
from mallard.reports.behaviour.sql_texts import sql_file

EVENTS_OF_A_VISITOR = 1 << 30
"""More than there can be: a moment in seconds and a place among a visitor's events are one number."""

KEYS = ("value", "part", "number", "seconds")

_END = "placed"
"""The table of the places behind the whole pattern: any."""


def sequence_sql(
    actions: Sequence[Action],
    conditions: Sequence[str],
    some: str,
    *,
    by_value: bool = False,
    with_total: bool = False,
    with_details: bool = False,
) -> str:
    """The SELECT of a VisitorQuery with KEYS, and the number ``visitors``.

    ``conditions`` are the steps', over the row ``event``; ``some``: that one of them holds. The parts are
    ``converting``, ``total``, and with details ``matches`` and ``seconds``: of the ``visitors`` who took so many from
    step ``number`` to the next.
    """
    person = "visitor_id, value" if by_value else "visitor_id"
    chain = _Chain("step", person, with_times=with_details)
    matched = chain.add(actions)
    names = {"person": person, "value": "value" if by_value else "CAST(NULL AS VARCHAR)", "matched": matched}
    ctes, parts = [_placed(actions, conditions, some, person), *chain.ctes], ["sequence_visitors"]
    parts += ["sequence_total"] if with_total else []
    if with_details:
        timed, shorter = _Chain("timed", person, with_times=True), up_to_last_step(actions)
        names["timed"] = matched if len(shorter) == len(actions) else timed.add(shorter)
        ctes, parts = [*ctes, *timed.ctes], [*parts, "sequence_matches", "sequence_seconds"]
    return "WITH " + ",\n".join(ctes) + "\n" + "".join(sql_file(part).format(**names) for part in parts)


def _placed(actions: Sequence[Action], conditions: Sequence[str], some: str, person: str) -> str:
    """The events in order. Events that match a step outside the pattern are included."""
    numbers = sorted({each.step for each in actions if isinstance(each, PatternEvent) and each.step is not None})
    return sql_file("sequence_placed").format(
        person=person,
        marks=", ".join(f"{condition} AS {_mark(number)}" for number, condition in enumerate(conditions)),
        met=some,
        done=" AND ".join(f"bool_or({_mark(step)})" for step in numbers),
        # Only an end that may be empty asks where a visitor's events end.
        places=f",\n        count(*) OVER (PARTITION BY {person}) AS places"
        if isinstance(actions[-1], PatternGap)
        else "",
    )


def _mark(step: int) -> str:
    return f"meets_{step + 1}"


class _Chain:
    """The tables of a pattern's parts: the events, by ``place``, from which the pattern can be finished.

    ``last`` is the place behind its end, ``seen`` has the seconds of its steps from there on.
    """

    def __init__(self, prefix: str, person: str, *, with_times: bool) -> None:
        self.ctes: list[str] = []
        self._prefix = prefix
        self._with_times = with_times
        self._here = ", ".join(f"here.{name}" for name in (*person.split(", "), "place", "moment", "seconds"))
        self._same = " AND ".join(f"here.{name} = next.{name}" for name in person.split(", "))

    def add(self, actions: Sequence[Action]) -> str:
        """Make them; the name of the table of places where the whole pattern can begin."""
        right = _END
        for number in reversed(range(len(actions))):
            action, rest = actions[number], actions[number + 1 :]
            if isinstance(action, PatternEvent):
                right = self._event(action, rest, right)
            elif number == 0 or isinstance(actions[number - 1], PatternGap):
                # Seconds count from the very event before which it stands.
                right = self._gap(None, action, rest, right)
        return right

    def _event(self, event: PatternEvent, rest: Sequence[Action], right: str) -> str:
        if not rest:
            return self._table("sequence_last", event, right)
        if isinstance(rest[0], PatternGap):
            return self._gap(event, rest[0], rest[1:], right)
        return self._table("sequence_beside", event, right, right=right)

    def _gap(self, event: PatternEvent | None, gap: PatternGap, rest: Sequence[Action], right: str) -> str:
        """The next event, behind ``event``; None: from any event on, that one included."""
        behind = "moment + 1" if event else "moment"
        bound, within = _bounds(gap, behind)
        ended = ""
        if event and all(isinstance(each, PatternGap) and each.may_end for each in (gap, *rest)):
            ended = sql_file("sequence_ended").format(
                here=self._here, meets=_meets(event), seen=self._seen(event, _END)
            )
        return self._table(
            "sequence_gap",
            event,
            right,
            right=right,
            bound=bound,
            within=within,
            ended=ended.rstrip(),
            last="next.place" if right == _END else "next.last",
        )

    def _table(self, file: str, event: PatternEvent | None, after: str, **parts: str) -> str:
        name = f"{self._prefix}_{len(self.ctes) + 1}"
        seen = self._seen(event, after)
        known = {"name": name, "here": self._here, "same": self._same, "meets": _meets(event), "seen": seen}
        self.ctes.append(sql_file(file).format(**known, **parts).strip())
        return name

    def _seen(self, event: PatternEvent | None, after: str) -> str:
        if not self._with_times:
            return ""
        later = "CAST([] AS BIGINT[])" if after == _END else "next.seen"
        return (
            f", list_prepend(here.seconds, {later}) AS seen"
            if event and event.step is not None
            else f", {later} AS seen"
        )


def _meets(event: PatternEvent | None) -> str:
    return "true" if event is None or event.step is None else _mark(event.step)


def _bounds(gap: PatternGap, behind: str) -> tuple[str, str]:
    """The earliest place of the next event, and the condition on its seconds; both of ``here``."""
    second = f"(seconds + {gap.seconds + (gap.comparison == '>')}) * {EVENTS_OF_A_VISITOR}"
    bound = f"greatest({behind}, {second})" if gap.comparison in (">=", ">", "==") else behind
    if gap.comparison in ("<=", "<", "=="):
        operator = "=" if gap.comparison == "==" else gap.comparison
        return bound, f"next.seconds {operator} here.seconds + {gap.seconds}"
    return bound, "true"
