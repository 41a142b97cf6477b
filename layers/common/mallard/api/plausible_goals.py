"""Goals as Plausible's Sites API has them, found or created by type and value."""

import hashlib
from collections.abc import Mapping
from typing import Any

from mallard.errors import QueryError
from mallard.stats.v1_filters import VISIT

FIELDS = ("site_id", "goal_type", "event_name", "page_path", "display_name", "scroll_threshold", "currency")
VALUES = {"event": "event_name", "page": "page_path"}
"""By type, the field of the value; a goal of our settings has it under the type's own name."""

ID_BYTES = 6
"""A number that JavaScript holds exactly."""


def goal_id(name: str) -> str:
    """The id of a goal: its name is its identity, and any path can hold a number."""
    return str(int.from_bytes(hashlib.blake2b(name.encode(), digest_size=ID_BYTES).digest(), "big"))


def shown_goal(goal: Mapping[str, Any]) -> dict[str, Any]:
    """A goal of a site's settings, as JSON."""
    return {
        "id": goal_id(goal["name"]),
        "goal_type": "event" if "event" in goal else "page",
        "display_name": goal["name"],
        "event_name": goal.get("event"),
        "page_path": goal.get("page"),
    }


def read_goal(given: Mapping[str, Any]) -> dict[str, Any]:
    """The goal of a site's settings that a request describes. QueryError names the field that is missing or wrong."""
    for name in given:
        if name not in FIELDS:
            raise QueryError(f"{name[:40]!r} is no field of a goal; there are {', '.join(FIELDS)}.")
    kind = _text(given, "goal_type")
    if kind not in VALUES:
        raise QueryError(f"goal_type is {kind[:40]!r}, but must be event or page.")
    value = _text(given, VALUES[kind])
    usual = value if kind == "event" else f"{VISIT}{value}"
    goal: dict[str, Any] = {"name": _text(given, "display_name") if given.get("display_name") else usual, kind: value}
    if given.get("currency"):
        goal["currency"] = given["currency"]
    if given.get("scroll_threshold"):
        goal["scroll_threshold"] = _percent(given["scroll_threshold"])
    return goal


def with_goal(goals: list[dict[str, Any]], wanted: Mapping[str, Any]) -> list[Any]:
    """The goals with one more, unless one of them is of the same event or page."""
    return goals if same_goal(goals, wanted) else [*goals, wanted]


def same_goal(goals: list[dict[str, Any]], wanted: Mapping[str, Any]) -> dict[str, Any] | None:
    """The goal that differs from this one in its name and currency at most."""
    loose = ("name", "currency")
    plain = {key: value for key, value in wanted.items() if key not in loose}
    for goal in goals:
        if {key: value for key, value in goal.items() if key not in loose} == plain:
            return goal
    return None


def _text(given: Mapping[str, Any], name: str) -> str:
    value = given.get(name)
    if value in (None, ""):
        raise QueryError(f"Parameter `{name}` is required to create a goal")
    if not isinstance(value, str):
        raise QueryError(f"{name} is {value!r:.40}, but must be a text.")
    return value


def _percent(given: Any) -> Any:
    """The number that a form has as a text."""
    return int(given) if isinstance(given, str) and given.isascii() and given.isdigit() and len(given) < 4 else given
