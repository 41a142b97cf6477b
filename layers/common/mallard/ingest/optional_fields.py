"""Optional fields of events: read, repaired, or ignored with a note."""

import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from mallard.event import ENGAGEMENT, PAGEVIEW
from mallard.ingest.amount import currency_of, read_amount
from mallard.ingest.ignored_fields import IgnoredField
from mallard.ingest.props import neat_props

Ignored = list[IgnoredField]
"""The fields noted so far."""

CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
"""Control characters, and halves of a character."""

_CURRENCY = re.compile(r"[A-Za-z]{3}")
_DIGITS = re.compile(r"\s*\d{1,9}\s*", re.ASCII)


def is_clean(text: str) -> bool:
    """True where no control character is in it."""
    # A printable text holds none, and this check takes a fifth of the time of a search.
    return text.isprintable() or not CONTROL.search(text)


def size_of(text: str) -> int:
    """Bytes of a text in UTF-8; half a character, which JSON can say, counts as one."""
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


def cut_to(text: str, most: int) -> str:
    """As many of the first characters as fit into so many bytes of UTF-8."""
    return text if size_of(text) <= most else text[:most].encode(errors="replace")[:most].decode(errors="ignore")


def read_text(value: Any, field: IgnoredField, most: int, ignored: Ignored) -> str | None:
    """A text without control characters, cut by characters to ``most`` bytes."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        ignored.append(field)
        return None
    if len(value) <= most and (value.isascii() or size_of(value) <= most) and is_clean(value):
        return value
    ignored.append(field)
    return cut_to(CONTROL.sub("", value), most) or None


def read_client_id(value: Any, most: int, ignored: Ignored) -> str | None:
    """The client's id of an event, a text or a whole number. A repaired one could be another event's: none is cut.

    A boolean under this key is ``read_interactive``'s, and no id.
    """
    if type(value) is str and 0 < len(value) <= most and is_clean(value):
        return value
    if value is None or value == "" or isinstance(value, bool):
        return None
    text = str(value) if isinstance(value, int) and abs(value) < 10**most else value
    if isinstance(text, str) and len(text) <= most and is_clean(text):
        return text
    ignored.append(IgnoredField.ID)
    return None


def read_interactive(wire: Mapping[str, Any], name: str, ignored: Ignored) -> bool | None:
    """False where ``i`` or ``interactive`` is, else None. Page views are always interactive; pings are no events."""
    given = wire["i"] if isinstance(wire.get("i"), bool) else wire.get("interactive")
    if given is None or given is True or name == ENGAGEMENT:
        return None
    if given is False and name != PAGEVIEW:
        return False
    ignored.append(IgnoredField.INTERACTIVE)
    return None


def read_whole(value: Any, field: IgnoredField, most: int, ignored: Ignored) -> int | None:
    """A whole number from 0 to ``most``, which may be a text of digits; a fraction is rounded down."""
    if type(value) is int and 0 <= value <= most:
        return value
    if value is None or value == "":
        return None
    number = float(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else value
    if not isinstance(number, float) or not 0 <= number <= most:
        ignored.append(field)
        return None
    if not number.is_integer():
        ignored.append(field)
    return math.floor(number)


def read_revenue(wire: Mapping[str, Any], ignored: Ignored) -> tuple[Decimal | None, str | None]:
    """The amount and its currency. The code that stands in the amount serves where ``rc`` names none."""
    given = wire.get("ra")
    if given is None or given == "":
        return None, None
    amount = read_amount(given)
    if amount is None:
        ignored.append(IgnoredField.REVENUE)
        return None, None
    currency = _currency(wire.get("rc"), ignored)
    named = currency_of(given) if isinstance(given, str) else None
    if named and currency and named != currency:
        # Which of the two is meant cannot be known.
        ignored.append(IgnoredField.REVENUE)
        return None, None
    return amount, currency or named


def read_properties(value: Any, most_bytes: int, ignored: Ignored) -> str | None:
    """Custom properties as they are stored, in ``most_bytes`` of UTF-8 at most."""
    text, problem = neat_props(value, most_bytes)
    if problem:
        ignored.append(IgnoredField.PROPS)
    return text


def _currency(value: Any, ignored: Ignored) -> str | None:
    if value is None or value == "":
        return None
    code = value.strip() if isinstance(value, str) else ""
    if _CURRENCY.fullmatch(code):
        return code.upper()
    ignored.append(IgnoredField.CURRENCY)
    return None
