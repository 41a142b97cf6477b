"""Flow: the next or previous pages of visitors, step by step."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mallard.engine.sql.statement import MOMENT
from mallard.engine.visitor_query import TopOfGroups, VisitorQuery
from mallard.errors import QueryError
from mallard.event import PAGEVIEW
from mallard.reports.behaviour.flow_runs import PATH, RunsSql
from mallard.reports.behaviour.sql_texts import sql_file
from mallard.reports.behaviour.step_conditions import StepConditions, compile_steps
from mallard.reports.behaviour.step_objects import Step
from mallard.reports.behaviour.steps import parse_steps
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.query import MAX_LIMIT, Query
from mallard.stats.query_kinds import DIRECTIONS, MAX_DEPTH

FORWARD, BACKWARD = DIRECTIONS
BASES = ("first_match", "last_match", "head", "tail")
EVERY_RUN = "every_run"
"""The base of a flow over all that a visitor did, so that one visitor may go to several pages."""

MAX_BRANCHES = 1000
"""The most ways that are followed: the pages of a list to the power of the steps before the last."""


Path = tuple[str | None, ...]
"""The pages of a way; None at its end where nothing follows."""


@dataclass(frozen=True, slots=True)
class FlowQuery:
    """A flow from an event, the one of ``steps``, which is a page view where ``of_page``; ``limit`` pages in each list.

    From EVERY_RUN ``steps`` are any number of pages, one right after the other. ``search`` keeps pages that contain one
    of its texts.
    """

    steps: tuple[Step, ...]
    of_page: bool
    direction: str = FORWARD
    base: str = "first_match"
    depth: int = 1
    limit: int = 10
    with_exits: bool = False
    search: tuple[str, ...] = ()


def read_anchor(page: str | None, event: str | None) -> tuple[Step, bool]:
    """The event a flow begins at, and whether it is a page view, from a path (``*`` as in goals) or an event's name."""
    if (page is None) == (event is None):
        raise QueryError(
            "page or event is needed, and only one of them: what the flow begins at, such as page=/pricing."
        )
    kind, text = ("page", page) if page is not None else ("event", event)
    if not text or (kind == "page" and not text.startswith(("/", "*"))):
        example = "a path, such as /pricing or /blog/*" if kind == "page" else "an event's name, such as signup"
        raise QueryError(f"{kind} is {text[:40] if text else text!r}, but must be {example}.")
    (step,) = parse_steps(json.dumps([{kind: text}]), name=kind)
    return step, kind == "page"


def read_flow(
    anchor: Step,
    of_page: bool,
    direction: str | None = None,
    base: str | None = None,
    depth: str | None = None,
    limit: int | None = None,
    *,
    with_exits: bool = False,
) -> FlowQuery:
    """From the texts of parameters; None is the default. QueryError."""
    towards = _one_of("direction", direction, DIRECTIONS)
    begin = _one_of("base", base, BASES)
    if (towards, begin) in ((FORWARD, "tail"), (BACKWARD, "head")):
        raise QueryError(f"base is {begin}, but nothing lies beyond that where direction is {towards}.")
    steps = int(_one_of("depth", depth, [str(each) for each in range(1, MAX_DEPTH + 1)]))
    most = most_pages(steps)
    if limit is not None and limit > most:
        raise QueryError(f"limit is {limit}, but must be at most {most} where depth is {steps}.")
    return FlowQuery((anchor,), of_page, towards, begin, steps, limit or min(10, most), with_exits)


def most_pages(depth: int) -> int:
    """The most pages of each list of a flow so deep."""
    return next(each for each in range(MAX_LIMIT, 0, -1) if each ** (depth - 1) <= MAX_BRANCHES)


def flow(stats: Stats, scope: Scope, flow_query: FlowQuery) -> list[dict[str, Any]]:
    """The pages that come next, ``page`` and ``visitors``, by visitors, then page; below each ``next``, to the depth.

    With exits the last row of a list has the page None: of those after whom nothing came.
    """
    conditions = compile_steps(flow_query.steps, stats.engine.site_settings.get(scope.site_id).goals)
    pages_by_way: dict[Path, list[tuple[str | None, int]]] = {}
    ways: list[Path] = [()]
    for _ in range(flow_query.depth):
        found = _counted(stats, scope, flow_query, conditions, ways)
        lists = {way: _listed(found.get(way, Counter()), flow_query) for way in ways}
        pages_by_way |= lists
        ways = [(*way, page) for way, rows in lists.items() for page, _ in rows if page is not None]
        if not ways:
            break
    return _tree(pages_by_way, (), flow_query.depth)


def run_counts(stats: Stats, scope: Scope, flow_query: FlowQuery) -> list[int]:
    """Of a flow of EVERY_RUN: the visitors who took the first step, the first two one right after the other, and so on.

    Errors as of ``flow``.
    """
    conditions = compile_steps(flow_query.steps, stats.engine.site_settings.get(scope.site_id).goals)
    visitor_query = VisitorQuery(
        Query(scope.site_id, scope.period, ("visitors",), filters=scope.filters),
        _runs_sql(flow_query, conditions).counts(),
        columns=tuple(sorted({"pathname", *conditions.columns})),
        values=tuple(conditions.values.items()),
        patterns=conditions.patterns,
    )
    row = next(iter(stats.visitor_query(visitor_query).rows[0]), {})
    return [row.get(f"step_{number}") or 0 for number in range(1, len(flow_query.steps) + 1)]


def _runs_sql(flow_query: FlowQuery, conditions: StepConditions) -> RunsSql:
    return RunsSql(
        len(flow_query.steps),
        conditions.mask,
        is_backward=flow_query.direction == BACKWARD,
        searches=len(flow_query.search),
    )


def _one_of(name: str, given: str | None, allowed: Sequence[str]) -> str:
    if given is not None and given not in allowed:
        raise QueryError(f"{name} is {given[:40]!r}, but must be {', '.join(allowed[:-1])} or {allowed[-1]}.")
    return given or allowed[0]


def _counted(
    stats: Stats, scope: Scope, flow_query: FlowQuery, conditions: StepConditions, ways: Sequence[Path]
) -> dict[Path, Counter[str | None]]:
    """Visitors by the page that comes next on each of these ways, which are equally long."""
    number = len(ways[0]) + 1
    keys = tuple(f"page_{each}" for each in range(1, number + 1))
    pages = ((f"pages_{each}", tuple(sorted({str(way[each - 1]) for way in ways}))) for each in range(1, number))
    search = ((f"search_{number}", text) for number, text in enumerate(flow_query.search))
    is_run = flow_query.base == EVERY_RUN
    visitor_query = VisitorQuery(
        Query(scope.site_id, scope.period, ("visitors",), filters=scope.filters),
        _runs_sql(flow_query, conditions).pages(number) if is_run else flow_sql(flow_query, conditions.sql[0], number),
        keys=keys,
        columns=tuple(sorted({"pathname", *conditions.columns})),
        values=(*conditions.values.items(), *pages, *search),
        patterns=conditions.patterns,
        top=TopOfGroups(flow_query.limit, "visitors", keys[-1], keys[:-1]),
    )
    found: dict[Path, Counter[str | None]] = {way: Counter() for way in ways}
    for row in stats.visitor_query(visitor_query).rows[0]:
        *way, page = (row[key] for key in keys)
        # The pages of one way may lie in another's places.
        if tuple(way) in found:
            found[tuple(way)][page] += row["visitors"]
    return found


def flow_sql(flow_query: FlowQuery, condition: str, number: int) -> str:
    """The SELECT of a VisitorQuery: ``page_1`` ... of visitors' ways, the last NULL where no page comes next.

    The pages before are those of ``$pages_1``, ``$pages_2`` ... ``condition`` is the anchor's, over the row ``event``.
    """
    steps = range(1, number + 1)
    selected = sql_file("flow_visitors").format(
        pages=", ".join(f"step_{each}.page AS page_{each}" for each in steps),
        joined="".join(f"JOIN step_{each} USING (visitor_id) " for each in steps[:-1]),
        number=number,
    )
    tables = (_step_sql(flow_query, each, is_last=each == number) for each in steps)
    ctes = [_anchor_sql(flow_query, condition), *tables]
    return "WITH " + ",\n".join(ctes) + "\n" + selected


def _step_sql(flow_query: FlowQuery, number: int, *, is_last: bool) -> str:
    nearest, beyond = ("min", ">") if flow_query.direction == FORWARD else ("max", "<")
    names = {"number": number, "nearest": nearest, "path": PATH, "moment": MOMENT}
    having = "" if is_last else sql_file("flow_kept").format(**names).rstrip()
    return sql_file("flow_step").format(**names, before=number - 1, beyond=beyond, kept=having)


def _anchor_sql(flow_query: FlowQuery, condition: str) -> str:
    extreme = "min" if flow_query.base in ("first_match", "head") else "max"
    return sql_file("flow_end" if flow_query.base in ("head", "tail") else "flow_anchor").format(
        base={"first_match": "first", "last_match": "last", "head": "very first", "tail": "very last"}[flow_query.base],
        extreme=extreme,
        moment=MOMENT,
        # Only a page can be seen again.
        page=f"arg_{extreme}({PATH}, {MOMENT})" if flow_query.of_page else "CAST(NULL AS VARCHAR)",
        anchor=f"(event_name = '{PAGEVIEW}' AND {condition})" if flow_query.of_page else condition,
    )


def _listed(pages: Counter[str | None], flow_query: FlowQuery) -> list[tuple[str | None, int]]:
    exits = [(None, pages[None])] if flow_query.with_exits and pages[None] else []
    named = [(page, visitors) for page, visitors in pages.items() if page is not None]
    return [*sorted(named, key=lambda row: (-row[1], row[0]))[: flow_query.limit], *exits]


def _tree(pages_by_way: Mapping[Path, Sequence[tuple[str | None, int]]], way: Path, depth: int) -> list[dict[str, Any]]:
    rows = []
    for page, visitors in pages_by_way.get(way, ()):
        row: dict[str, Any] = {"page": page, "visitors": visitors}
        if depth > 1 and page is not None:
            row["next"] = _tree(pages_by_way, (*way, page), depth - 1)
        rows.append(row)
    return rows
