"""Segments in filters: the JSON of a query with the filters that its segments stand for."""

from typing import Any

from mallard.stats.filter_reader import GROUPS, SEGMENT, SEQUENCE, Segments, segment_id


def expanded_filters(given: list[Any], segments: Segments) -> list[Any]:
    """Filters that were read before, with those of each segment in its place."""
    found: list[Any] = []
    for each in given:
        whole = _expanded(each, segments)
        # The list's own filters must all hold.
        found += whole[1] if _is_segment(each) and whole[0] == "and" else [whole]
    return found


def _expanded(part: list[Any], segments: Segments) -> list[Any]:
    if _is_segment(part):
        parts = [["and", segments(number) or []] for each in part[2] if (number := segment_id(each)) is not None]
        return parts[0] if len(parts) == 1 else ["or", parts]
    if part[0] in ("and", "or", SEQUENCE):
        return [part[0], [_expanded(each, segments) for each in part[1]]]
    return [part[0], _expanded(part[1], segments)] if part[0] in GROUPS else part


def _is_segment(part: list[Any]) -> bool:
    return part[1:2] == [SEGMENT]
