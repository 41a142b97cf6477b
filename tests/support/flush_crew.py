"""The processes of the flush machine: what each runs, and how it goes on one operation at a time."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from itertools import count

import pyarrow as pa

from mallard.engine.base import PENDING
from mallard.errors import MallardError
from mallard.event import Event, to_ms
from mallard.flush.drain import drain
from mallard.maintenance.data_retention import DataRetention, retain
from mallard.maintenance.erasure import carry_out, open_erasures
from mallard.maintenance.rollup_builder import build_rollups
from mallard.sites.settings_store import SiteSettingsStore
from mallard.stats.date_range import DateRange
from mallard.table.messages import read_deliveries
from mallard.table.writer import TableWriter
from support.counting import ArrowEngine
from support.faults import CrashError, Fault
from support.flush_model import Model, Witness
from support.memory import MemoryQueue, MemoryStore
from support.rows import HERE, event
from support.stepping import Actor, SteppedQueue, SteppedStore

SITE = HERE.site_id
SEAL_ROWS = (3, 5, 8)
"""Three versions of the software with other settings flush at once."""

BEGIN = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVER = DateRange(date(2025, 12, 1), date(2026, 12, 1))
RETENTION_DAYS = 1
MOST_ACTORS = 4
LONGEST_RUN = 500
"""Operations after which a process that meets no faults must have ended."""

TRUST_THE_LISTING = ("reader", "keeper")
"""A reader's one listing is its truth, and so is a deletion's; all the others take it for a hint."""

Move = tuple[int, int, Fault, int]
"""Who goes on, for how many operations, what befalls the last, and how many writes old its listings are."""


def no_sleep(_: float) -> None:
    """Others go on meanwhile anyway."""


class Crew:
    """A store, a queue, the model, and the processes that run at this moment."""

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
        self.site_settings = SiteSettingsStore(self.objects, clock=lambda: 0.0)
        self.engines = {
            role: self.make_engine(self.store, self._pending, self.site_settings) for role in ("reader", "builder")
        }
        self.actors: list[Actor] = []
        self.busy: dict[Actor, TableWriter] = {}
        self.witnesses: dict[Actor, Witness] = {}

    # Programs

    def _flusher(self) -> Callable[[], object] | None:
        free = next((each for each in self.writers if each not in self.busy.values()), None)
        return None if free is None else lambda: drain(self.queue, free, clock=lambda: self.now)

    def _eraser(self) -> Callable[[], object]:
        def erase() -> None:
            for key, _ in open_erasures(self.store):
                carry_out(self.store, key, erase_pending=self.queue.erase, sleep=no_sleep, clock=lambda: self.now)

        return erase

    def _builder(self) -> Callable[[], object]:
        return lambda: build_rollups(self.store, self.engines["builder"], self.now)

    def _reader(self) -> Callable[[], object]:
        return lambda: self.engines["reader"].days(SITE, EVER)

    def _keeper(self) -> Callable[[], object]:
        def keep() -> None:
            busy = {erasure.site_id for _, erasure in open_erasures(self.store)}
            retain(
                self.store,
                DataRetention(RETENTION_DAYS, self.keep_rollups),
                self.now,
                but=busy,
                site_settings=self.site_settings,
            )

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
        if not self.model.has_changed():
            return
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
