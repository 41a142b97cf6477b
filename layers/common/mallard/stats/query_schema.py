"""JSON Schema of a v2 query's body, made of the tables that its reader uses."""

from typing import Any

from mallard.stats.body_fields import MAX_TEXT_LENGTH
from mallard.stats.dimensions import GOAL, OF_EVENTS, OF_VISITS, PROPS, SEED_NAMES
from mallard.stats.filter_reader import (
    GOAL_OPERATORS,
    MAX_PROPERTY_LENGTH,
    MAX_SEQUENCE,
    MAX_VALUE_LENGTH,
    SEGMENT,
    SEQUENCE,
)
from mallard.stats.filter_tree import MATCHES, OPERATORS
from mallard.stats.grouping import TIMES
from mallard.stats.metric_formulas import QUERY_METRICS
from mallard.stats.query_body import FORMATS, JSON, KEYS, MAX_DIMENSIONS, MAX_OFFSET, TIME
from mallard.stats.query_kinds import (
    DIRECTIONS,
    FLOW,
    FUNNEL,
    INTERVALS,
    KINDS,
    MAX_COHORTS,
    MAX_DEPTH,
    MAX_PAGES,
    RETENTION,
)
from mallard.stats.query_kinds import SEQUENCE as SEQUENCE_KIND
from mallard.stats.query_range import CUSTOM, MODES, WORDS
from mallard.stats.stats_query import MAX_ROWS

Json = dict[str, Any]

REQUIRED = ("site_id", "date_range")

MAX_STEP_LENGTH = 2048
"""Characters of a text of a step."""

_FLAG: Json = {"type": "boolean"}
_DATE: Json = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_INSTANT: Json = {
    "type": "string",
    "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?(Z|[+-]\d{2}:\d{2})$",
}
_OPTIONS: Json = {"type": "object", "properties": {"case_sensitive": _FLAG}, "additionalProperties": False}


def query_schema() -> Json:
    """The schema. A body that it refuses is refused by the reader, which also checks what goes together."""
    properties: Json = {
        "site_id": {"type": "string", "description": "Site id, such as example.com."},
        "metrics": _list(_ref("metric"), least=1, unique=True),
        "date_range": _ref("date_range"),
        "dimensions": _list(_ref("dimension"), most=MAX_DIMENSIONS, unique=True),
        "filters": _list(_ref("filter")),
        "order_by": _list(_tuple(_any(_ref("metric"), _ref("dimension")), {"enum": ["asc", "desc"]})),
        "include": _ref("include"),
        "pagination": _object(
            limit=_whole(1, MAX_ROWS) | {"default": MAX_ROWS},
            offset=_whole(0, MAX_OFFSET) | {"default": 0},
        ),
        "explain": {**_FLAG, "description": "How rows were counted; takes a login or key."},
        "format": {"enum": list(FORMATS), "default": JSON},
        **{name: _ref(name) for name in KINDS},
    }
    assert set(properties) == set(KEYS)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Query of POST /api/v2/query",
        **_object(**properties),
        "required": list(REQUIRED),
        "oneOf": [{"required": [name]} for name in ("metrics", *KINDS)],
        "definitions": _definitions() | _kinds(),
    }


def _definitions() -> Json:
    return {
        "metric": {"enum": list(QUERY_METRICS)},
        "property": {"type": "string", "pattern": f"^{PROPS}[^\\u0000]{{1,{MAX_PROPERTY_LENGTH}}}$"},
        "dimension": _any({"enum": [*OF_EVENTS, *OF_VISITS, TIME, *TIMES]}, _ref("property")),
        "date_range": _any({"enum": list(WORDS)}, _tuple(_DATE, _DATE), _tuple(_INSTANT, _INSTANT)),
        "include": _include(),
        "comparison": _object(
            mode={"enum": list(MODES)}, date_range=_ref("date_range"), match_day_of_week={**_FLAG, "default": False}
        )
        | {
            "required": ["mode"],
            "if": {"properties": {"mode": {"const": CUSTOM}}},
            "then": {"required": ["date_range"]},
            "else": {"not": {"required": ["date_range"]}},
        },
        "values": _list(_any({"type": "string", "maxLength": MAX_VALUE_LENGTH}, {"type": "integer"}), least=1),
        "filter": _any(*(_ref(name) for name in ("comparison_filter", "segment_filter", "group_filter"))),
        "comparison_filter": _comparison_filter(),
        "segment_filter": _tuple({"const": "is"}, {"const": SEGMENT}, _list(_segment_id(), least=1)),
        "group_filter": _group_filter(),
    }


def _kinds() -> Json:
    text = _text(MAX_TEXT_LENGTH)
    page = {"page": _text(MAX_STEP_LENGTH)}
    step = {
        **page,
        "event": _text(MAX_STEP_LENGTH),
        "goal": _text(MAX_STEP_LENGTH),
        "filters": _list(_ref("filter")),
        "props": {"type": "object", "additionalProperties": {"type": "string", "maxLength": MAX_STEP_LENGTH}},
        "scroll_threshold": _whole(0, 100),
    }
    funnel = _object(steps=_ref("paid_steps"), window=text, strict_order={**_FLAG, "default": False})
    sequence = _object(steps=_ref("steps"), pattern=text)
    return {
        "steps": _list(_object(**step)),
        "paid_steps": _list(_object(**step, currency={"type": "string", "pattern": "^[A-Z]{3}$"})),
        FUNNEL: funnel | {"required": ["steps"]},
        FLOW: _object(
            steps=_list(_object(**page)),
            direction={"enum": list(DIRECTIONS), "default": DIRECTIONS[0]},
            search=text,
            funnel={**_FLAG, "default": False},
            depth=_whole(1, MAX_DEPTH),
            limit=_whole(1, MAX_PAGES),
        ),
        RETENTION: _object(interval={"enum": list(INTERVALS)}, count=_whole(1, MAX_COHORTS)),
        SEQUENCE_KIND: sequence | {"required": ["steps"]},
    }


def _include() -> Json:
    comparison = _any(_ref("comparison"), {"enum": [mode for mode in MODES if mode != CUSTOM]}, {"type": "null"})
    flags = {name: {**_FLAG, "default": False} for name in ("time_labels", "total_rows", "imports")}
    return _object(**flags, comparisons=comparison, compare=comparison) | {
        "not": {"required": ["comparisons", "compare"]}
    }


def _comparison_filter() -> Json:
    """Patterns take no options, and goals only the operators that v2 documents."""
    patterns = [name for name in OPERATORS if name.startswith(MATCHES)]
    others = [name for name in OPERATORS if name not in patterns]
    plain = {name for name in (*OF_EVENTS, *OF_VISITS, *SEED_NAMES) if name != GOAL}
    of_events = _any({"enum": sorted(plain)}, _ref("property"))
    return _any(
        _tuple({"enum": patterns}, of_events, _ref("values")),
        _tuple({"enum": others}, of_events, _ref("values"), _OPTIONS, optional=1),
        _tuple({"enum": list(GOAL_OPERATORS)}, {"const": GOAL}, _ref("values"), _OPTIONS, optional=1),
    )


def _group_filter() -> Json:
    return _any(
        _tuple({"enum": ["and", "or"]}, _list(_ref("filter"), least=1)),
        _tuple({"enum": ["not", "has_done", "has_not_done"]}, _ref("filter")),
        _tuple({"const": SEQUENCE}, _list(_ref("filter"), least=1, most=MAX_SEQUENCE)),
    )


def _segment_id() -> Json:
    return _any({"type": "integer", "minimum": 1}, {"type": "string", "pattern": "^[0-9]{1,9}$"})


def _ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def _any(*schemas: Json) -> Json:
    return {"anyOf": list(schemas)}


def _text(most: int) -> Json:
    return {"type": "string", "minLength": 1, "maxLength": most}


def _whole(least: int, most: int) -> Json:
    return {"type": "integer", "minimum": least, "maximum": most}


def _object(**properties: Json) -> Json:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _list(items: Json, *, least: int = 0, most: int | None = None, unique: bool = False) -> Json:
    limits = {"minItems": least, "maxItems": most, "uniqueItems": unique}
    return {"type": "array", "items": items, **{name: limit for name, limit in limits.items() if limit}}


def _tuple(*items: Json, optional: int = 0) -> Json:
    size = len(items)
    return {
        "type": "array",
        "items": list(items),
        "additionalItems": False,
        "minItems": size - optional,
        "maxItems": size,
    }
