"""SQLite file of the local queue: tables, settings, and migrations."""

import os
import sqlite3
from contextlib import suppress
from pathlib import Path

from mallard.queue.base import MAX_PAUSE_SECONDS

SCHEMA = """
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    body BLOB NOT NULL
);
-- Beside a message and not in it: to note a delivery must not write its body once more.
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY,
    hidden_until REAL NOT NULL,
    receives INTEGER NOT NULL,
    hidden_at REAL NOT NULL DEFAULT 0
);
CREATE TRIGGER IF NOT EXISTS forget_delivery AFTER DELETE ON message BEGIN
    DELETE FROM delivery WHERE id = OLD.id;
END;
CREATE TABLE IF NOT EXISTS set_aside (
    id INTEGER PRIMARY KEY,
    body BLOB NOT NULL,
    reason TEXT NOT NULL
);
"""
CLAIM = """
INSERT INTO delivery (id, hidden_until, receives, hidden_at)
SELECT id, :until, receives + 1, :now FROM (
    SELECT id, receives, size, sum(size) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) AS bytes FROM (
        SELECT message.id AS id, coalesce(delivery.receives, 0) AS receives, length(message.body) AS size
        FROM message LEFT JOIN delivery USING (id)
        WHERE (coalesce(delivery.hidden_until, 0) <= :now OR delivery.hidden_at > :now)
        ORDER BY message.id LIMIT :limit
    )
) WHERE bytes <= :bytes OR bytes = size
ON CONFLICT (id) DO UPDATE
SET hidden_until = excluded.hidden_until, receives = excluded.receives, hidden_at = excluded.hidden_at
RETURNING id, receives
"""
"""A message that was hidden later than now was hidden by a clock that was ahead, perhaps for days. Should that be the
second that NTP took back, another receiver gets it too, and the table takes each event once."""

VISIBLE = """SELECT EXISTS (
    SELECT 1 FROM message LEFT JOIN delivery USING (id)
    WHERE coalesce(delivery.hidden_until, 0) <= :now OR delivery.hidden_at > :now
)
"""
NUMBERS = "SELECT id FROM message WHERE id <= ? ORDER BY id"
SIZES = "SELECT id, length(body) FROM message WHERE id > ? ORDER BY id"
BODIES = "SELECT id, body FROM message WHERE id > ? AND id <= ? ORDER BY id"
READ = "SELECT id, body FROM message WHERE id IN (SELECT value FROM json_each(?))"
DELETE = "DELETE FROM message WHERE id IN (SELECT value FROM json_each(?))"

LIVE_BYTES = """
SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size
"""
"""Bytes of the pages that are in use: known without a look at the messages."""

ROWS_PER_STATEMENT = 500
RESERVED_BYTES = 16 * 1024 * 1024
"""Free pages that stay in the file, and bytes that stay of its log, for the next messages."""

PAGES_PER_SHRINK = 512
"""Of one transaction, for which senders wait some milliseconds."""


def make_private(file: Path) -> None:
    """Create the folder and the file for this account alone; SQLite gives its log the mode of the file."""
    file.parent.mkdir(0o700, parents=True, exist_ok=True)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))


def connect(file: Path, busy_seconds: float) -> sqlite3.Connection:
    """A connection for any thread, synced at each commit; waits ``busy_seconds`` for other writers."""
    connection = sqlite3.connect(file, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    # Before the first write; `prepare` rewrites a file of an earlier version.
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA journal_size_limit = {RESERVED_BYTES}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA secure_delete = ON")
    return connection


def prepare(connection: sqlite3.Connection, now: float) -> None:
    """Create missing tables and migrate old ones; ``now`` is Unix seconds."""
    connection.executescript(SCHEMA)
    if not connection.execute("PRAGMA auto_vacuum").fetchone()[0]:
        # A file in use by another process is rewritten at a later start.
        with suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")
    if _lacks(connection, "set_aside", "aside_at"):
        # Of two concurrent processes one adds it.
        connection.execute("BEGIN IMMEDIATE")
        if _lacks(connection, "set_aside", "aside_at"):
            connection.execute("ALTER TABLE set_aside ADD COLUMN aside_at REAL NOT NULL DEFAULT 0")
        connection.execute("UPDATE set_aside SET aside_at = ? WHERE aside_at = 0", (now,))
        connection.execute("COMMIT")
    if _lacks(connection, "delivery", "hidden_at"):
        connection.execute("BEGIN IMMEDIATE")
        if _lacks(connection, "delivery", "hidden_at"):
            connection.execute("ALTER TABLE delivery ADD COLUMN hidden_at REAL NOT NULL DEFAULT 0")
        # An earlier version did not record the clock by which it hid them.
        connection.execute("UPDATE delivery SET hidden_until = min(hidden_until, ?)", (now + MAX_PAUSE_SECONDS,))
        connection.execute("COMMIT")
    connection.execute("CREATE INDEX IF NOT EXISTS set_aside_by_age ON set_aside (aside_at)")


def insert(connection: sqlite3.Connection, bodies: list[bytes]) -> None:
    """Insert bodies in one transaction, many rows a statement, since each releases the interpreter's lock."""
    connection.execute("BEGIN IMMEDIATE")
    for start in range(0, len(bodies), ROWS_PER_STATEMENT):
        part = bodies[start : start + ROWS_PER_STATEMENT]
        values = ",".join(["(?)"] * len(part))
        connection.execute(f"INSERT INTO message (body) VALUES {values}", part)  # noqa: S608  # only ?
    connection.execute("COMMIT")


def shrink(connection: sqlite3.Connection) -> bool:
    """Return some free pages to the disk; True where more than RESERVED_BYTES are left."""
    pages, size = connection.execute(
        "SELECT freelist_count, page_size FROM pragma_freelist_count, pragma_page_size"
    ).fetchone()
    surplus = pages - RESERVED_BYTES // size
    if surplus > 0:
        connection.execute(f"PRAGMA incremental_vacuum({min(surplus, PAGES_PER_SHRINK)})").fetchall()
    return bool(surplus > PAGES_PER_SHRINK)


def try_insert(connection: sqlite3.Connection) -> None:
    """Insert a message and roll back, as a test of the file."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("INSERT INTO message (body) VALUES (x'')")
    connection.execute("SELECT id FROM message ORDER BY id LIMIT 1").fetchall()
    connection.execute("ROLLBACK")


def is_damage(error: sqlite3.Error) -> bool:
    """True where an error says that the file is no database, or one with damaged pages."""
    return str(getattr(error, "sqlite_errorname", "")).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _lacks(connection: sqlite3.Connection, table: str, column: str) -> bool:
    return column not in {row[1] for row in connection.execute(f"PRAGMA table_info({table})").fetchall()}
