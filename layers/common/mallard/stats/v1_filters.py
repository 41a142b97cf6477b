"""Parser of the filter language of Plausible's Stats API v1."""

import re
from collections.abc import Sequence
from typing import Any

from mallard.errors import QueryError
from mallard.normalize.names import page_from_input, search_forms
from mallard.sites.settings import Goal
from mallard.stats.dimensions import ENTRY_PAGE, EXIT_PAGE, GOAL, OF_EVENTS, OF_VISITS, PAGE, PROPS
from mallard.stats.filters import MAX_FILTER_BYTES

VISIT = "Visit "
"""The beginning of the name that Plausible gives a goal of a page."""

_PARTS = re.compile(r"\s*(.*?)\s*(==|!=)\s*(.*?)\s*", re.DOTALL)
_BAR = re.compile(r"(?<!\\)\|")


def is_v1_property(name: str) -> bool:
    """True for a property that rows are filtered by."""
    return name in OF_EVENTS or name in OF_VISITS or (name.startswith(PROPS) and name != PROPS)


def read_v1_filters(text: str | None, goals: Sequence[Goal]) -> list[Any]:
    """The filters of ``property==value;…`` in the JSON of v2. QueryError says what is wrong.

    ``|`` is between values of which one is enough, ``*`` stands for any text, and ``\\|`` is a bar of a value.
    """
    if text is None:
        return []
    if len(text.encode("utf-8", "surrogatepass")) > MAX_FILTER_BYTES:
        raise QueryError(f"filters is over {MAX_FILTER_BYTES // 1024} KB.")
    return [_comparison(part, goals) for part in text.split(";") if part.strip()]


def v1_goal_name(goal: Goal) -> str:
    """The name that Plausible would give a goal: of its event, or of its page after VISIT."""
    return goal.event if goal.event is not None else f"{VISIT}{goal.page}"


def _comparison(part: str, goals: Sequence[Goal]) -> list[Any]:
    found = _PARTS.fullmatch(part)
    if found is None or not found[1] or not found[3]:
        raise QueryError(
            f"Invalid filter {part.strip()[:80]!r}. Please provide `property==value` or `property!=value`."
        )
    name, operator, value = found.groups()
    if not is_v1_property(name):
        raise QueryError(f"Invalid filter property '{name[:80]}'. Please provide a valid filter property: {_listed()}.")
    values = [each.replace("\\|", "|") for each in _BAR.split(value)]
    suffix = "_not" if operator == "!=" else ""
    if name == GOAL:
        if suffix:
            raise QueryError(f"The operator `!=` is not supported for `{GOAL}`.")
        return ["is", GOAL, [_goal(each, goals) for each in values]]
    if any("*" in each for each in values):
        patterns = [pattern for each in values for pattern in _patterns(name, each)]
        return [f"matches{suffix}", name, patterns]
    return [f"is{suffix}", name, values]


def _goal(name: str, goals: Sequence[Goal]) -> str:
    """The goal of this name, else the one that Plausible would name so."""
    for known in (lambda goal: goal.name, v1_goal_name):
        for goal in goals:
            if known(goal) == name:
                return goal.name
    what = f"goal `{name[:80]}`"
    if name.startswith(VISIT):
        what = f"pageview goal for the pathname `{name.removeprefix(VISIT)[:80]}`"
    raise QueryError(f"The {what} is not configured for this site.")


def _patterns(name: str, value: str) -> list[str]:
    forms = search_forms(value, page_from_input) if name in (PAGE, ENTRY_PAGE, EXIT_PAGE) else (value,)
    return [f"(?s)^{'.*'.join(re.escape(each) for each in re.split(r'[*]+', form))}$" for form in forms]


def _listed() -> str:
    return ", ".join((*OF_EVENTS, f"{PROPS}<key>", *OF_VISITS))
