"""Durable queue in one SQLite file, with group commit."""

import json
import logging
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from datetime import date
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from mallard.errors import DamagedQueueError, QueueError, QueueFullError
from mallard.queue.base import RECEIVED_BYTES, VISIBILITY_SECONDS, Message, pause_seconds
from mallard.queue.sqlite_erasure import delete_days, forget_bytes
from mallard.queue.sqlite_file import (
    BODIES,
    CLAIM,
    DELETE,
    LIVE_BYTES,
    NUMBERS,
    READ,
    SIZES,
    VISIBLE,
    connect,
    insert,
    is_damage,
    make_private,
    prepare,
    shrink,
    try_insert,
)

BUSY_TIMEOUT_SECONDS = 10
MAX_BODIES_PER_COMMIT = 5000
ROWS_PER_DELETION = 1000
"""Per transaction, for which senders wait some milliseconds."""

NO_BOUND = sys.maxsize

DEAD_LETTER_SECONDS = 14 * 86_400
"""The longest retention of SQS, too."""

log = logging.getLogger("mallard.queue")

_Submitted = tuple[Sequence[bytes], "Future[None]"]


class LocalQueue:
    """Any number of processes may open the same file; one thread per process writes the bodies of its senders.

    ``clock`` gives Unix seconds. ``close()`` ends the thread after all that was submitted is committed.
    """

    def __init__(
        self,
        file: Path,
        *,
        clock: Callable[[], float] = time.time,
        most_bytes: int = NO_BOUND,
        least_free_bytes: int = 0,
        free_bytes: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        """Open (and create) the queue's file; QueueError where that is not possible.

        Nothing is taken while the file's messages have ``most_bytes``, or its disk less than ``least_free_bytes``:
        QueueFullError.
        """
        self._file = file
        self._most_bytes = most_bytes
        self._least_free_bytes = least_free_bytes
        self._free_bytes = free_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        """The right to write. SQLite has such a lock too, but its waiters sleep and poll."""
        self._closing = threading.Lock()
        self._closed = False
        try:
            make_private(file)
            self._connection = self._open()
            prepare(self._connection, clock())
            try_insert(self._connection)
            self._identity = _identity(file)
            # Not in the writer thread: if it failed there, senders would wait for ever.
            writing = self._open()
        except sqlite3.Error as error:
            if is_damage(error):
                raise self._failed(error) from error
            raise QueueError(f"The queue {file} cannot be opened: {error}.") from error
        except OSError as error:
            raise QueueError(f"The queue {file} cannot be opened: {error}.") from error
        self._damage: QueueError | None = None
        self._submitted: SimpleQueue[_Submitted | None] = SimpleQueue()
        self._writer = threading.Thread(target=self._write, args=(writing,), name="queue-writer", daemon=True)
        self._writer.start()

    def submit(self, bodies: Sequence[bytes]) -> "Future[None]":
        """Hand over bodies without waiting: the future ends after the commit that holds them."""
        done: Future[None] = Future()
        with self._closing:
            if self._closed:
                done.set_exception(QueueError(f"The queue {self._file} is closed."))
            else:
                self._submitted.put((bodies, done))
        return done

    def send(self, bodies: Sequence[bytes]) -> None:
        """Hand over bodies and wait for their commit."""
        self.submit(bodies).result()

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        """The oldest visible messages, one at least. Expired dead letters are deleted with them."""
        now = self._clock()
        claimed = dict(
            self._run(
                CLAIM,
                [{"until": now + VISIBILITY_SECONDS, "now": now, "limit": limit, "bytes": most_bytes}],
                then="DELETE FROM set_aside WHERE aside_at < ?",
                then_values=[(now - DEAD_LETTER_SECONDS,)],
            )
        )
        # Read only after the commit: senders need not wait for it.
        rows = self._run(READ, [(json.dumps([*claimed]),)])
        return [Message(str(number), body, claimed[number]) for number, body in sorted(rows)]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Delete the rows."""
        numbers = [int(each.receipt) for each in messages]
        for start in range(0, len(numbers), ROWS_PER_DELETION):
            part = json.dumps(numbers[start : start + ROWS_PER_DELETION])
            # One statement: a thousand would each give the interpreter's lock away and wait to have it back.
            self._run(DELETE, [(part,)])
        while self._shrink():
            pass

    def release(self, messages: Sequence[Message]) -> None:
        """Make the rows visible at once."""
        self._hide([(0.0, each) for each in messages])

    def postpone(self, messages: Sequence[Message]) -> None:
        """Hide the rows for a pause that grows; they are tried for ever."""
        now = self._clock()
        self._hide([(now + pause_seconds(each.receives), each) for each in messages])

    def hold(self, waiting: Sequence[tuple[Message, int]]) -> None:
        """Hide each row for its seconds."""
        now = self._clock()
        self._hide([(now + seconds, each) for each, seconds in waiting])

    def set_aside(self, poison: Sequence[tuple[Message, str]]) -> list[Message]:
        """Move the rows to the table ``set_aside``, in one transaction; they stay there for DEAD_LETTER_SECONDS."""
        now = self._clock()
        self._run(
            "INSERT OR IGNORE INTO set_aside (id, body, reason, aside_at) SELECT id, body, ?, ? FROM message"
            " WHERE id = ?",
            [(reason, now, int(message.receipt)) for message, reason in poison],
            then="DELETE FROM message WHERE id = ?",
            then_values=[(int(message.receipt),) for message, _ in poison],
        )
        return []

    def is_idle(self) -> bool:
        """Exact, unlike on SQS."""
        return not self._run(VISIBLE, [{"now": self._clock()}])[0][0]

    def depth(self) -> int:
        """The exact number of rows."""
        return int(self._run("SELECT count(*) FROM message", [()])[0][0])

    def live_bytes(self) -> int:
        """Approximate bytes of all messages: of the file's pages in use, dead letters included."""
        return int(self._run(LIVE_BYTES, [()])[0][0])

    def oldest(self, most: int) -> list[bytes]:
        """The bodies of the ``most`` oldest messages, in order, without hiding them from receivers."""
        return [body for (body,) in self._run("SELECT body FROM message ORDER BY id LIMIT ?", [(most,)])]

    def prove_writable(self) -> None:
        """Commit a change of nothing and roll back an insert. Raises QueueError where an event could not be added.

        The disk may be full, read-only or gone, the file damaged, or replaced by another: then commits go to a file
        that has no name any more.
        """
        if self._damage is not None:
            raise self._damage
        try:
            identity = _identity(self._file)
        except OSError as error:
            raise QueueError(f"The queue {self._file} is gone.") from error
        if identity != self._identity:
            raise QueueError(f"The queue {self._file} is another file than the one that is open; start again.")
        self._run("PRAGMA user_version = 0", [()])
        with self._lock, self._turn:
            try:
                self._require_room(self._connection)
                try_insert(self._connection)
            except sqlite3.Error as error:
                self._roll_back(self._connection)
                raise self._failed(error) from error

    def check_whole(self) -> None:
        """Read the whole file. Raises DamagedQueueError where a page of it is damaged."""
        found = self._run("PRAGMA quick_check(1)", [()])
        if found != [("ok",)]:
            raise DamagedQueueError(self._damage_sentence(str(found[0][0]).splitlines()[0]))

    def pending(self, after: int, most_bytes: int = NO_BOUND) -> tuple[list[int], list[tuple[int, bytes]], int]:
        """A snapshot of unacknowledged messages: numbers up to ``after``, and number and body of those beyond.

        The bodies have at most ``most_bytes``; the third value is the number of further messages. A query reads this
        before it lists the table, so that it can leave out events that the table already has.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN")
                known = self._connection.execute(NUMBERS, (after,)).fetchall()
                last = self._last_within(after, most_bytes)
                fresh = self._connection.execute(BODIES, (after, last)).fetchall()
                left = self._connection.execute("SELECT count(*) FROM message WHERE id > ?", (last,)).fetchone()[0]
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back(self._connection)
                raise self._failed(error) from error
        return [number for (number,) in known], fresh, left

    def erase(self, site_id: str, first: date, last: date, before_ms: int) -> int:
        """Delete messages and dead letters of a site's days, both inclusive, accepted before ``before_ms``.

        At return no byte of them is in the file or its log. Returns their number; QueueError where the file was in use
        all the time: then another call finishes the work.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                deleted = delete_days(self._connection, site_id, first, last, before_ms)
                self._connection.execute("COMMIT")
                forget_bytes(self._connection)
            except sqlite3.Error as error:
                self._roll_back(self._connection)
                raise self._failed(error) from error
        return deleted

    def close(self) -> None:
        """Commit all submitted bodies, then end the thread and close the file."""
        with self._closing:
            self._closed = True
            self._submitted.put(None)
        self._writer.join()
        with self._lock:
            self._connection.close()

    def _last_within(self, after: int, most_bytes: int) -> int:
        """The number of the last message beyond ``after`` up to which the bodies have so many bytes."""
        size, last = 0, after
        for number, length in self._connection.execute(SIZES, (after,)):
            size += length
            if size > most_bytes:
                break
            last = number
        return last

    def _shrink(self) -> bool:
        """One step of returning free pages to the disk, between which senders get their turn; failures are logged."""
        with self._lock, self._turn:
            try:
                return shrink(self._connection)
            except sqlite3.Error as error:
                log.warning("queue not shrunk: %s", error)
                return False

    def _require_room(self, connection: sqlite3.Connection) -> None:
        if self._least_free_bytes and self._free_bytes(self._file.parent) < self._least_free_bytes:
            least = self._least_free_bytes >> 20
            raise QueueFullError(f"The disk of {self._file} has less than {least} MB left (MALLARD_MIN_FREE_MB).")
        if self._most_bytes < NO_BOUND and connection.execute(LIVE_BYTES).fetchone()[0] > self._most_bytes:
            most = self._most_bytes >> 20
            raise QueueFullError(f"The queue {self._file} has reached its limit of {most} MB (MALLARD_QUEUE_MAX_MB).")

    def _hide(self, until: Sequence[tuple[float, Message]]) -> None:
        now = self._clock()
        self._run(
            "UPDATE delivery SET hidden_until = ?, hidden_at = ? WHERE id = ?",
            [(moment, now, int(each.receipt)) for moment, each in until],
        )

    def _open(self) -> sqlite3.Connection:
        return connect(self._file, BUSY_TIMEOUT_SECONDS)

    def _run(
        self,
        sql: str,
        values: Sequence[Any],
        *,
        then: str | None = None,
        then_values: Sequence[Sequence[object]] = (),
    ) -> list[Any]:
        """One transaction of one statement for each row of values, and the rows it returned."""
        reads = sql.startswith("SELECT")
        with self._lock, nullcontext() if reads else self._turn:
            try:
                self._connection.execute("BEGIN" if reads else "BEGIN IMMEDIATE")
                rows = [row for each in values for row in self._connection.execute(sql, each).fetchall()]
                if then:
                    self._connection.executemany(then, then_values)
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back(self._connection)
                raise self._failed(error) from error
        return rows

    def _write(self, connection: sqlite3.Connection) -> None:
        try:
            while (first := self._submitted.get()) is not None:
                batch, ended = self._gather(first)
                self._commit(connection, batch)
                if ended:
                    return
        finally:
            connection.close()

    def _gather(self, first: _Submitted) -> tuple[list[_Submitted], bool]:
        """All that waits now shares one commit: the more senders, the fewer syncs per event."""
        batch, bodies = [first], len(first[0])
        while bodies < MAX_BODIES_PER_COMMIT and not self._submitted.empty():
            each = self._submitted.get()
            if each is None:
                return batch, True
            batch.append(each)
            bodies += len(each[0])
        return batch, False

    def _commit(self, connection: sqlite3.Connection, batch: list[_Submitted]) -> None:
        # A sender that gave up waiting gets no answer, but its event is committed all the same.
        waiting = [each for each in batch if each[1].set_running_or_notify_cancel()]
        try:
            with self._turn:
                self._require_room(connection)
                insert(connection, [body for bodies, _ in batch for body in bodies])
        except (QueueFullError, OSError) as error:
            for _, done in waiting:
                done.set_exception(_full(error))
            return
        except sqlite3.Error as error:
            self._roll_back(connection)
            failure = self._failed(error)
            if isinstance(failure, DamagedQueueError):
                # That does not pass by itself.
                self._damage = failure
            for _, done in waiting:
                done.set_exception(failure)
            return
        for _, done in waiting:
            done.set_result(None)

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")

    def _damage_sentence(self, reason: str) -> str:
        return (
            f"The queue {self._file} is damaged ({reason}). Stop what uses it, move it and the files beside it that"
            " begin with its name elsewhere, and start again; docs/self-hosting.md says how to get its events out."
        )

    def _failed(self, error: sqlite3.Error) -> QueueError:
        if is_damage(error):
            return DamagedQueueError(self._damage_sentence(str(error)))
        return QueueError(f"The queue {self._file} failed: {error}.")


def _full(error: Exception) -> QueueError:
    return error if isinstance(error, QueueError) else QueueError(f"The queue's disk cannot be checked: {error}.")


def _identity(file: Path) -> tuple[int, int]:
    facts = file.stat()
    return facts.st_dev, facts.st_ino
