"""Damaged files that answers leave out, noted for the request that is being answered."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date

from mallard.errors import DamagedSegmentError


@dataclass(frozen=True, slots=True, order=True)
class LeftOut:
    """A damaged file whose rows are in no number of an answer, and its date."""

    date: date
    file: str


_NOTED: ContextVar[set[LeftOut] | None] = ContextVar("mallard.query.left_out", default=None)
"""The files that answers to the current request left out."""


@contextmanager
def noting() -> Iterator[set[LeftOut]]:
    """Inside, ``note`` adds to the set that this gives."""
    found: set[LeftOut] = set()
    token = _NOTED.set(found)
    try:
        yield found
    finally:
        _NOTED.reset(token)


def note(left_out: Iterable[LeftOut]) -> None:
    """Let the answer to the current request say that it is incomplete."""
    noted = _NOTED.get()
    if noted is not None:
        noted.update(left_out)


def noted() -> list[LeftOut]:
    """The files left out so far of the answer to the current request, by date."""
    return sorted(_NOTED.get() or ())


def require_complete(left_out: Sequence[LeftOut]) -> None:
    """DamagedSegmentError where something is left out: a file that is handed on cannot say so."""
    for each in left_out:
        sentence = f"an export of {each.date} would be incomplete; `mallard repair` sets it aside"
        raise DamagedSegmentError(each.file, sentence)
