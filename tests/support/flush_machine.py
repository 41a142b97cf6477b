"""The flush protocol under faults, as a state machine: nothing lost, nothing twice, every object whole."""

import json

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mallard.flush.core import drain
from mallard.table.write import TableWriter
from support.faults import CrashError, Fault, FaultyStore
from support.memory import MemoryQueue, MemoryStore
from support.rows import HERE, event, noon, segments

SEAL_ROWS = (3, 5)
"""Two versions of the software with other settings run at once."""


class FlushMachine(RuleBasedStateMachine):
    """Events are accepted; two flushers with one queue and one faulty store bring them in."""

    make_objects: type[MemoryStore] = MemoryStore
    make_queue: type[MemoryQueue] = MemoryQueue

    def __init__(self) -> None:
        super().__init__()
        self.objects = self.make_objects()
        self.store = FaultyStore(self.objects)
        self.queue = self.make_queue()
        self.accepted: list[int] = []
        self.writers = [
            TableWriter(self.store, seal_rows=rows, sleep=lambda seconds: None, jitter=lambda: 0.0)
            for rows in SEAL_ROWS
        ]

    @rule(count=st.integers(1, 4), twice=st.booleans())
    def accept(self, count: int, twice: bool) -> None:
        """Some events arrive; the queue may deliver each of them twice."""
        first = len(self.accepted) + 1
        numbers = range(first, first + count)
        bodies = [event(number).to_message() for number in numbers]
        self.queue.send(bodies * 2 if twice else bodies)
        self.accepted += numbers

    @rule(
        who=st.sampled_from([0, 1]),
        faults=st.lists(st.sampled_from(Fault), max_size=4),
        stale=st.integers(0, 2),
    )
    def flush(self, who: int, faults: list[Fault], stale: int) -> None:
        """One flusher runs, and its writes meet faults; after a crash it settles nothing."""
        self.store.faults.extend(faults)
        self.store.stale.append(stale)
        try:
            drain(self.queue, self.writers[who], clock=noon)
        except CrashError:
            pass
        finally:
            self.store.faults.clear()
            self.store.stale.clear()

    @rule(faults=st.lists(st.sampled_from(Fault), max_size=2))
    def race(self, faults: list[Fault]) -> None:
        """In the moment before the first one's write the second flushes the same messages, and one more."""
        self.queue.expire()

        def meanwhile() -> None:
            self.accept(1, twice=False)
            self.queue.expire()
            drain(self.queue, self.writers[1], clock=noon)

        self.store.before_write.append(meanwhile)
        self.flush(0, faults, 0)
        self.store.before_write.clear()

    @rule(random=st.randoms(use_true_random=False))
    def redeliver(self, random: object) -> None:
        """What was received and never settled comes again, in another order."""
        self.queue.expire()
        self.queue.reorder(random.shuffle)  # type: ignore[attr-defined]

    @invariant()
    def each_object_is_whole_and_each_event_in_one(self) -> None:
        """At every moment; and all but the highest segment are sealed."""
        found = segments(self.objects)
        ids = [number for segment in found for number in segment.rows["event_id"].to_pylist()]
        assert len(ids) == len(set(ids))
        assert set(ids) <= set(self.accepted)
        assert all(segment.sealed for segment in found[:-1])

    @invariant()
    def what_is_no_longer_queued_is_in_the_table(self) -> None:
        """Acknowledged means written."""
        in_table = {number for segment in segments(self.objects) for number in segment.rows["event_id"].to_pylist()}
        self.queue.expire()
        messages = self.queue.receive(10_000)
        self.queue.release(messages)
        queued = {json.loads(message.body)["event_id"] for message in messages}
        assert set(self.accepted) <= in_table | queued

    def teardown(self) -> None:
        """Left alone, everything accepted is in the table, once."""
        self.queue.expire()
        drain(self.queue, self.writers[0], clock=noon)
        found = segments(self.objects, HERE)
        ids = sorted(number for segment in found for number in segment.rows["event_id"].to_pylist())
        assert ids == self.accepted
        assert self.queue.depth() == 0
