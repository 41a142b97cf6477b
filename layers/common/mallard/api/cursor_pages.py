"""Pages of a list between cursors, as Plausible's Sites API has them."""

import base64
import binascii
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from mallard.errors import QueryError

MAX_PAGE = 1000
PAGE_ROWS = 100

T = TypeVar("T")


def page_of(
    rows: Sequence[T], key: Callable[[T], str], *, after: str | None, before: str | None, limit: str | None
) -> tuple[list[T], dict[str, Any]]:
    """One page and its ``meta``: rows after or before the row of a cursor, which need not exist any more.

    ``rows`` are in order of their keys. QueryError where a parameter is wrong.
    """
    most = _limit(limit)
    if after is not None and before is not None:
        raise QueryError("after and before cannot go together.")
    if before is not None:
        end = _read("before", before)
        earlier = [row for row in rows if key(row) < end]
        page = earlier[-most:]
        return page, _meta(page, key, most, has_before=len(earlier) > most, has_after=True)
    start = _read("after", after) if after is not None else ""
    later = [row for row in rows if key(row) > start]
    page = later[:most]
    return page, _meta(page, key, most, has_before=after is not None, has_after=len(later) > most)


def _meta(page: Sequence[T], key: Callable[[T], str], limit: int, *, has_before: bool, has_after: bool) -> Any:
    return {
        "after": _cursor(key(page[-1])) if page and has_after else None,
        "before": _cursor(key(page[0])) if page and has_before else None,
        "limit": limit,
    }


def _limit(given: str | None) -> int:
    if given is None:
        return PAGE_ROWS
    if not re.fullmatch(r"\d{1,5}", given, re.ASCII) or not 1 <= int(given) <= MAX_PAGE:
        raise QueryError(f"limit is {given[:40]!r}, but must be a whole number from 1 to {MAX_PAGE}.")
    return int(given)


def _cursor(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _read(name: str, given: str) -> str:
    try:
        key = base64.b64decode(given, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        key = ""
    if not key:
        raise QueryError(f"{name} is {given[:40]!r}, but must be a cursor of an earlier answer.")
    return key
