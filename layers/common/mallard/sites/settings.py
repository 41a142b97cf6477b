"""Settings of a site: validation, and the JSON of the API and of the store."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from zoneinfo import available_timezones

from mallard.errors import SettingsError
from mallard.normalize.names import host_from_input, stored_host, stored_label
from mallard.sites.erased_days import ErasedDays, erased_from_json
from mallard.sites.time_zone import UTC_DAYS, SiteZones

MAX_ORIGINS = 100
MAX_GOALS = 1000
MAX_TEXT_LENGTH = 256
MAX_PROPS = 30

_HOST = re.compile(r"[a-z0-9._-]+", re.ASCII)
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters, and halves of a character, which no answer could carry."""

_GOAL_KEYS = {"name", "event", "page", "props", "scroll_threshold", "currency"}
_KEYS = {"timezone", "origins", "goals", "public"}


@dataclass(frozen=True, slots=True)
class Goal:
    """A named event, or a page pattern (``*`` within a path segment, ``**`` across), with further conditions."""

    name: str
    event: str | None = None
    page: str | None = None
    props: tuple[tuple[str, str], ...] = ()
    scroll_threshold: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """``origins``: hosts and ``*.domain`` whose pages may send for the site; empty means the site id itself.

    ``erased`` is not a setting, but must reach ingest as fast as settings do.
    """

    zones: SiteZones = UTC_DAYS
    origins: tuple[str, ...] = ()
    goals: tuple[Goal, ...] = ()
    public: bool = False
    erased: tuple[ErasedDays, ...] = ()

    def to_api(self, today: date) -> dict[str, Any]:
        """The JSON of the API: the zone that was set last, with the date of a future change."""
        first, name = self.zones.entries[-1]
        ahead = {"timezone_from": first.isoformat()} if first > today else {}
        return {"timezone": name, **ahead, **self._rest()}

    def to_json(self) -> dict[str, Any]:
        """The JSON in the store."""
        erased = {"erased": [each.to_json() for each in self.erased]} if self.erased else {}
        return {
            "timezones": [[first.isoformat(), name] for first, name in self.zones.entries],
            **self._rest(),
            **erased,
        }

    def _rest(self) -> dict[str, Any]:
        return {
            "origins": list(self.origins),
            "goals": [_goal_json(each) for each in self.goals],
            "public": self.public,
        }


def read_settings(values: Any, before: SiteSettings, today: date, *, is_new: bool = False) -> SiteSettings:
    """The settings that a client sent, merged into ``before``. SettingsError names key, value and the valid form.

    The zone of a new site holds from its first day, since no day began in another zone.
    """
    if not isinstance(values, dict):
        raise SettingsError("The settings must be a JSON object.")
    unknown = sorted(set(values) - _KEYS - {"timezone_from"})
    if unknown:
        raise SettingsError(f"{unknown[0][:40]!r} is no setting of a site; there are {', '.join(sorted(_KEYS))}.")
    zones, public = before.zones, values.get("public", False)
    if "timezone" in values:
        name = _timezone(values["timezone"])
        zones = SiteZones(((date.min, name),)) if is_new else zones.with_zone_after(name, today)
    if not isinstance(public, bool):
        raise SettingsError(f"public is {_quoted(public)}, but must be true or false.")
    goals = _normalize_goals(_goals(values.get("goals", [])))
    return SiteSettings(zones, _origins(values.get("origins", [])), goals, public, before.erased)


def with_goals(before: SiteSettings, change: Callable[[list[dict[str, Any]]], list[Any]]) -> SiteSettings:
    """The settings with other goals: ``change`` gets and gives those of the API's JSON. SettingsError as above."""
    return replace(before, goals=_normalize_goals(_goals(change([_goal_json(each) for each in before.goals]))))


def from_json(stored: Mapping[str, Any]) -> SiteSettings:
    """The settings that ``to_json`` wrote. Raises KeyError, TypeError or ValueError for other JSON."""
    zones = SiteZones(tuple((date.fromisoformat(first), str(name)) for first, name in stored["timezones"]))
    try:
        goals = _goals(stored["goals"])
    except SettingsError as error:
        raise ValueError(str(error)) from error
    erased = erased_from_json(stored)
    return SiteSettings(zones, tuple(stored["origins"]), goals, bool(stored["public"]), erased)


def _timezone(value: Any) -> str:
    if not isinstance(value, str) or value not in available_timezones():
        raise SettingsError(
            f"timezone is {_quoted(value)}, but must be a name of the tz database, such as Europe/Berlin."
        )
    return value


def _origins(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_ORIGINS:
        raise SettingsError(f"origins must be a list of at most {MAX_ORIGINS} hosts.")
    return tuple(map(_origin, value))


def _origin(value: Any) -> str:
    """A host, or ``*.`` before one, as browsers send it; of an origin such as https://example.com the host."""
    text = value.strip() if isinstance(value, str) and len(value) <= MAX_TEXT_LENGTH else ""
    if "://" not in text and text.count(":") == 1:
        text = text.partition(":")[0]
    name = host_from_input(text).removeprefix("*.")
    host = stored_host(name) if name else None
    if host is None or not _HOST.fullmatch(host):
        raise SettingsError(f"{_quoted(value)} in origins must be a host such as www.example.com or *.example.com.")
    return f"*.{host}" if text.startswith("*.") else host


def _goals(value: Any) -> tuple[Goal, ...]:
    if not isinstance(value, list) or len(value) > MAX_GOALS:
        raise SettingsError(f"goals must be a list of at most {MAX_GOALS} goals.")
    return tuple(_goal(each) for each in value)


def _normalize_goals(goals: Iterable[Goal]) -> tuple[Goal, ...]:
    """The goals with normalized names, which must be unique. Older stored settings are read as they are."""
    normalized = tuple(replace(each, name=stored_label(each.name)) for each in goals)
    names = [each.name for each in normalized]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"Two goals are named {_quoted(name)}; each needs a name of its own.")
    return normalized


def _goal(value: Any) -> Goal:
    if not isinstance(value, dict) or set(value) - _GOAL_KEYS:
        raise SettingsError(f"A goal is an object with some of {', '.join(sorted(_GOAL_KEYS))}.")
    name, event, page = (_text(value, key) for key in ("name", "event", "page"))
    if name is None or (event is None) == (page is None):
        raise SettingsError("A goal has a name, and either an event or a page.")
    if page is not None and not page.strip().startswith(("/", "*")):
        raise SettingsError(
            f"The page of goal {_quoted(name)} is {_quoted(page)}, but must begin with / as in /blog/**."
        )
    threshold, currency = value.get("scroll_threshold"), value.get("currency")
    if threshold is not None and (type(threshold) is not int or not 0 <= threshold <= 100 or page is None):
        raise SettingsError(f"scroll_threshold of goal {_quoted(name)} must be a percentage, with a page.")
    if currency is not None and not (isinstance(currency, str) and re.fullmatch("[A-Z]{3}", currency)):
        raise SettingsError(f"currency of goal {_quoted(name)} must be an ISO 4217 code such as EUR.")
    return Goal(name, event, page, _props(name, value.get("props", {})), threshold, currency)


def _props(goal: str, value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or len(value) > MAX_PROPS:
        raise SettingsError(f"props of goal {_quoted(goal)} must be an object of at most {MAX_PROPS} texts.")
    for key, each in value.items():
        if not isinstance(each, str) or max(len(key), len(each)) > MAX_TEXT_LENGTH:
            raise SettingsError(f"props of goal {_quoted(goal)} must be texts of at most {MAX_TEXT_LENGTH} characters.")
        if _UNREADABLE.search(key + each):
            raise SettingsError(f"props of goal {_quoted(goal)} hold control characters.")
    return tuple(value.items())


def _text(value: Mapping[str, Any], key: str) -> str | None:
    text = value.get(key)
    if text is None:
        return None
    if not isinstance(text, str) or not stored_label(text) or len(text) > MAX_TEXT_LENGTH:
        raise SettingsError(f"{key} of a goal is {_quoted(text)}, but must be 1 to {MAX_TEXT_LENGTH} characters.")
    if _UNREADABLE.search(text):
        raise SettingsError(f"{key} of a goal is {_quoted(text)}, but must hold no control characters.")
    return text


def _goal_json(goal: Goal) -> dict[str, Any]:
    fields = {
        "name": goal.name,
        "event": goal.event,
        "page": goal.page,
        "props": dict(goal.props) or None,
        "scroll_threshold": goal.scroll_threshold,
        "currency": goal.currency,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _quoted(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 42 else f"{text[:41]}…"
