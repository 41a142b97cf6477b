"""Table of hosts that includes all their subdomains."""

from collections.abc import Mapping
from typing import Generic, TypeVar

Value = TypeVar("Value")

_SECOND_LEVELS = {"co", "com", "net", "org", "ne", "or", "ac", "edu", "gov"}
"""Second-level labels under country endings, as in google.co.uk."""


class HostTable(Generic[Value]):
    """Values by host; an entry ``name.*`` is the name under one ending of any kind (``.de``, ``.co.uk``)."""

    def __init__(self, entries: Mapping[str, Value]) -> None:
        self._exact = {host: value for host, value in entries.items() if not host.endswith(".*")}
        self._stems = {host[:-2]: value for host, value in entries.items() if host.endswith(".*")}
        # No entry has more labels than this, with two for the ending behind a stem.
        self._most_labels = max(
            [1, *(host.count(".") + 1 for host in self._exact), *(host.count(".") + 3 for host in self._stems)]
        )

    def find(self, host: str) -> Value | None:
        """The value of the longest entry that is the host or a domain above it."""
        labels = host.rsplit(".", self._most_labels)[-self._most_labels :]
        stem = labels[: -_ending_length(labels)]
        for start in range(len(labels)):
            found = self._exact.get(".".join(labels[start:]))
            if found is None and start < len(stem):
                found = self._stems.get(".".join(stem[start:]))
            if found is not None:
                return found
        return None


def _ending_length(labels: list[str]) -> int:
    return 2 if len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS else 1
