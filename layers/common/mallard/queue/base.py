"""Interface to the queue: durable, at-least-once, unordered.

Implementations: ``queue/local.py`` (SQLite) and ``queue/sqs.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

RECEIVED_BYTES = 16 * 1024 * 1024
"""Of the bodies of one receive. To decode and write them takes some ten times their bytes of memory."""

VISIBILITY_SECONDS = 180
"""Time for which a received message is hidden from other receivers; a flush must settle it before."""

MAX_PAUSE_SECONDS = 900
"""With dead letters after 100 receives this keeps trying for almost a day."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message: ``receipt`` identifies it, ``body`` is one event as JSON.

    ``receives`` counts its deliveries, this one included.
    """

    receipt: str
    body: bytes
    receives: int = 1


class Queue(Protocol):
    """Every method may raise QueueError."""

    def send(self, bodies: Sequence[bytes]) -> None:
        """Add all bodies; they are durable at return. After QueueError some may be stored."""
        ...

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        """Up to ``limit`` messages, hidden from others for VISIBILITY_SECONDS; empty where there are none.

        Their bodies have ``most_bytes`` in total at most, or a batch of the transport more.
        """
        ...

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Delete messages whose rows are in the table."""
        ...

    def release(self, messages: Sequence[Message]) -> None:
        """Return unprocessed messages; they are visible at once."""
        ...

    def postpone(self, messages: Sequence[Message]) -> None:
        """Return failed messages, hidden for ``pause_seconds`` of their receives."""
        ...

    def hold(self, waiting: Sequence[tuple[Message, int]]) -> None:
        """Return messages to batch with later ones, each hidden for its seconds, 12 hours at most."""
        ...

    def set_aside(self, poison: Sequence[tuple[Message, str]]) -> list[Message]:
        """Move invalid messages to the dead letters, each with its reason.

        Returns those that could not be moved and stay in the queue.
        """
        ...

    def is_idle(self) -> bool:
        """True where no message can be received; faster than a receive. On SQS it may lag by a minute."""
        ...

    def depth(self) -> int:
        """The number of waiting and in-flight messages; approximate on SQS."""
        ...


def pause_seconds(receives: int) -> int:
    """Exponential backoff of a failed message: 2 s, doubled with each receive, up to MAX_PAUSE_SECONDS."""
    return min(MAX_PAUSE_SECONDS, 1 << min(receives, MAX_PAUSE_SECONDS.bit_length()))
