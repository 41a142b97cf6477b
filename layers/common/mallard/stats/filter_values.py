"""Normalization of filter values to the forms in which rows hold them."""

from collections.abc import Callable, Iterable

from mallard.normalize.masks import masked_address, masked_path
from mallard.normalize.names import (
    host_from_input,
    nfc_text,
    page_from_input,
    percent_decoded,
    referrer_from_input,
    search_forms,
    stored_host,
    stored_label,
    stored_tag,
)
from mallard.stats.dimensions import ENTRY_PAGE, EXIT_PAGE, GOAL, PAGE
from mallard.stats.filter_tree import CONTAINS, IS, Leaf

_PAGES = (PAGE, ENTRY_PAGE, EXIT_PAGE)
_HOST = "event:hostname"
_DEVICES = ("desktop", "mobile", "tablet")


def _page(text: str) -> str:
    # Words for what is missing are no pages.
    return page_from_input(text) if "/" in text else nfc_text(text)


def _country(text: str) -> str:
    return text.strip().upper() if len(text.strip()) == 2 else text


def _source(text: str) -> str:
    """A source without a name of its own is a host."""
    return nfc_text(text) if text.isascii() or "." not in text else stored_host(text.strip()) or nfc_text(text)


def _device(text: str) -> str:
    device = text.strip().lower()
    return device if device in _DEVICES else text


def _part_of_host(text: str) -> str:
    """Of an international name whole parts between dots alone have a form."""
    part = text.strip(".")
    return text.replace(part, stored_host(part) or part) if part else text


def _part_of_page(text: str) -> str:
    return nfc_text(percent_decoded(text))


def _masked(dimension: str, text: str) -> tuple[str, ...]:
    """The form in which rows hold a page or referrer that is masked (MALLARD_MASK_PATHS), where it is another."""
    mask = _MASKS.get(dimension)
    return (mask(text),) if mask and mask(text) != text else ()


_MASKS: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(_PAGES, masked_path),
    "visit:referrer": masked_address,
}
_WHOLE: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(_PAGES, _page),
    _HOST: host_from_input,
    "event:name": stored_label,
    "visit:source": _source,
    "visit:referrer": referrer_from_input,
    "visit:country": _country,
    "visit:device": _device,
    **{f"visit:{name}": stored_tag for name in ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")},
}
_PART: dict[str, Callable[[str], str]] = {**dict.fromkeys(_PAGES, _part_of_page), _HOST: _part_of_host}


def written_leaf(operator: str, dimension: str, values: Iterable[str], *, case_sensitive: bool = True) -> Leaf:
    """A comparison with the stored form of each value, and with the value as it is written.

    The names of goals are compared by ``goal_conditions``, which knows those there are.
    """
    leaf = Leaf(operator, dimension, tuple(sorted(set(values))), case_sensitive)
    if dimension == GOAL:
        return leaf
    known = {IS: _WHOLE, CONTAINS: _PART}.get(leaf.positive, {})
    form = known.get(dimension, nfc_text)
    both = {each for value in leaf.values for each in search_forms(value, form)}
    if leaf.positive == IS:
        both |= {masked for each in both for masked in _masked(dimension, each)}
    return leaf if both == set(leaf.values) else Leaf(operator, dimension, tuple(sorted(both)), case_sensitive)
