"""Plausible's words for the keys of an event, and the sites that one event names."""

from collections.abc import Mapping
from typing import Any

from mallard.ingest.enrich.page_url import host_of
from mallard.normalize.strict_json import parse_json

MAX_SITES = 10
"""Sites that one event may name."""

_OTHER_WORDS = {
    "n": ("name",),
    "u": ("url",),
    "d": ("domain",),
    "r": ("referrer",),
    "w": ("screen_width",),
    "p": ("props", "meta", "m"),
}
_REVENUE = ("$", "revenue")
_HASH_MODE = ("h", "hashMode")

WORDS = frozenset((*_REVENUE, *_HASH_MODE, *(word for words in _OTHER_WORDS.values() for word in words)))
"""Keys of which none is in an event of our own script."""


def in_own_words(wire: Mapping[str, Any]) -> dict[str, Any]:
    """The event with the keys that the parser knows; of two words for one thing the shorter wins, where it is set.

    A value that cannot be read stays under its key, so that the parser refuses or ignores it there.
    """
    own = dict(wire)
    for key, words in _OTHER_WORDS.items():
        found = next((wire[word] for word in (key, *words) if wire.get(word) is not None), None)
        if found is not None:
            own[key] = found
    name = own.get("n")
    if isinstance(name, int) and not isinstance(name, bool):
        # As 404.
        own["n"] = str(name)
    revenue = next((wire[word] for word in _REVENUE if wire.get(word) is not None), None)
    if revenue is not None and "ra" not in wire:
        own["ra"], own["rc"] = _amount_and_currency(revenue)
    mode = next((wire[word] for word in _HASH_MODE if wire.get(word) is not None), None)
    if mode in (1, "1") and isinstance(own.get("u"), str):
        own["u"] = with_fragment_in_path(own["u"])
    return own


def with_fragment_in_path(url: str) -> str:
    """The address with its fragment as the end of its path, which is decoded once."""
    address, mark, fragment = url.partition("#")
    if not mark:
        return url
    path, question, query = address.partition("?")
    root = "" if "/" in path.partition("//")[2] or "//" not in path else "/"
    ending = fragment.replace("#", "%23").replace("?", "%3F")
    return f"{path}{root}%23{ending}{question}{query}"


def sites_in(text: str) -> list[str]:
    """The sites of a comma list, each once."""
    return list(dict.fromkeys(each.strip() for each in text.split(",")))


def site_of_address(wire: Mapping[str, Any]) -> str | None:
    """The host of the event's address without ``www.``; None where it has none."""
    url = wire.get("u")
    host = host_of(url) if isinstance(url, str) else None
    return host.removeprefix("www.") if host else None


def _amount_and_currency(revenue: Any) -> tuple[Any, Any]:
    if isinstance(revenue, str) and revenue.lstrip().startswith("{"):
        try:
            revenue = parse_json(revenue)
        except (ValueError, RecursionError):
            return revenue, None
    if isinstance(revenue, Mapping):
        amount = revenue.get("amount")
        # Money without an amount is a value that cannot be read.
        return (revenue if amount is None else amount), revenue.get("currency")
    return revenue, None
