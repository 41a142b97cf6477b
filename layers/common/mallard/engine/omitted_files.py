"""Damaged files omitted from responses, recorded per request."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date

from mallard.errors import DamagedSegmentError


@dataclass(frozen=True, slots=True, order=True)
class OmittedSegment:
    """A damaged file whose rows are missing from a response, and its date."""

    date: date
    file: str


_NOTED: ContextVar[set[OmittedSegment] | None] = ContextVar("mallard.query.omitted", default=None)
"""The files omitted from the current response."""


@contextmanager
def noting() -> Iterator[set[OmittedSegment]]:
    """Inside, ``note`` adds to the set that this gives."""
    found: set[OmittedSegment] = set()
    token = _NOTED.set(found)
    try:
        yield found
    finally:
        _NOTED.reset(token)


def note(omitted: Iterable[OmittedSegment]) -> None:
    """Mark the current response as incomplete."""
    noted = _NOTED.get()
    if noted is not None:
        noted.update(omitted)


def noted() -> list[OmittedSegment]:
    """The files omitted so far from the current response, by date."""
    return sorted(_NOTED.get() or ())


def require_complete(omitted: Sequence[OmittedSegment]) -> None:
    """DamagedSegmentError where a file is omitted: a download cannot say that it is incomplete."""
    for each in omitted:
        sentence = f"an export of {each.date} would be incomplete; `mallard repair` sets it aside"
        raise DamagedSegmentError(each.file, sentence)
