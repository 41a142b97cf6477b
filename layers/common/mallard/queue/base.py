"""The seam to the queue: durable, at least once, in no promised order.

Implementations: ``queue/local.py`` (SQLite) and ``queue/sqs.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

RECEIVED_BYTES = 16 * 1024 * 1024
"""Of the bodies of one receive. To decode and write them takes some ten times their bytes of memory."""

VISIBILITY_SECONDS = 180
"""How long a received message is hidden from other receivers; a flush must settle it before."""

MAX_PAUSE_SECONDS = 900
"""With dead letters after 100 receives this keeps trying for almost a day."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message: ``receipt`` settles it, ``body`` is one event as JSON.

    ``receives`` counts its deliveries, this one included.
    """

    receipt: str
    body: bytes
    receives: int = 1


class Queue(Protocol):
    """Every method may raise QueueError."""

    def send(self, bodies: Sequence[bytes]) -> None:
        """Take all bodies; at return they are durable. After QueueError some may be."""
        ...

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        """Up to ``limit`` messages, hidden from others for VISIBILITY_SECONDS; empty where there are none.

        Their bodies have ``most_bytes`` together, or a batch of the transport more.
        """
        ...

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Remove messages for good: they are in the table."""
        ...

    def release(self, messages: Sequence[Message]) -> None:
        """Give messages back at once: nobody has tried them."""
        ...

    def postpone(self, messages: Sequence[Message]) -> None:
        """Give messages back that failed, hidden for ``pause_seconds`` of their receives."""
        ...

    def hold(self, waiting: Sequence[tuple[Message, int]]) -> None:
        """Give messages back that wait for others to come, each hidden for so many seconds, 12 hours at most."""
        ...

    def set_aside(self, poison: Sequence[tuple[Message, str]]) -> list[Message]:
        """Move messages nobody can process to where a person finds them, each with its reason.

        Returns those that stay in the queue, since that failed.
        """
        ...

    def is_idle(self) -> bool:
        """Whether there is nothing to receive: quicker asked than tried. On SQS it may overlook the last minute."""
        ...

    def depth(self) -> int:
        """How many messages wait or are being processed; approximate on SQS."""
        ...


def pause_seconds(receives: int) -> int:
    """How long a message that failed waits for its next try: 2 s, doubled with each, up to MAX_PAUSE_SECONDS."""
    return min(MAX_PAUSE_SECONDS, 1 << min(receives, MAX_PAUSE_SECONDS.bit_length()))
