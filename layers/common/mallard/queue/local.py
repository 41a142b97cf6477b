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
    """Queue in an SQLite file, shared by any number of processes; one thread per process writes the bodies.

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
        """Open or create the queue's file; QueueError where that fails.

        Bodies are rejected while the messages have ``most_bytes``, or the disk less than ``least_free_bytes`` free:
        QueueFullError.
        """
        self._file = file
        self._most_bytes = most_bytes
        self._least_free_bytes = least_free_bytes
        self._free_bytes = free_bytes
        self._clock = clock
        self._lock = threading.Lock()
        self._write_lock = threading.Lock()
        """The right to write. SQLite has such a lock too, but its waiters sleep and poll."""
        self._closing = threading.Lock()
        self._closed = False
        try:
            make_private(file)
            self._connection = self._open()
            prepare(self._connection, clock())
            try_insert(self._connection)
            self._identity = _identity(file)
            # Not in the writer thread, where a failure would block senders forever.
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
        """Submit bodies without waiting: the future ends after their commit."""
        future: Future[None] = Future()
        with self._closing:
            if self._closed:
                future.set_exception(QueueError(f"The queue {self._file} is closed."))
            else:
                self._submitted.put((bodies, future))
        return future

    def send(self, bodies: Sequence[bytes]) -> None:
        """Submit bodies and wait for their commit."""
        self.submit(bodies).result()

    def receive(self, limit: int, most_bytes: int = RECEIVED_BYTES) -> list[Message]:
        """The oldest visible messages, one at least. Expired dead letters are deleted with them."""
        now = self._clock()
        claimed = dict(
            self._run(
                CLAIM,
                [{"until": now + VISIBILITY_SECONDS, "now": now, "limit": limit, "bytes": most_bytes}],
                also="DELETE FROM set_aside WHERE aside_at < ?",
                also_values=[(now - DEAD_LETTER_SECONDS,)],
            )
        )
        # Bodies are read after the commit, so senders need not wait for that.
        rows = self._run(READ, [(json.dumps([*claimed]),)])
        return [Message(str(number), body, claimed[number]) for number, body in sorted(rows)]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Delete the rows."""
        numbers = [int(each.receipt) for each in messages]
        for start in range(0, len(numbers), ROWS_PER_DELETION):
            part = json.dumps(numbers[start : start + ROWS_PER_DELETION])
            # One statement: a thousand would each release the interpreter's lock and wait for it again.
            self._run(DELETE, [(part,)])
        while self._shrink():
            pass

    def release(self, messages: Sequence[Message]) -> None:
        """Make the rows visible at once."""
        self._hide_until([(0.0, each) for each in messages])

    def postpone(self, messages: Sequence[Message]) -> None:
        """Hide the rows for a growing pause; retries never end."""
        now = self._clock()
        self._hide_until([(now + pause_seconds(each.receives), each) for each in messages])

    def hold(self, waiting: Sequence[tuple[Message, int]]) -> None:
        """Hide each row for its seconds."""
        now = self._clock()
        self._hide_until([(now + seconds, each) for each, seconds in waiting])

    def set_aside(self, poison: Sequence[tuple[Message, str]]) -> list[Message]:
        """Move the rows to the table ``set_aside``, in one transaction; they stay there for DEAD_LETTER_SECONDS."""
        now = self._clock()
        self._run(
            "INSERT OR IGNORE INTO set_aside (id, body, reason, aside_at) SELECT id, body, ?, ? FROM message"
            " WHERE id = ?",
            [(reason, now, int(message.receipt)) for message, reason in poison],
            also="DELETE FROM message WHERE id = ?",
            also_values=[(int(message.receipt),) for message, _ in poison],
        )
        return []

    def is_idle(self) -> bool:
        """Exact, unlike on SQS."""
        return not self._run(VISIBLE, [{"now": self._clock()}])[0][0]

    def depth(self) -> int:
        """The exact number of rows."""
        return int(self._run("SELECT count(*) FROM message", [()])[0][0])

    def live_bytes(self) -> int:
        """Approximate bytes of all messages: the file's pages in use, dead letters included."""
        return int(self._run(LIVE_BYTES, [()])[0][0])

    def oldest(self, most: int) -> list[bytes]:
        """The bodies of the ``most`` oldest messages, in order, without hiding them from receivers."""
        return [body for (body,) in self._run("SELECT body FROM message ORDER BY id LIMIT ?", [(most,)])]

    def prove_writable(self) -> None:
        """Commit an empty change and roll back an insert. Raises QueueError where an event could not be added.

        The disk may be full, read-only or gone, and the file damaged, deleted or replaced: then commits would go to
        an unlinked file.
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
        with self._lock, self._write_lock:
            try:
                self._require_room(self._connection)
                try_insert(self._connection)
            except sqlite3.Error as error:
                self._roll_back(self._connection)
                raise self._failed(error) from error

    def check_whole(self) -> None:
        """Read the whole file. Raises DamagedQueueError where a page is damaged."""
        check_rows = self._run("PRAGMA quick_check(1)", [()])
        if check_rows != [("ok",)]:
            raise DamagedQueueError(self._damage_sentence(str(check_rows[0][0]).splitlines()[0]))

    def pending(self, after: int, most_bytes: int = NO_BOUND) -> tuple[list[int], list[tuple[int, bytes]], int]:
        """A snapshot of unacknowledged messages: numbers up to ``after``, and number and body of those beyond.

        The bodies have at most ``most_bytes``; the third value is the number of further messages. A query reads this
        before it lists the table, so that it can skip events that the table already has.
        """
        with self._lock:
            try:
                self._connection.execute("BEGIN")
                numbers = self._connection.execute(NUMBERS, (after,)).fetchall()
                last = self._last_within(after, most_bytes)
                new_rows = self._connection.execute(BODIES, (after, last)).fetchall()
                remaining = self._connection.execute("SELECT count(*) FROM message WHERE id > ?", (last,)).fetchone()[0]
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back(self._connection)
                raise self._failed(error) from error
        return [number for (number,) in numbers], new_rows, remaining

    def erase(self, site_id: str, first: date, last: date, before_ms: int) -> int:
        """Delete messages and dead letters of a site's days, both inclusive, accepted before ``before_ms``.

        At return no byte of them is in the file or its log. Returns their number; QueueError where the file stayed
        in use: another call then completes the erasure.
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
        """The last message beyond ``after`` up to which the bodies have ``most_bytes`` at most."""
        size, last = 0, after
        for number, length in self._connection.execute(SIZES, (after,)):
            size += length
            if size > most_bytes:
                break
            last = number
        return last

    def _shrink(self) -> bool:
        """Return some free pages to the disk; short steps let senders write between them. Failures are logged."""
        with self._lock, self._write_lock:
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

    def _hide_until(self, until: Sequence[tuple[float, Message]]) -> None:
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
        also: str | None = None,
        also_values: Sequence[Sequence[object]] = (),
    ) -> list[Any]:
        """Execute a statement for each row of values in one transaction; the rows it returned."""
        reads = sql.startswith("SELECT")
        with self._lock, nullcontext() if reads else self._write_lock:
            try:
                self._connection.execute("BEGIN" if reads else "BEGIN IMMEDIATE")
                rows = [row for each in values for row in self._connection.execute(sql, each).fetchall()]
                if also:
                    self._connection.executemany(also, also_values)
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                self._roll_back(self._connection)
                raise self._failed(error) from error
        return rows

    def _write(self, connection: sqlite3.Connection) -> None:
        try:
            while (first := self._submitted.get()) is not None:
                batch, is_closing = self._collect_batch(first)
                self._commit(connection, batch)
                if is_closing:
                    return
        finally:
            connection.close()

    def _collect_batch(self, first: _Submitted) -> tuple[list[_Submitted], bool]:
        """All bodies that wait now share one commit: more senders, fewer syncs per event."""
        batch, bodies = [first], len(first[0])
        while bodies < MAX_BODIES_PER_COMMIT and not self._submitted.empty():
            each = self._submitted.get()
            if each is None:
                return batch, True
            batch.append(each)
            bodies += len(each[0])
        return batch, False

    def _commit(self, connection: sqlite3.Connection, batch: list[_Submitted]) -> None:
        # A sender that cancelled its wait gets no result, but its event is committed all the same.
        waiting = [each for each in batch if each[1].set_running_or_notify_cancel()]
        try:
            with self._write_lock:
                self._require_room(connection)
                insert(connection, [body for bodies, _ in batch for body in bodies])
        except (QueueFullError, OSError) as error:
            for _, future in waiting:
                future.set_exception(_full(error))
            return
        except sqlite3.Error as error:
            self._roll_back(connection)
            failure = self._failed(error)
            if isinstance(failure, DamagedQueueError):
                # Damage is permanent.
                self._damage = failure
            for _, future in waiting:
                future.set_exception(failure)
            return
        for _, future in waiting:
            future.set_result(None)

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
