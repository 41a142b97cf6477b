"""Parser of filters in the JSON of Plausible's Stats API v2.

A filter is a list of conditions, all of which must hold: ``[["is", "visit:country", ["DE", "AT"]]]``. docs/filters.md
has every operator and dimension. Whatever is wrong is a QueryError that names the place, as in ``filters[2][1]``.
"""

from typing import Any

from mallard.errors import QueryError
from mallard.normalize.strict_json import parse_json
from mallard.stats.filter_reader import EXAMPLE, FilterReader, Segments, refuse, shown
from mallard.stats.filter_reader import GROUPS as GROUPS
from mallard.stats.filter_reader import MAX_DEPTH as MAX_DEPTH
from mallard.stats.filter_reader import MAX_LEAVES as MAX_LEAVES
from mallard.stats.filter_reader import MAX_PATTERN_LENGTH as MAX_PATTERN_LENGTH
from mallard.stats.filter_reader import MAX_PATTERNS as MAX_PATTERNS
from mallard.stats.filter_reader import MAX_PROPERTY_LENGTH as MAX_PROPERTY_LENGTH
from mallard.stats.filter_reader import MAX_VALUE_LENGTH as MAX_VALUE_LENGTH
from mallard.stats.filter_reader import MAX_VALUES as MAX_VALUES
from mallard.stats.filter_tree import CONTAINS as CONTAINS
from mallard.stats.filter_tree import IS as IS
from mallard.stats.filter_tree import MATCHES as MATCHES
from mallard.stats.filter_tree import OPERATORS as OPERATORS
from mallard.stats.filter_tree import All as All
from mallard.stats.filter_tree import Any_ as Any_
from mallard.stats.filter_tree import Done as Done
from mallard.stats.filter_tree import EventSequence as EventSequence
from mallard.stats.filter_tree import Filter as Filter
from mallard.stats.filter_tree import Leaf as Leaf
from mallard.stats.filter_tree import Not as Not
from mallard.stats.filter_tree import all_leaves as all_leaves
from mallard.stats.filter_tree import all_of
from mallard.stats.filter_tree import both as both
from mallard.stats.filter_tree import leaves as leaves

MAX_FILTER_BYTES = 16 * 1024


def refuse_patterns(found: Filter | None) -> None:
    """QueryError where a filter holds a regular expression: anonymous reports must be cheap."""
    for leaf in all_leaves(found) if found else ():
        if leaf.positive == MATCHES:
            raise QueryError(
                f"filters holds {leaf.operator!r}, for which one logs in or sends an API key; use contains."
            )


def parse_filters(text: str | None, segments: Segments | None = None) -> Filter | None:
    """The filter of a ``filters`` parameter; None for none and for ``[]``. QueryError says what is wrong, and where.

    ``segments`` as of ``read_filters``.
    """
    if text is None:
        return None
    if len(text) > MAX_FILTER_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_FILTER_BYTES:
        raise QueryError(f"filters is over {MAX_FILTER_BYTES // 1024} KB.")
    try:
        given = parse_json(text)
    except (ValueError, RecursionError):
        # ValueError: not JSON, or a number of thousands of digits.
        raise QueryError(f"filters is {shown(text)}, but must be JSON such as {EXAMPLE}.") from None
    return read_filters(given, segments)


def read_filters(given: Any, segments: Segments | None = None, *, strict: bool = False) -> Filter | None:
    """The same of JSON that is decoded already, as it stands in a query's body.

    ``segments`` has the filters of the site's segments; without it none can be named. ``strict``: goals and patterns
    take the operators and options alone that v2 documents.
    """
    if given is None or given == []:
        return None
    if not isinstance(given, list):
        refuse("filters", given, f"a list of filters such as {EXAMPLE}")
    if isinstance(given[0], str):
        refuse("filters[0]", given[0], f"a filter itself: filters is a list of filters such as {EXAMPLE}")
    return all_of(FilterReader(segments, strict=strict).several(given, "filters"))
