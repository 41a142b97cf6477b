"""The dimensions of reports and filters: one closed table."""

from dataclasses import dataclass, replace

TOTAL = "total"
"""The dimension of a query without one."""

ROLLED_HOUR = "hour"
"""The dimension of rollups that has a row for each local hour."""

UNKNOWN = "(unknown)"
DIRECT = "Direct"
OTHER = "(other)"
"""The values of days whose events are gone that were not kept; a row that is marked, as a value may read so too."""

PAGE = "event:page"
HOSTNAME = "event:hostname"
GOAL = "event:goal"
PROPS = "event:props:"
ENTRY_PAGE = "visit:entry_page"
EXIT_PAGE = "visit:exit_page"


@dataclass(frozen=True, slots=True)
class Dimension:
    """One row of the table.

    ``name``: in addresses (the seed's) · ``v2_name``: in filters and queries of Plausible's Stats API v2 · ``column``:
    of the table ``events`` · ``visit``: the column of the relation ``visit`` that has its value, None where each event
    has its own · ``blank``: the word for a missing value in reports · ``blanks``: all words that read as missing ·
    ``missing_text``: the text that a missing value contains.
    """

    name: str
    v2_name: str
    column: str
    visit: str | None = None
    blank: str = UNKNOWN
    blanks: frozenset[str] = frozenset({UNKNOWN, "(not set)"})
    missing_text: str = ""

    @property
    def v2_blank(self) -> str:
        """The word for a missing value in answers of v2, one of ``blanks``."""
        return next((word for word in ("Direct / None", "(not set)") if word in self.blanks), self.blank)

    @property
    def of_visit(self) -> bool:
        """True where all events of a visit have one value."""
        return self.visit is not None

    @property
    def of_first_event(self) -> bool:
        """True where the value is that of the visit's first event."""
        return self.visit == f"opening.{self.column}"


def _first_event(name: str, v2_name: str, column: str) -> Dimension:
    return Dimension(name, f"visit:{v2_name}", column, f"opening.{column}")


def _referral(name: str, v2_name: str, column: str) -> Dimension:
    blanks = frozenset({DIRECT, "Direct / None"})
    return Dimension(name, f"visit:{v2_name}", column, f"opening.{column}", DIRECT, blanks)


_ALL = (
    Dimension("pages", PAGE, "pathname"),
    Dimension("hostnames", HOSTNAME, "hostname"),
    Dimension("events", "event:name", "event_name"),
    _referral("sources", "source", "referrer_source"),
    _first_event("browsers", "browser", "browser"),
    _first_event("os", "os", "os"),
    _first_event("devices", "device", "device_type"),
    _first_event("countries", "country", "country_code"),
    Dimension("entry_pages", ENTRY_PAGE, "pathname", "entry_page"),
    Dimension("exit_pages", EXIT_PAGE, "pathname", "exit_page"),
    _referral("referrers", "referrer", "referrer"),
    # Every visit has a channel, so that a missing one contains its word.
    Dimension("channels", "visit:channel", "channel", "opening.channel", DIRECT, frozenset({DIRECT}), DIRECT),
    _first_event("utm_source", "utm_source", "utm_source"),
    _first_event("utm_medium", "utm_medium", "utm_medium"),
    _first_event("utm_campaign", "utm_campaign", "utm_campaign"),
    _first_event("utm_content", "utm_content", "utm_content"),
    _first_event("utm_term", "utm_term", "utm_term"),
    _first_event("regions", "region", "region"),
    _first_event("cities", "city", "city"),
    _first_event("browser_versions", "browser_version", "browser_version"),
    _first_event("os_versions", "os_version", "os_version"),
    _first_event("screen_sizes", "screen", "screen_size"),
    _first_event("languages", "language", "language"),
)

_STORED_NAMES = {"regions": "visit:region_name", "cities": "visit:city_name"}
"""Further names of what is stored by name already."""

DIMENSIONS = {each.name: each for each in _ALL}
"""By ``name``."""

_HOSTNAMES = (
    Dimension("entry_page_hostnames", f"{ENTRY_PAGE}_hostname", "hostname", "entry_page_hostname"),
    Dimension("exit_page_hostnames", f"{EXIT_PAGE}_hostname", "hostname", "exit_page_hostname"),
)
"""Dimensions of queries that rollups and visits files lack."""

_NAMES = tuple(replace(DIMENSIONS[name], v2_name=v2_name) for name, v2_name in _STORED_NAMES.items())

_OF_QUERIES = (*_ALL, *_HOSTNAMES, *_NAMES)

BY_NAME = {**DIMENSIONS, **{each.name: each for each in _HOSTNAMES}}
"""By ``name``, those that no rollup has included."""

BY_V2_NAME = {each.v2_name: each for each in _OF_QUERIES}

END_COLUMNS = {str(each.visit): each.column for each in _OF_QUERIES if each.of_visit and not each.of_first_event}
"""From the columns of a visit that its first or last pageview has to that of the event."""

END_HOSTNAMES = frozenset(each.v2_name for each in _HOSTNAMES)

SEED_NAMES = {each.name: each.v2_name for each in _ALL}
"""From ``name`` to ``v2_name``, so that a row of a breakdown can be made a filter."""

EVENT_COLUMNS = {each.v2_name: each.column for each in _ALL if not each.of_visit}
"""Columns of dimensions that each event has of its own."""

FIRST_COLUMNS = {each.v2_name: each.column for each in _OF_QUERIES if each.of_first_event}
"""Columns of dimensions that a visit has of its first event."""

OF_EVENTS = (*EVENT_COLUMNS, GOAL)
"""Filter dimensions of single events. Properties are too, whose names are not known beforehand."""

OF_VISITS = tuple(each.v2_name for each in _OF_QUERIES if each.of_visit)

_GOAL_BLANKS = Dimension("", GOAL, "").blanks
_NO_PROPERTY = frozenset({"(none)"})


def is_of_event(v2_name: str) -> bool:
    """True for a dimension whose value is each event's own, goals and properties included."""
    return v2_name in OF_EVENTS or v2_name.startswith(PROPS)


def blank_words(v2_name: str) -> frozenset[str]:
    """The words of reports for a missing value: the seed's and v2's."""
    if v2_name.startswith(PROPS):
        return _NO_PROPERTY
    return BY_V2_NAME[v2_name].blanks if v2_name in BY_V2_NAME else _GOAL_BLANKS


def missing_text(v2_name: str) -> str:
    """The text that stands for a missing value where a filter looks into it."""
    return BY_V2_NAME[v2_name].missing_text if v2_name in BY_V2_NAME else ""
