"""The table's protocol under faults, as a state machine: several processes over the real code, one operation at a time.

Hypothesis draws who goes next and what befalls that operation; the model looks after each.
"""

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count
from random import Random

import pyarrow as pa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mallard.errors import MallardError
from mallard.event import Event, to_ms
from mallard.flush.core import drain
from mallard.keeping.erase import ERASURES, carry_out, open_erasures, request_erasure
from mallard.keeping.retain import Retention, retain
from mallard.keeping.rollups import build_rollups
from mallard.query.engine import PENDING
from mallard.query.period import Period
from mallard.sites.book import SiteBook
from mallard.table.deliveries import read_deliveries
from mallard.table.write import TableWriter
from support.counting import EVERY_DAY, ArrowEngine
from support.faults import CrashError, Fault
from support.flush_model import Model, Witness
from support.memory import MemoryQueue, MemoryStore
from support.rows import HERE, event
from support.stepping import Actor, SteppedQueue, SteppedStore

SITE = HERE.site_id
SEAL_ROWS = (3, 5, 8)
"""Three versions of the software with other settings flush at once."""

BEGIN = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVER = Period(date(2025, 12, 1), date(2026, 12, 1))
RETENTION_DAYS = 1
MOST_ACTORS = 4
MOST_ERASURES = 3
LONGEST_RUN = 500
"""Operations after which a process that meets no faults must have ended."""

ROLES = ("flusher", "flusher", "flusher", "eraser", "builder", "reader", "keeper")
TRUST_THE_LISTING = ("reader", "keeper")
"""A reader's one listing is its truth, and so is a deletion's; all the others take it for a hint."""

Move = tuple[int, int, Fault, int]
"""Who goes on, for how many operations, what befalls the last, and how many writes old its listings are."""

MOVES = st.lists(
    st.tuples(
        st.integers(0, MOST_ACTORS - 1),
        st.integers(1, 5),
        st.sampled_from([*[Fault.NONE] * 6, *Fault]),
        st.sampled_from([0, 0, 0, 1, 2, 4]),
    ),
    min_size=2,
    max_size=14,
)


def no_sleep(_: float) -> None:
    """Others go on meanwhile anyway."""


class FlushMachine(RuleBasedStateMachine):
    """Events are accepted; flushers, erasers, builders, readers and the retention run at once."""

    make_objects: type[MemoryStore] = MemoryStore
    make_queue: type[MemoryQueue] = MemoryQueue
    make_writer: type[TableWriter] = TableWriter
    make_engine: type[ArrowEngine] = ArrowEngine

    def __init__(self) -> None:
        super().__init__()
        self.objects, inner = self.make_objects(), self.make_queue()
        self.store, self.queue = SteppedStore(self.objects), SteppedQueue(inner)
        self.now, self.keep_rollups, self.numbers = BEGIN, False, count(1)
        self.model = Model(self.objects, inner, RETENTION_DAYS)
        self.writers = [
            self.make_writer(
                self.store, seal_rows=rows, retention_days=RETENTION_DAYS, sleep=no_sleep, jitter=lambda: 0.0
            )
            for rows in SEAL_ROWS
        ]
        self.book = SiteBook(self.objects, clock=lambda: 0.0)
        self.engines = {role: self.make_engine(self.store, self._pending, self.book) for role in ("reader", "builder")}
        self.actors: list[Actor] = []
        self.busy: dict[Actor, TableWriter] = {}
        self.witnesses: dict[Actor, Witness] = {}

    # What happens in the world

    @initialize(keep_rollups=st.booleans())
    def settings(self, keep_rollups: bool) -> None:
        """The retention keeps daily counts or does not."""
        self.keep_rollups = keep_rollups

    @rule(several=st.integers(1, 4), days_ago=st.sampled_from([0, 0, 1]), twice=st.booleans())
    def accept(self, several: int, days_ago: int, twice: bool) -> None:
        """Some events arrive, of today or late ones of days before; the queue may deliver each of them twice."""
        self._send([self._new(days_ago) for _ in range(several)], twice)

    @precondition(lambda self: self.model.accepted)
    @rule(data=st.data(), retried=st.booleans())
    def accept_a_known_id(self, data: st.DataObject, retried: bool) -> None:
        """A client sends its named event again, or the random bits of two events meet."""
        known = data.draw(st.sampled_from(sorted(self.model.accepted)[-6:]))
        other = self.model.accepted[known]
        new = self._new(0, event_id=other.event_id, date=other.date, named_by_client=other.named_by_client)
        if other.named_by_client or not retried:
            self._send([new], twice=False)
        else:
            self.queue.send([other.to_message()])

    @rule(minutes=st.sampled_from([1, 6, 6, 1440, 4 * 1440]))
    def advance(self, minutes: int) -> None:
        """Time passes; no run of a process lasts a day."""
        if minutes >= 1440:
            for actor in list(self.actors):
                self._end(actor)
        self.now += timedelta(minutes=minutes)

    @rule(seed=st.integers(0, 5))
    def redeliver(self, seed: int) -> None:
        """What was received and never settled comes again, in another order."""
        self.queue.inner.expire()
        self.queue.inner.reorder(Random(seed).shuffle)

    @precondition(lambda self: len(list(self.objects.list(ERASURES))) < MOST_ERASURES)
    @rule(first=st.integers(0, 3), length=st.integers(0, 2))
    def request_an_erasure(self, first: int, length: int) -> None:
        """Somebody wants days to be erased; whoever is the next eraser carries it out."""
        begin = self.now.date() - timedelta(days=first)
        self.now += timedelta(seconds=1)
        request_erasure(self.objects, SITE, begin, min(begin + timedelta(days=length), self.now.date()), self.now)
        self._look("nobody")

    # Processes

    @rule(roles=st.lists(st.sampled_from(ROLES), max_size=3), moves=MOVES)
    def go_on(self, roles: list[str], moves: list[Move]) -> None:
        """Some more processes, and some operations of each."""
        self._start(roles)
        self._move(moves)

    @rule(
        several=st.integers(1, 4),
        flushers=st.integers(2, 3),
        others=st.lists(st.sampled_from(ROLES), max_size=1),
        moves=MOVES,
    )
    def race(self, several: int, flushers: int, others: list[str], moves: list[Move]) -> None:
        """Flushers hold the same redelivered messages, and each some more."""
        for _ in range(flushers):
            self.accept(several, 0, twice=False)
            self.queue.inner.expire()
            self._start(["flusher"])
            if self.actors:
                self._step(self.actors[-1])
        self._start(others)
        self._move(moves)

    @rule(counted=st.booleans(), moves=MOVES)
    def outlive(self, counted: bool, moves: list[Move]) -> None:
        """Some events are flushed and, days later, past retention; with their counts built before or not."""
        self.accept(4, 0, twice=False)
        self._run_to_the_end("flusher")
        self.advance(4 * 1440)
        if counted:
            self._run_to_the_end("builder")
        self._start(["keeper", "reader"])
        self._move(moves)

    @precondition(lambda self: self.actors)
    @rule(who=st.integers(0, MOST_ACTORS - 1))
    def finish(self, who: int) -> None:
        """One process comes to its end undisturbed."""
        self._finish(self.actors[who % len(self.actors)])

    def teardown(self) -> None:
        """Left alone, everything accepted is in the table, once, and the numbers say so."""
        try:
            # A run that has failed already has nothing to add.
            if sys.exc_info()[0] is None:
                self._come_to_rest()
        finally:
            for actor in self.actors:
                actor.crash()

    # Programs

    def _flusher(self) -> Callable[[], object] | None:
        free = next((each for each in self.writers if each not in self.busy.values()), None)
        return None if free is None else lambda: drain(self.queue, free, clock=lambda: self.now)

    def _eraser(self) -> Callable[[], object]:
        def erase() -> None:
            for key, _ in open_erasures(self.store):
                carry_out(self.store, key, erase_pending=self.queue.erase, sleep=no_sleep)

        return erase

    def _builder(self) -> Callable[[], object]:
        return lambda: build_rollups(self.store, self.engines["builder"], self.now)

    def _reader(self) -> Callable[[], object]:
        return lambda: self.engines["reader"].rows(SITE, EVER, EVERY_DAY)

    def _keeper(self) -> Callable[[], object]:
        def keep() -> None:
            busy = {erasure.site_id for _, erasure in open_erasures(self.store)}
            retain(self.store, Retention(RETENTION_DAYS, self.keep_rollups), self.now, but=busy, book=self.book)

        return keep

    def _pending(self, site_id: str) -> pa.Table:
        rows = read_deliveries(self.queue.bodies())
        dates = pa.array([date.fromisoformat(text) for text in rows["date"].to_pylist()], pa.date32())
        rows = rows.set_column(rows.column_names.index("date"), "date", dates).select(PENDING.names)
        first = {event_id: n for n, event_id in reversed(list(enumerate(rows["event_id"].to_pylist())))}
        return rows.take(pa.array(sorted(first.values()), pa.int64()))

    # How they go

    def _start(self, roles: list[str]) -> None:
        for role in roles[: MOST_ACTORS - len(self.actors)]:
            program = getattr(self, f"_{role}")()
            if program is None:
                continue
            actor = Actor(role, program)
            self.actors.append(actor)
            if role == "flusher":
                self.busy[actor] = next(each for each in self.writers if each not in self.busy.values())
            if role == "reader":
                self.witnesses[actor] = Witness(self.model)

    def _run_to_the_end(self, role: str) -> None:
        before = set(self.actors)
        self._start([role])
        for actor in set(self.actors) - before:
            self._finish(actor)

    def _move(self, moves: list[Move]) -> None:
        actors = list(self.actors)
        for who, steps, fault, age in moves if actors else []:
            actor = actors[who % len(actors)]
            for _ in range(steps - 1):
                self._step(actor, age=age)
            self._step(actor, fault, age)

    def _step(self, actor: Actor, fault: Fault = Fault.NONE, age: int = 0) -> None:
        if actor.ended:
            return
        actor.step(fault, 0 if actor.role in TRUST_THE_LISTING else age)
        self._look(actor.role)
        self._settle(actor)

    def _look(self, role: str) -> None:
        self.model.look(role, self.now.date())
        self.model.check_nothing_is_lost()
        for witness in self.witnesses.values():
            witness.look()

    def _settle(self, actor: Actor) -> None:
        if not actor.ended:
            return
        self.actors.remove(actor)
        self.busy.pop(actor, None)
        witness = self.witnesses.pop(actor, None)
        if actor.error and not isinstance(actor.error, MallardError | CrashError):
            raise actor.error
        if witness and not actor.error:
            witness.check(actor.answer, self.now.date() - timedelta(days=RETENTION_DAYS))  # type: ignore[arg-type]

    def _finish(self, actor: Actor) -> None:
        for _ in range(LONGEST_RUN):
            self._step(actor)
            if actor.ended:
                return
        raise AssertionError(f"{actor.role} comes to no end")

    def _end(self, actor: Actor) -> None:
        while not actor.ended:
            self._step(actor, Fault.CRASH_BEFORE)

    def _run(self, role: str) -> Actor:
        actor = Actor(role, getattr(self, f"_{role}")())
        self.actors.append(actor)
        if role == "reader":
            self.witnesses[actor] = Witness(self.model)
        self._finish(actor)
        if actor.error:
            raise AssertionError(f"{role} failed undisturbed") from actor.error
        return actor

    # Events

    def _new(self, days_ago: int, **changes: object) -> Event:
        self.now += timedelta(seconds=1)
        number = next(self.numbers)
        day = self.now.date() - timedelta(days=days_ago)
        values = {"date": day.isoformat(), "event_id": number * 100, "named_by_client": number % 3 == 0, **changes}
        return event(number, timestamp=to_ms(self.now), accepted_ms=to_ms(self.now), **values)

    def _send(self, events: list[Event], twice: bool) -> None:
        bodies = [each.to_message() for each in events]
        self.queue.send(bodies * 2 if twice else bodies)
        for each in events:
            self.model.accept(each)
        self._look("nobody")

    # The end

    def _come_to_rest(self) -> None:
        for actor in list(self.actors):
            self._end(actor)
        self.queue.inner.expire()
        self._run("eraser")
        self._run("flusher")
        assert self.queue.depth() == 0
        self._check_each_is_there_once()
        self._run("builder")
        rolled = self._read()
        for row in list(self.objects.list("rollups/")):
            if not self.model.kept_counts():
                self.objects.delete(row.key)
        assert rolled == self._read()

    def _read(self) -> dict[date, int]:
        answer = self._run("reader").answer
        assert isinstance(answer, list)
        return {row["date"]: row["events"] for row in answer if row["events"]}

    def _check_each_is_there_once(self) -> None:
        stored = self.model.in_table()
        excused = self.model.removed | self.model.retained
        # A client's retry is the event that came first, wherever that went.
        named = {self.model.accepted[number].event_id for number in {*stored, *excused}}
        first_kept = self.now.date() - timedelta(days=RETENTION_DAYS)
        for number, each in self.model.accepted.items():
            if self.model.is_erased(number, done=True):
                assert not stored[number], f"the erased {number} is there"
            elif number not in excused and date.fromisoformat(each.date) >= first_kept:
                again = each.named_by_client and each.event_id in named
                assert stored[number] == 1 or again, f"{number} is there {stored[number]} times"
