"""The dimensions a report can break down by: a closed table of names and the SQL behind each."""

from dataclasses import dataclass

TOTAL = "total"
"""The dimension of a query without one."""

UNKNOWN = "(unknown)"
DIRECT = "Direct"
OTHER = "(other)"
"""The values of days whose events are gone that were not kept; a row that is marked, as a value may read so too."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """``column`` is the event's; ``visit`` where a visit keeps its one value, None: the value is each event's own.

    ``blank`` is what a missing value reads.
    """

    name: str
    column: str
    visit: str | None = None
    blank: str = UNKNOWN

    @property
    def of_visit(self) -> bool:
        """Whether the value is the visit's."""
        return self.visit is not None

    @property
    def of_first_event(self) -> bool:
        """Whether it is that of the visit's first event."""
        return self.visit == f"opening.{self.column}"


def _first_event(name: str, column: str, blank: str = UNKNOWN) -> Dimension:
    return Dimension(name, column, f"opening.{column}", blank)


_ALL = (
    Dimension("pages", "pathname"),
    Dimension("hostnames", "hostname"),
    Dimension("events", "event_name"),
    _first_event("sources", "referrer_source", DIRECT),
    _first_event("browsers", "browser"),
    _first_event("os", "os"),
    _first_event("devices", "device_type"),
    _first_event("countries", "country_code"),
    Dimension("entry_pages", "pathname", "entry_page"),
    Dimension("exit_pages", "pathname", "exit_page"),
    _first_event("referrers", "referrer", DIRECT),
    _first_event("channels", "channel", DIRECT),
    _first_event("utm_source", "utm_source"),
    _first_event("utm_medium", "utm_medium"),
    _first_event("utm_campaign", "utm_campaign"),
    _first_event("utm_content", "utm_content"),
    _first_event("utm_term", "utm_term"),
    _first_event("regions", "region"),
    _first_event("cities", "city"),
    _first_event("browser_versions", "browser_version"),
    _first_event("os_versions", "os_version"),
    _first_event("screen_sizes", "screen_size"),
    _first_event("languages", "language"),
)

DIMENSIONS = {each.name: each for each in _ALL}
