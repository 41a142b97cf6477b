"""Which partitions wait: where a round would write to many, those with few events gather them for a while.

A write costs a listing, a GET and a PUT, about 10 millionths of a dollar on S3, however few events it carries; to hide
a message of SQS and receive it again costs a hundredth of that.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

import pyarrow as pa
import pyarrow.compute as pc

from mallard.table.layout import Partition

BUSY_ROWS = 20
"""From this many events on a partition is written at once: a write costs then less than to queue them did."""

PROMPT_PARTITIONS = 10
"""So many quiet partitions of a round are written at once all the same: who has few sites waits for nothing."""


@dataclass(frozen=True, slots=True)
class Batching:
    """``seconds`` is how long the events of a quiet partition wait for others at most; 0: none waits."""

    seconds: int = 0

    def pauses(self, parts: Sequence[tuple[Partition, pa.Table]], now: datetime) -> Mapping[Partition, int]:
        """The partitions that wait, and the seconds until they are due. ``parts`` are rows of DELIVERIES.

        A partition's time is cut into spans of ``seconds``, at moments of its own, so that not all are due at once.
        Whatever was accepted in one span is due at its end, with all that came meanwhile: nothing waits for longer.
        """
        if not self.seconds:
            return {}
        moment = now.timestamp()
        quiet = [
            (rows.num_rows, due, partition)
            for partition, rows in parts
            # Later than one span ahead is due what a clock that was ahead accepted: that waits for nothing.
            if rows.num_rows < BUSY_ROWS and moment < (due := self._due(partition, rows)) <= moment + self.seconds
        ]
        # Those with the most events first, then those that would wait longest.
        quiet.sort(key=lambda each: (-each[0], -each[1], each[2].prefix))
        return {partition: ceil(due - moment) for _, due, partition in quiet[PROMPT_PARTITIONS:]}

    def _due(self, partition: Partition, rows: pa.Table) -> float:
        """When the span ends in which the first of the events was accepted, in seconds of the epoch."""
        accepted = (pc.min(rows["accepted_ms"]).as_py() or 0) / 1000
        digest = hashlib.blake2b(partition.prefix.encode(), digest_size=4).digest()
        offset = int.from_bytes(digest, "big") % self.seconds
        return (accepted - offset) // self.seconds * self.seconds + self.seconds + offset


AT_ONCE = Batching()
