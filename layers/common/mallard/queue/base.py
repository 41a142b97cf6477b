"""The seam to the queue: durable, at least once, in no promised order.

Implementations: ``queue/local.py`` (SQLite) and ``queue/sqs.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

VISIBILITY_SECONDS = 180
"""How long a received message is hidden from other receivers; a flush must settle it before."""


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery of a message: ``receipt`` settles it, ``body`` is one event as JSON."""

    receipt: str
    body: bytes


class Queue(Protocol):
    """Every method may raise QueueError."""

    def send(self, bodies: Sequence[bytes]) -> None:
        """Take all bodies; at return they are durable. After QueueError some may be."""
        ...

    def receive(self, limit: int) -> list[Message]:
        """Up to ``limit`` messages, hidden from others for VISIBILITY_SECONDS; empty where there are none."""
        ...

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Remove messages for good: they are in the table."""
        ...

    def release(self, messages: Sequence[Message]) -> None:
        """Give messages back for the next receiver."""
        ...

    def set_aside(self, message: Message, reason: str) -> None:
        """Move a message nobody can process to where a person finds it, with its reason."""
        ...

    def depth(self) -> int:
        """How many messages wait or are being processed; approximate on SQS."""
        ...
