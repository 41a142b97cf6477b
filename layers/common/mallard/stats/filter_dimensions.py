"""The dimensions a filter can name: a closed table of names, of columns, and of words for missing values."""

from collections.abc import Iterable

PROPS = "event:props:"
GOAL = "event:goal"
PAGE = "event:page"
ENTRY_PAGE = "visit:entry_page"
EXIT_PAGE = "visit:exit_page"

EVENT_COLUMNS = {PAGE: "pathname", "event:hostname": "hostname", "event:name": "event_name"}
"""What each event has of its own."""

OF_EVENTS = (*EVENT_COLUMNS, GOAL)
"""And properties, whose names are not known beforehand."""

FIRST_COLUMNS = {
    "visit:source": "referrer_source",
    "visit:referrer": "referrer",
    "visit:channel": "channel",
    "visit:utm_source": "utm_source",
    "visit:utm_medium": "utm_medium",
    "visit:utm_campaign": "utm_campaign",
    "visit:utm_content": "utm_content",
    "visit:utm_term": "utm_term",
    "visit:device": "device_type",
    "visit:browser": "browser",
    "visit:browser_version": "browser_version",
    "visit:os": "os",
    "visit:os_version": "os_version",
    "visit:country": "country_code",
    "visit:region": "region",
    "visit:city": "city",
    "visit:language": "language",
    "visit:screen": "screen_size",
}
"""What a visit has of its first event."""

OF_VISITS = (ENTRY_PAGE, EXIT_PAGE, *FIRST_COLUMNS)

SEED_NAMES = {
    "pages": PAGE,
    "hostnames": "event:hostname",
    "events": "event:name",
    "entry_pages": ENTRY_PAGE,
    "exit_pages": EXIT_PAGE,
    "sources": "visit:source",
    "referrers": "visit:referrer",
    "channels": "visit:channel",
    "utm_source": "visit:utm_source",
    "utm_medium": "visit:utm_medium",
    "utm_campaign": "visit:utm_campaign",
    "utm_content": "visit:utm_content",
    "utm_term": "visit:utm_term",
    "devices": "visit:device",
    "browsers": "visit:browser",
    "browser_versions": "visit:browser_version",
    "os": "visit:os",
    "os_versions": "visit:os_version",
    "countries": "visit:country",
    "regions": "visit:region",
    "cities": "visit:city",
    "languages": "visit:language",
    "screen_sizes": "visit:screen",
}
"""The breakdowns' names for the same, so that a row of one can be made a filter."""

_BLANK = frozenset({"(unknown)", "(not set)"})
_BLANKS = {
    "visit:source": frozenset({"Direct", "Direct / None"}),
    "visit:referrer": frozenset({"Direct", "Direct / None"}),
    "visit:channel": frozenset({"Direct"}),
}
_NO_PROPERTY = frozenset({"(none)"})
_TEXTS = {"visit:channel": "Direct"}


def is_of_event(dimension: str) -> bool:
    """Whether each event has its own value, and not the visit."""
    return dimension in OF_EVENTS or dimension.startswith(PROPS)


def blank_words(dimension: str) -> frozenset[str]:
    """What reports write for a missing value of it: the seed's word and v2's."""
    return _NO_PROPERTY if dimension.startswith(PROPS) else _BLANKS.get(dimension, _BLANK)


def missing_text(dimension: str) -> str:
    """A missing value as a text to look into: the empty one, but for channels, all of which have a name."""
    return _TEXTS.get(dimension, "")


def present(text: str, words: Iterable[str]) -> str:
    """SQL of a value that is NULL where it reads like one of the words for a missing one: both are one thing."""
    return f"CASE WHEN {text} IN ({', '.join(quoted(words))}) THEN NULL ELSE {text} END"


def quoted(words: Iterable[str]) -> list[str]:
    """Words of this closed table as SQL, in order."""
    return [f"'{each}'" for each in sorted(words)]
