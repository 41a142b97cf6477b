"""Notes of dropped events, sent through the queue without visitor, address or agent."""

import json
import threading
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime

from mallard.event import to_ms

NOTES_PER_MINUTE = 100
"""Per process: a flood of drops must not become a flood of messages. The counters at /metrics have them all."""

_PREFIX = b'{"rejected":'


@dataclass(frozen=True, slots=True)
class DropNote:
    """One drop. ``accepted_ms`` is its time in ms since 1970, named as in events, so that erasures reach it."""

    site_id: str
    date: str
    accepted_ms: int
    rejected: str

    def to_message(self) -> bytes:
        """The body of a queue message."""
        fields = {"site_id": self.site_id, "date": self.date, "accepted_ms": self.accepted_ms}
        return json.dumps({"rejected": self.rejected, **fields}, separators=(",", ":")).encode()


def is_note(body: bytes) -> bool:
    """True for a message that is a note and no event."""
    return body.startswith(_PREFIX)


def read_note(body: bytes) -> DropNote:
    """The note of a message; ValueError where it is none."""
    try:
        fields = json.loads(body)
        day = date.fromisoformat(fields["date"]).isoformat()
        return DropNote(str(fields["site_id"]), day, int(fields["accepted_ms"]), str(fields["rejected"]))
    except (KeyError, TypeError) as error:
        raise ValueError(str(error)) from error


class DropNotes:
    """Makes notes, up to NOTES_PER_MINUTE of drops and as many of ignored values, so that neither hides the other."""

    def __init__(self, per_minute: int = NOTES_PER_MINUTE) -> None:
        self._per_minute = per_minute
        self._minute = 0
        self._counts: Counter[bool] = Counter()
        self._lock = threading.Lock()

    def make(self, site_id: str, reason: str, now: datetime) -> DropNote | None:
        """A note of one drop, None where this minute has enough."""
        return self._make(site_id, reason, now, is_drop=True)

    def make_ignored(self, site_id: str, kind: str, now: datetime) -> DropNote | None:
        """A note of one value of an event that was repaired or left out, None where this minute has enough."""
        return self._make(site_id, kind, now, is_drop=False)

    def _make(self, site_id: str, reason: str, now: datetime, *, is_drop: bool) -> DropNote | None:
        moment_ms = to_ms(now)
        with self._lock:
            if self._minute != moment_ms // 60_000:
                self._minute = moment_ms // 60_000
                self._counts.clear()
            self._counts[is_drop] += 1
            if self._counts[is_drop] > self._per_minute:
                return None
        return DropNote(site_id, now.astimezone(UTC).date().isoformat(), moment_ms, reason)
