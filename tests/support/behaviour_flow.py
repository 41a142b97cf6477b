"""Flow once more, in plain Python over one visitor's events in order."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from mallard.event import PAGEVIEW
from support.reference import Row

Way = tuple[str | None, ...]
"""The pages that come next, as many as asked for; None at the end where fewer do."""

BEGINS = [("forward", "first_match"), ("forward", "last_match"), ("forward", "head")]
BEGINS += [("backward", "first_match"), ("backward", "last_match"), ("backward", "tail")]
"""Directions and bases that go together."""


def way_of(
    events: Sequence[Row], is_anchor: Callable[[Row], bool], *, of_page: bool, direction: str, base: str, depth: int
) -> Way | None:
    """Where a visitor went; None who does not begin."""
    seen = [row for row in events if row["event_name"] == PAGEVIEW or (is_anchor(row) and not of_page)]
    places = [
        number for number, row in enumerate(seen) if is_anchor(row) and (not of_page or row["event_name"] == PAGEVIEW)
    ]
    wanted = {"head": [0], "tail": [len(seen) - 1]}.get(base, places)
    places = [each for each in wanted if each in places]
    if not places:
        return None
    place = places[-1] if base == "last_match" else places[0]
    beyond = seen[place + 1 :] if direction == "forward" else seen[:place][::-1]
    last, pages = seen[place]["pathname"] if of_page else None, list[str | None]()
    for row in beyond:
        if row["event_name"] == PAGEVIEW and row["pathname"] != last:
            last = row["pathname"]
            pages.append(last)
    return tuple([*pages, None][:depth])


def tree_of(
    ways: Iterable[Way], depth: int, limit: int, *, exits: bool, names: tuple[str, str]
) -> list[dict[str, Any]]:
    """The rows of an answer, under the names of its direction."""
    page_name, further = names
    ways = [way for way in ways if way]
    counts = Counter(way[0] for way in ways)
    top = sorted((page for page in counts if page is not None), key=lambda page: (-counts[page], page))[:limit]
    rows: list[dict[str, Any]] = []
    for page in [*top, *([None] if exits and counts[None] else [])]:
        row: dict[str, Any] = {page_name: page, "visitors": counts[page]}
        if depth > 1 and page is not None:
            rest = [way[1:] for way in ways if way[0] == page]
            row[further] = tree_of(rest, depth - 1, limit, exits=exits, names=names)
        rows.append(row)
    return rows
