"""Batching of small partitions: rounds with many partitions postpone those with few events.

A write costs a listing, a GET and a PUT, about 10 millionths of a dollar on S3, however few events it carries; to hide
a message of SQS and receive it again costs a hundredth of that.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING

from mallard.table.layout import Partition

if TYPE_CHECKING:
    import pyarrow as pa

BUSY_ROWS = 20
"""Partitions with this many events are written at once: the write costs less than queueing the events did."""

PROMPT_PARTITIONS = 10
"""Quiet partitions of a round that are written at once all the same, so that few sites never wait."""


@dataclass(frozen=True, slots=True)
class Batching:
    """``seconds`` is the longest wait of a quiet partition's events for others; 0 disables it."""

    seconds: int = 0

    def pauses(self, parts: Sequence[tuple[Partition, "pa.Table"]], now: datetime) -> Mapping[Partition, int]:
        """The partitions that wait, and the seconds until they are due. ``parts`` are rows of DELIVERIES.

        A partition's time is cut into spans of ``seconds``, at moments of its own, so that not all are due at once.
        Events accepted in one span are due at its end, with all that arrived meanwhile: none waits longer.
        """
        if not self.seconds:
            return {}
        moment = now.timestamp()
        quiet = [
            (rows.num_rows, due, partition)
            for partition, rows in parts
            # Due more than one span ahead: accepted by a clock that was ahead, so written at once.
            if rows.num_rows < BUSY_ROWS and moment < (due := self._due(partition, rows)) <= moment + self.seconds
        ]
        # Partitions with the most events first, then those that waited longest.
        quiet.sort(key=lambda each: (-each[0], -each[1], each[2].prefix))
        return {partition: ceil(due - moment) for _, due, partition in quiet[PROMPT_PARTITIONS:]}

    def _due(self, partition: Partition, rows: "pa.Table") -> float:
        """End of the span in which the first event was accepted, in seconds since 1970."""
        # Imported here: a server without events loads no pyarrow.
        import pyarrow.compute as pc

        accepted = (pc.min(rows["accepted_ms"]).as_py() or 0) / 1000
        digest = hashlib.blake2b(partition.prefix.encode(), digest_size=4).digest()
        offset = int.from_bytes(digest, "big") % self.seconds
        return (accepted - offset) // self.seconds * self.seconds + self.seconds + offset


AT_ONCE = Batching()
