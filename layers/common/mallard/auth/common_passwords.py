"""Detection of common passwords: known words, with usual substitutions and additions."""

import re
from pathlib import Path

from mallard.normalize.list_file import read_sections

WORDS = frozenset(read_sections(Path(__file__).parent / "lists" / "common_passwords.txt")["words"])

_RUNS = (
    "01234567890123456789",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "1qaz2wsx3edc4rfv",
    "1q2w3e4r5t6y7u",
)
_SUBSTITUTES = str.maketrans({"@": "a", "4": "a", "3": "e", "1": "i", "!": "i", "0": "o", "$": "s", "5": "s", "7": "t"})
_SIGNS = re.compile(r"[\W_]+")
_EDGES = re.compile(r"^[\W\d_]+|[\W\d_]+$")


def is_common(password: str) -> bool:
    """True for one of the first few thousand guesses.

    These are known words with digits and signs around them or in place of letters, repeated characters, and keys in a
    row.
    """
    plain = password.strip().casefold()
    # The ends go first, as in P@ssw0rd2024!: what stands there is no letter in disguise.
    bare = _EDGES.sub("", plain)
    words = {_SIGNS.sub("", each) for each in (bare, bare.translate(_SUBSTITUTES), plain.translate(_SUBSTITUTES))}
    return bool(words & WORDS) or _repeats(plain) or _runs(plain)


def _repeats(text: str) -> bool:
    return any(text == (text[:length] * len(text))[: len(text)] for length in range(1, 4))


def _runs(text: str) -> bool:
    """Made of at most three rows of keys, each of three or more."""
    rows = 0
    while text and rows < 3:
        length = next((n for n in range(len(text), 2, -1) if _is_run(text[:n])), 0)
        if not length:
            return False
        text, rows = text[length:], rows + 1
    return not text


def _is_run(text: str) -> bool:
    return any(text in run or text in run[::-1] for run in _RUNS)
