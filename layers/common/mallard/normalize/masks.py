"""Masks for mail addresses and long tokens in URL paths."""

import re
from urllib.parse import unquote

MASK = "*"
"""In place of masked text: the wildcard of goal pages and of the tracker's part `mask`."""

MIN_TOKEN_LENGTH = 20
MAX_DIGITS = 19
"""Numbers of up to 64 bits count things; longer ones are made up."""

CHARACTERS_PER_CHANGE = 5
"""Random text changes between digits, small letters and capitals at least every third character, words of people
with numbers among them every tenth."""

NUMBER_CHANGES = 5

_WORD = re.compile(r"[^/?&=;,:#\s\"'()<>\[\]]+")
_RUN = re.compile(rf"[A-Za-z0-9_-]{{{MIN_TOKEN_LENGTH},}}")
_CHANGE = re.compile(r"[0-9](?=[A-Za-z])|[A-Za-z](?=[0-9])|[a-z](?=[A-Z])")
_ORIGIN = re.compile(r"[a-z-]+://[^/?#]*")
_NUMBER_CHANGE = re.compile(r"[0-9](?=[A-Za-z])|[A-Za-z](?=[0-9])")
_SEPARATOR = re.compile(r"[-_]")
_UUID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def masked_path(path: str) -> str:
    """A path in which a mail address, and each long token, is ``*``; the rest of it stays. Linear in its length.

    A path may be percent-encoded, and hold a query.
    """
    if "@" in path or "%40" in path or "%2540" in path:
        path = _WORD.sub(_without_mail, path)
    return _RUN.sub(_without_token, path) if len(path) >= MIN_TOKEN_LENGTH else path


def masked_address(address: str) -> str:
    """The address of a web page whose path, and query, are masked; its host is not."""
    origin = _ORIGIN.match(address)
    end = origin.end() if origin else 0
    return address[:end] + masked_path(address[end:])


def is_token(run: str) -> bool:
    """True where a run of letters, digits, ``-`` and ``_`` looks random rather than like words."""
    if _UUID.search(run):
        return True
    if run.isdecimal():
        return len(run) > MAX_DIGITS
    changes = _CHANGE.findall(run)
    if len(changes) * CHARACTERS_PER_CHANGE >= len(run):
        return True
    # Without separators between words this many changes from letters to digits are not natural text.
    return not _SEPARATOR.search(run) and len(_NUMBER_CHANGE.findall(run)) >= NUMBER_CHANGES


def _without_token(run_match: re.Match[str]) -> str:
    return MASK if is_token(run_match[0]) else run_match[0]


def _without_mail(run_match: re.Match[str]) -> str:
    word = run_match[0]
    plain = unquote(unquote(word)) if "%" in word else word
    return MASK if "@" in plain and any(map(_is_mail, _WORD.findall(plain))) else word


def _is_mail(word: str) -> bool:
    """True for a name, ``@``, and a host of two labels at least, with a later label of letters."""
    local, *others = word.split("@")
    for host in others:
        name, *labels = host.split(".")
        if local and name and any(_is_ending(label) for label in labels):
            return True
        local = host
    return False


def _is_ending(label: str) -> bool:
    return (len(label) > 1 and label.isalpha()) or label.startswith("xn--")
