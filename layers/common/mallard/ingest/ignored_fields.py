"""Closed set of event fields that were repaired or ignored."""

from collections.abc import Iterable
from enum import StrEnum


class IgnoredField(StrEnum):
    """Every field; the value is the word in ``X-Mallard-Ignored``, in a batch's answer and in the counters."""

    URL = "url"
    REFERRER = "referrer"
    WIDTH = "width"
    PROPS = "props"
    REVENUE = "revenue"
    CURRENCY = "currency"
    ID = "id"
    SCROLL_DEPTH = "scroll_depth"
    ENGAGEMENT = "engagement"
    USER_AGENT = "user_agent"
    INTERACTIVE = "interactive"


HEADER = "x-mallard-ignored"

NONE: tuple[IgnoredField, ...] = ()


def listed(fields: Iterable[IgnoredField]) -> str:
    """The value of the header."""
    return ", ".join(fields)


def kind_of(field: IgnoredField) -> str:
    """The word that stands in place of a reason among a site's counts: ``ignored_props``."""
    return f"ignored_{field.value}"
