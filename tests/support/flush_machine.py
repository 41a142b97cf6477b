"""The table's protocol under faults, as a state machine: several processes over the real code, one operation at a time.

Hypothesis draws who goes next and what befalls that operation; the model looks after each.
"""

import sys
from datetime import date, timedelta
from random import Random

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mallard.maintenance.erasure import ERASURES, request_erasure
from support.faults import Fault
from support.flush_crew import MOST_ACTORS, RETENTION_DAYS, SITE, Crew, Move
from support.visits import delete_visits

MOST_ERASURES = 3
ROLES = ("flusher", "flusher", "flusher", "eraser", "builder", "reader", "keeper")
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


class FlushMachine(Crew, RuleBasedStateMachine):
    """Events are accepted; flushers, erasers, builders, readers and the retention run at once."""

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

    @precondition(lambda self: len(list(self.objects.list(ERASURES))) < MOST_ERASURES)
    @rule(written=st.integers(1, 8), at_once=st.booleans(), moves=MOVES)
    def erase_meanwhile(self, written: int, at_once: bool, moves: list[Move]) -> None:
        """A flusher dies over events of a day that is erased; new ones open the next segment; the old come again."""
        self.accept(4, 0, twice=True)
        self._start(["flusher"])
        if self.actors:
            flusher = self.actors[-1]
            for _ in range(written):
                self._step(flusher)
            self._end(flusher)
        self.request_an_erasure(0, 0)
        if at_once:
            self._run_to_the_end("eraser")
            self.advance(6)
            self.accept(1, 0, twice=False)
            self._run_to_the_end("flusher")
        self.queue.inner.expire()
        self._start(["eraser", "flusher", "flusher"])
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
        delete_visits(self.objects)
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
