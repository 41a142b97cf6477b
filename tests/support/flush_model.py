"""What must hold of the table at every moment, whoever wrote last: the model of tests/support/flush_machine.py."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from mallard.event import Event
from mallard.maintenance.data_retention import GRACE
from mallard.maintenance.erasure import ERASURES, Erasure, read_erasure
from mallard.table.layout import Partition, parse_segment
from mallard.table.rollup import days_of, parse_rollup
from mallard.table.segment import Segment, decode
from mallard.table.visits_file import parse_visits
from support.memory import MemoryQueue, MemoryStore
from support.rollups import decode_rollup
from support.visits import decode_steps

Ids = dict[date, frozenset[tuple[int, int]]]
"""Id and number of each event of a day: two events may share an id, one after the other."""


message_of = lru_cache(maxsize=4096)(json.loads)
"""What a body of the queue says; for reading only."""


def number_of(pathname: str) -> int:
    """Each event of the machine has a path of its own: that tells it, whatever id it has."""
    return int(pathname.removeprefix("/"))


@dataclass
class Look:
    """One object as it was last seen: the number and the id of each row."""

    data: bytes
    segment: Segment
    rows: dict[int, int] = field(default_factory=dict)


class Model:
    """Compares the objects with what was accepted, erased and let go; every method raises AssertionError."""

    def __init__(self, objects: MemoryStore, queue: MemoryQueue, retention_days: int) -> None:
        self.accepted: dict[int, Event] = {}
        self.removed: set[int] = set()
        self.retained: set[int] = set()
        self.visible: Ids = {}
        self._objects = objects
        self._queue = queue
        self._retention_days = retention_days
        self._seen: dict[str, Look] = {}
        self._home: dict[int, str] = {}
        self._rollups: dict[str, tuple[bytes, dict[date, object]]] = {}
        self._visits: dict[str, tuple[bytes, list[int]]] = {}
        self._requests: dict[str, tuple[bytes, Erasure]] = {}
        self._state: dict[object, object] = {}

    def accept(self, event: Event) -> None:
        """It got its 202."""
        assert event.pathname is not None
        self.accepted[number_of(event.pathname)] = event

    def has_changed(self) -> bool:
        """False where the objects, the queue and what was accepted are those of the last call: most operations read."""
        bodies = [*self._queue.bodies(), *(body for body, _ in self._queue.aside)]
        state: dict[object, object] = {"accepted": len(self.accepted), "aside": len(self._queue.aside)}
        state.update(self._objects.objects.items())
        state.update(enumerate(bodies))
        before, self._state = self._state, state
        # The same bytes written again are a change.
        return len(before) != len(state) or any(before.get(key, state) is not each for key, each in state.items())

    def look(self, role: str, today: date) -> None:
        """After one operation of a process: whatever changed was allowed to that role."""
        changed = self._look_at_requests()
        for key in sorted(self._seen.keys() | self._objects.objects.keys()):
            segment = parse_segment(key)
            data = self._objects.objects.get(key)
            if segment is None or (key in self._seen and self._seen[key].data is data):
                continue
            changed.add(segment[0])
            if data is None:
                self._deleted(key, segment[0], role, today)
            else:
                self._written(key, segment[0], data, role)
        for partition in changed:
            self._check(partition, frees_names=role == "keeper")
        self._look_at_rollups()
        self._look_at_visits()
        self.visible = self._visible()

    def check_nothing_is_lost(self) -> None:
        """What is not waiting is in the table, unless an erasure or the retention took it."""
        waiting = {number_of(message_of(body)["pathname"]) for body in self._queue.bodies()}
        aside = {number_of(message_of(body)["pathname"]) for body, _ in self._queue.aside}
        there = {number for look in self._seen.values() for number in look.rows} | waiting | aside
        there |= self.removed | self.retained | {number for number in self.accepted if self.is_erased(number)}
        named = {self.accepted[number].event_id for number in there if self.accepted[number].named_by_client}
        lost = [
            number
            for number, event in self.accepted.items()
            if number not in there and not (event.named_by_client and event.event_id in named)
        ]
        assert not lost, f"accepted and nowhere: {lost}"

    def is_erased(self, number: int, *, done: bool = False) -> bool:
        """Whether a requested (``done``: carried out) erasure covers an accepted event."""
        event = self.accepted[number]
        return any(
            event.accepted_ms < each.before_ms and _covers(each, date.fromisoformat(event.date))
            for _, each in self._requests.values()
            if each.done or not done
        )

    def in_table(self) -> Counter[int]:
        """How often each event is stored."""
        return Counter(number for look in self._seen.values() for number in look.rows)

    def rows_of(self, day: date) -> int:
        """How many rows the table holds of a day."""
        return sum(len(look.rows) for key, look in self._seen.items() if _day(key) == day)

    def kept_counts(self) -> dict[date, int]:
        """What the retention deleted of each day, and no erasure had taken: the rollups may be all that knows of it."""
        kept = (number for number in self.retained if not self.is_erased(number))
        return Counter(date.fromisoformat(self.accepted[number].date) for number in kept)

    def _look_at_requests(self) -> set[Partition]:
        """The partitions of requests that changed: at the end of one its days must be empty."""
        changed = set[Partition]()
        for key, data in self._objects.objects.items():
            if key.startswith(ERASURES) and (key not in self._requests or self._requests[key][0] is not data):
                self._requests[key] = data, (erasure := read_erasure(self._objects, key))
                days = (erasure.last - erasure.first).days + 1
                changed |= {Partition(erasure.site_id, erasure.first + timedelta(days=n)) for n in range(days)}
        return changed

    def _look_at_rollups(self) -> None:
        """The counts of an erased day are gone from the files too, whether a reader would use them or not."""
        done = [erasure for _, erasure in self._requests.values() if erasure.done]
        for key in [each for each in self._objects.objects if done and parse_rollup(each)]:
            data = self._objects.objects[key]
            if key not in self._rollups or self._rollups[key][0] is not data:
                rows = decode_rollup(data)
                assert rows is not None, f"{key} is no rollup"
                self._rollups[key] = data, {day: total["events"] for day, total in days_of(rows).items()}
            for day, events in self._rollups[key][1].items():
                if any(_covers(each, day) for each in done):
                    assert events <= self._not_erased(day), f"{key} still counts {events} of the erased {day}"  # type: ignore[operator]

    def _look_at_visits(self) -> None:
        """An erased event is gone from the visits of its day too, whether a reader would use them or not."""
        if not any(erasure.done for _, erasure in self._requests.values()):
            return
        for key in [each for each in self._objects.objects if parse_visits(each)]:
            data = self._objects.objects[key]
            if key not in self._visits or self._visits[key][0] is not data:
                self._visits[key] = data, [number_of(name) for name in decode_steps(data)]
            kept = [number for number in self._visits[key][1] if self.is_erased(number, done=True)]
            assert not kept, f"{key} still has the erased {kept}"

    def _not_erased(self, day: date) -> int:
        ours = (number for number, event in self.accepted.items() if event.date == day.isoformat())
        return sum(not self.is_erased(number, done=True) for number in ours)

    def _deleted(self, key: str, partition: Partition, role: str, today: date) -> None:
        assert role == "keeper", f"{role} freed the name {key}"
        assert partition.date < today - timedelta(days=self._retention_days) - GRACE, f"{key} is not past retention"
        self.retained |= self._seen.pop(key).rows.keys()

    def _written(self, key: str, partition: Partition, data: bytes, role: str) -> None:
        segment = decode(data, key)
        names, ids = segment.rows["pathname"].to_pylist(), segment.rows["event_id"].to_pylist()
        rows = dict(zip(map(number_of, names), ids, strict=True))
        assert len(rows) == len(names), f"{key} holds an event twice"
        old = self._seen.get(key)
        if old:
            assert not old.segment.sealed or (segment.sealed and not rows), f"{role} changed the sealed {key}"
            assert (segment.erased_before or 0) >= (old.segment.erased_before or 0), f"{key} lost its mark"
            gone = old.rows.keys() - rows.keys()
            if gone:
                covered = any(_covers(each, partition.date) for _, each in self._requests.values())
                assert covered, f"{role} lost {sorted(gone)} of {key}"
                assert role == "eraser", f"{role} lost {sorted(gone)} of {key}"
                self.removed |= gone
        for number in rows.keys() - (old.rows.keys() if old else set()):
            self._arrived(number, key, partition)
        self._seen[key] = Look(data, segment, rows)

    def _arrived(self, number: int, key: str, partition: Partition) -> None:
        event = self.accepted[number]
        assert Partition(event.site_id, date.fromisoformat(event.date)) == partition, f"{number} is in {key}"
        assert not self.is_erased(number, done=True), f"the erased {number} came back in {key}"
        moved = self._home.setdefault(number, key) != key
        assert not (moved and self.is_erased(number)), f"{number} went from {self._home[number]} to {key}"

    def _check(self, partition: Partition, *, frees_names: bool) -> None:
        found = sorted((key, look) for key, look in self._seen.items() if key.startswith(partition.prefix))
        ids = [event_id for _, look in found for event_id in look.rows.values()]
        numbers = [number for _, look in found for number in look.rows]
        assert len(ids) == len(set(ids)), f"{partition.prefix} holds an id twice"
        assert len(numbers) == len(set(numbers)), f"{partition.prefix} holds an event twice"
        assert all(look.segment.sealed for _, look in found[:-1]), f"{partition.prefix} has two that grow"
        if not frees_names:
            assert [key for key, _ in found] == [partition.segment(n) for n in range(len(found))], "a number is missing"
        assert not [n for n in numbers if self.is_erased(n, done=True)], f"{partition.prefix} holds what was erased"

    def _visible(self) -> Ids:
        """The ids that a query should know at this moment: stored or waiting."""
        found: dict[date, set[tuple[int, int]]] = {}
        for key, look in self._seen.items():
            found.setdefault(_day(key), set()).update((event_id, number) for number, event_id in look.rows.items())
        for body in self._queue.bodies():
            message = message_of(body)
            pair = message["event_id"], number_of(message["pathname"])
            found.setdefault(date.fromisoformat(message["date"]), set()).add(pair)
        return {day: frozenset(ids) for day, ids in found.items()}


class Witness:
    """What a reader may answer: all that was there throughout, nothing that never was."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._always = dict(model.visible)
        self._ever = dict(model.visible)

    def look(self) -> None:
        """After each operation of anybody."""
        now = self._model.visible
        self._always = {day: ids & now.get(day, frozenset()) for day, ids in self._always.items()}
        self._ever = {day: self._ever.get(day, frozenset()) | now.get(day, frozenset()) for day in self._ever | now}

    def check(self, answer: Iterable[dict[str, object]], oldest_kept: date) -> None:
        """``answer`` is that of ``ArrowEngine.days``; of days past retention a rollup may keep the count."""
        rows = {row["date"]: row for row in answer}
        for day in self._always.keys() | rows.keys():
            assert isinstance(day, date)
            low, high = ({pair[0] for pair in seen.get(day, frozenset())} for seen in (self._always, self._ever))
            row = rows.get(day, {"events": 0, "ids": []})
            if row["ids"] is not None:
                ids = row["ids"]
                assert isinstance(ids, list)
                assert len(ids) == len(set(ids)), f"an event of {day} was read twice"
                assert low <= set(ids) <= high, f"{sorted(ids)} of {day}, not {sorted(low)} to {sorted(high)}"
            elif day >= oldest_kept:
                assert len(low) <= row["events"] <= len(high), f"{row['events']} of {day}, not {low} to {high}"  # type: ignore[operator]


def _covers(erasure: Erasure, day: date) -> bool:
    return erasure.first <= day <= erasure.last


def _day(key: str) -> date:
    found = parse_segment(key)
    assert found is not None
    return found[0].date
