"""SQL of one comparison, with bound values only.

No condition is ever NULL, so that NOT turns it round: where a value is missing it is plainly true or false.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mallard.normalize.names import nfc_text, search_forms
from mallard.stats.dimensions import PROPS, blank_words, missing_text
from mallard.stats.filters import CONTAINS, IS, MATCHES, Leaf

NOTHING = "CAST(NULL AS VARCHAR)"


def present(text: str, words: Iterable[str]) -> str:
    """SQL of a value that is NULL where it reads like one of the words for a missing one: both are one thing."""
    return f"CASE WHEN {text} IN ({', '.join(quoted(words))}) THEN NULL ELSE {text} END"


def quoted(words: Iterable[str]) -> list[str]:
    """Words of the closed table of dimensions as SQL, in order."""
    return [f"'{each}'" for each in sorted(words)]


class BoundSql:
    """The values of a statement by name, each once: ``bound("DE")`` is ``$f0``.

    Several texts in one statement get names with different ``letter``s.
    """

    def __init__(self, letter: str = "f") -> None:
        self._letter = letter
        self._names: dict[str, str] = {}

    def __call__(self, value: str) -> str:
        return f"${self._names.setdefault(value, f'{self._letter}{len(self._names)}')}"

    @property
    def values(self) -> dict[str, object]:
        """The parameters of the statement."""
        return {name: value for value, name in self._names.items()}


def property_of_event(key: str, bound: BoundSql) -> str:
    """The text of one property of an event, by its stored name or as it is written; null where it has none."""
    found = [f"json_extract_string(event.props, {bound(_pointer(each))})" for each in search_forms(key, nfc_text)]
    return found[0] if len(found) == 1 else f"coalesce({', '.join(found)})"


def _pointer(key: str) -> str:
    return "/" + key.replace("~", "~0").replace("/", "~1")


def pattern(leaf: Leaf, value: str) -> str:
    """The regular expression as RE2 gets it."""
    return value if leaf.case_sensitive else f"(?i){value}"


def comparison(leaf: Leaf, text: str, bound: BoundSql, *, as_list: bool = False) -> str:
    """The condition that SQL's ``text`` meets the leaf.

    ``as_list``: DuckDB then looks once at each text that a column has, and not at each row. Only the other way is
    handed down into the reading of files, which pays where it stands there alone.
    """
    if leaf.positive == IS:
        met = _is(leaf, text, bound, as_list)
    elif leaf.dimension.startswith(PROPS):
        # A property that is not there neither contains a text nor fails to contain it.
        met = any_of(_part(leaf, text, value, bound) for value in leaf.values)
        there = f"{text} IS NOT NULL AND {text} NOT IN ({', '.join(quoted(blank_words(leaf.dimension)))})"
        return f"({there} AND {'NOT ' if leaf.is_negated else ''}{met})"
    else:
        met = any_of(_part(leaf, _text(leaf, text, value), value, bound) for value in leaf.values)
    return f"(NOT {met})" if leaf.is_negated else met


def _text(leaf: Leaf, text: str, value: str) -> str:
    """A missing value as its ``missing_text``, also where it is stored as a word for what is missing.

    Only where that makes a difference: most texts and patterns meet neither, and the reader of files is told more.
    """
    words = blank_words(leaf.dimension)
    there = present(text, words) if _tells_apart(leaf, value, words) else text
    return f"coalesce({there}, '{missing_text(leaf.dimension)}')"


def _tells_apart(leaf: Leaf, value: str, words: Iterable[str]) -> bool:
    texts = pa.array([missing_text(leaf.dimension), *words], pa.string())
    find = pc.match_substring if leaf.positive == CONTAINS else pc.match_substring_regex
    try:
        # The same engine of regular expressions as the database's: RE2.
        found = find(texts, value, ignore_case=not leaf.case_sensitive)
    except pa.ArrowInvalid:
        # The database says what is wrong with it.
        return True
    return bool(pc.any(pc.xor(found, found[0])).as_py())


def one_of(text: str, values: Sequence[str], bound: BoundSql, words: frozenset[str] = frozenset()) -> str:
    """True where it is there and one of them; one of the ``words`` for a missing value stands for all of them."""
    blank = words.intersection(values)
    among = [*values, *sorted(words.difference(values))] if blank else values
    test = "IS NULL OR" if blank else "IS NOT NULL AND"
    return f"({text} {test} {text} IN ({', '.join(map(bound, among))}))"


def any_of(conditions: Iterable[str]) -> str:
    """One of them holds; of none, none does."""
    return f"({' OR '.join(conditions) or 'false'})"


def _is(leaf: Leaf, text: str, bound: BoundSql, as_list: bool) -> str:
    words, values = blank_words(leaf.dimension), list(leaf.values)
    cased = str if leaf.case_sensitive else str.lower
    # A word for what is missing may be stored as a value as well: the channel Direct is both, and both are one thing.
    is_blank = not {cased(word) for word in words}.isdisjoint(map(cased, values))
    values += sorted(words.difference(values)) if is_blank else ()
    among = ", ".join(_cased(leaf, bound(value)) for value in values)
    test = "IS NULL OR" if is_blank else "IS NOT NULL AND"
    found = f"list_contains([{among}], {_cased(leaf, text)})" if as_list else f"{_cased(leaf, text)} IN ({among})"
    return f"({text} {test} {found})"


def _part(leaf: Leaf, text: str, value: str, bound: BoundSql) -> str:
    if leaf.positive == CONTAINS:
        return f"contains({_cased(leaf, text)}, {_cased(leaf, bound(value))})"
    assert leaf.positive == MATCHES
    return f"regexp_matches({text}, {bound(pattern(leaf, value))})"


def _cased(leaf: Leaf, text: str) -> str:
    return text if leaf.case_sensitive else f"lower({text})"
