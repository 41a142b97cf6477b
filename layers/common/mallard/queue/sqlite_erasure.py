"""Erasure of a site's days from the local queue's file, free pages included."""

import sqlite3
from datetime import date

TABLES = ("message", "set_aside")

_OF_THE_SITE = """
DELETE FROM {table} WHERE CASE WHEN json_valid(CAST(body AS TEXT)) THEN
    json_extract(CAST(body AS TEXT), '$.site_id') = :site_id
    AND json_extract(CAST(body AS TEXT), '$.date') BETWEEN :first AND :last
    AND CAST(coalesce(json_extract(CAST(body AS TEXT), '$.accepted_ms'), 0) AS INTEGER) < :before_ms
END
"""
"""``json_valid`` guards the rest, and a body is cast: newer SQLite takes a blob for its own binary form of JSON."""


def delete_days(connection: sqlite3.Connection, site_id: str, first: date, last: date, before_ms: int) -> int:
    """Delete the days from both tables, in the caller's transaction; returns the number of rows."""
    values = {"site_id": site_id, "first": first.isoformat(), "last": last.isoformat(), "before_ms": before_ms}
    return sum(connection.execute(_OF_THE_SITE.format(table=table), values).rowcount for table in TABLES)


def forget_bytes(connection: sqlite3.Connection) -> None:
    """Rewrite the file and empty its log. Raises sqlite3.OperationalError where another user keeps it open.

    ``secure_delete`` zeroes the cell that a deletion frees, but not copies that SQLite left in the gaps of pages
    when it split and merged them earlier: only a rewritten file holds none.
    """
    connection.execute("VACUUM")
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("the log is in use and could not be emptied")
