"""Answers of queries as tables, for files."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import pyarrow as pa

from mallard.reports.kind_runner import KindAnswer
from mallard.reports.query_runner import QueryAnswer, QueryRow
from mallard.stats.metric_formulas import POINTS, SHARES, Formula, Money, Ratio, formula
from mallard.stats.query_kinds import FlowKind, FunnelKind, Kind, RetentionKind
from mallard.stats.stats_query import StatsQuery

Rows = Sequence[Mapping[str, Any]]
Columns = Sequence[tuple[str, pa.DataType]]

_TEXT, _WHOLE, _DECIMAL = pa.string(), pa.int64(), pa.float64()
_MONEY = (("revenue", _DECIMAL), ("revenue_currency", _TEXT), ("revenue_per_visitor", _DECIMAL))
_RATES = (("dropoff", _WHOLE), ("conversion_rate", _DECIMAL), ("conversion_rate_step", _DECIMAL))


def answer_table(answer: QueryAnswer) -> pa.Table:
    """A row for each of the answer: its dimensions, its metrics, and with a comparison those of the earlier range.

    Money is two columns, an amount and ``…_currency``. Before the names of the earlier range stands ``comparison_``,
    before those of the changes ``change_``.
    """
    query = answer.query
    columns = [(name, _TEXT) for name in query.dimensions]
    columns += [column for name in query.metrics for column in _of_metric(name, query)]
    if query.before:
        columns += [(f"comparison_{name}", _TEXT) for name in query.dimensions if name == query.time]
        columns += [(f"comparison_{name}", kind) for each in query.metrics for name, kind in _of_metric(each, query)]
        columns += [(f"change_{name}", _DECIMAL if name in POINTS else _WHOLE) for name in query.metrics]
    return _table(columns, [_of_row(row, query) for row in answer.rows])


def kind_table(answer: KindAnswer, kind: Kind) -> pa.Table:
    """A row for each step, page, cohort or sequence; ``comparison_`` stands before the names of the earlier range."""
    columns, names = _columns(kind)
    rows = list(_rows(kind, answer.results))
    if answer.before is None:
        return _table(columns, rows)
    before = list(_rows(kind, answer.before))
    if isinstance(kind, FlowKind) and not kind.with_funnel:
        places = [name for name, _ in columns if name not in names]
        known = {tuple(row[name] for name in places): row for row in before}
        pairs = [(row, known.get(tuple(row[name] for name in places))) for row in rows]
    else:
        pairs = [(row, other) for row, other in zip_longest(rows, before[: len(rows)]) if row is not None]
    beside = [(f"comparison_{name}", kind) for name, kind in columns if name in names]
    compared = [
        {**row, **{f"comparison_{name}": value for name, value in (other or {}).items()}} for row, other in pairs
    ]
    return _table([*columns, *beside], compared)


def _of_metric(name: str, query: StatsQuery) -> Columns:
    found: Formula = formula(name, query.dimensions)
    if isinstance(found, Money):
        return [(name, _DECIMAL), (f"{name}_currency", _TEXT)]
    is_decimal = name in SHARES or (isinstance(found, Ratio) and found.decimals > 0)
    return [(name, _DECIMAL if is_decimal else _WHOLE)]


def _of_row(row: QueryRow, query: StatsQuery) -> dict[str, Any]:
    found = {**dict(zip(query.dimensions, row.dimensions, strict=True)), **_metrics(row, query)}
    if row.before is None:
        return found
    before = dict(zip(query.dimensions, row.before.dimensions, strict=True)) | _metrics(row.before, query)
    found |= {f"comparison_{name}": value for name, value in before.items()}
    return found | {f"change_{name}": value for name, value in zip(query.metrics, row.changes or (), strict=True)}


def _metrics(row: QueryRow, query: StatsQuery) -> dict[str, Any]:
    return _with_amounts(dict(zip(query.metrics, row.metrics, strict=True)))


def _with_amounts(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with an amount and a currency in the place of money."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            found |= {name: value["value"], f"{name}_currency": value["currency"]}
        else:
            found[name] = value
    return found


def _columns(kind: Kind) -> tuple[Columns, frozenset[str]]:
    """The columns of a kind, and the names of those that are compared."""
    visitors = ("visitors", _WHOLE)
    match kind:
        case FlowKind(with_funnel=True):
            columns: Columns = [("step", _WHOLE), ("page", _TEXT), visitors, *_RATES]
        case FlowKind():
            columns = [*((name, _TEXT) for name in _page_columns(kind)), visitors]
        case RetentionKind():
            seen = ((f"visitors_{number}", _WHOLE) for number in range(kind.count))
            columns = [("cohort_date", pa.date32()), ("cohort_size", _WHOLE), *seen]
            return columns, frozenset(name for name, _ in columns)
        case FunnelKind():
            rates = (*_RATES[:1], ("dropoff_percentage", _DECIMAL), *_RATES[1:])
            columns = [("step", _WHOLE), ("label", _TEXT), visitors, *rates, *_MONEY]
        case _:
            columns = [("converting_visitors", _WHOLE), ("total_visitors", _WHOLE), ("conversion_rate", _DECIMAL)]
    compared = frozenset(name for name, type_ in columns if type_ != _TEXT and name != "step")
    return columns, compared


def _rows(kind: Kind, results: Any) -> Iterator[dict[str, Any]]:
    match kind:
        case FlowKind(with_funnel=True):
            yield from ({"step": number, **row} for number, row in enumerate(results["funnel"], 1))
        case FlowKind():
            yield from _pages(results["next"], _page_columns(kind), ())
        case RetentionKind():
            for row in results:
                seen = {f"visitors_{number}": count for number, count in enumerate(row["visitors"])}
                yield {"cohort_date": row["cohort_date"], "cohort_size": row["cohort_size"], **seen}
        case FunnelKind():
            yield from ({"step": number, **_with_amounts(row)} for number, row in enumerate(results["steps"], 1))
        case _:
            yield results


def _page_columns(kind: FlowKind) -> list[str]:
    return ["page"] if kind.depth == 1 else [f"page_{number}" for number in range(1, kind.depth + 1)]


def _pages(rows: Rows, names: Sequence[str], before: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Each way of a flow, those through a page after it."""
    for row in rows:
        way = (*before, row["page"])
        yield {**dict(zip_longest(names, way)), "visitors": row["visitors"]}
        yield from _pages(row.get("next", ()), names, way)


def _table(columns: Columns, rows: Rows) -> pa.Table:
    names = [name for name, _ in columns]
    return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], schema=pa.schema(columns))
