"""Visits files as tests write and read them."""

import io
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mallard.store.base import Store
from mallard.table.visits_file import SCHEMA, STEPS, VISITS, VisitsFacts, read_facts, write_visits


def encode_steps(pathnames: Sequence[str], fingerprint: str) -> bytes:
    """A file of one row, whose steps are of these pages; of none, where there are none."""
    row: dict[str, Any] = dict.fromkeys(("number", "duration_ms", "pageviews"), 0)
    row |= {"date": date(2026, 1, 1), "events": len(pathnames), "bounced": False, "is_only": False}
    row |= {plural: [None] * len(pathnames) for plural in STEPS.values()} | {"pathnames": list(pathnames)}
    rows = pa.Table.from_pylist([row] if pathnames else [], schema=SCHEMA)
    return write_visits([rows], VisitsFacts(fingerprint, spans_days=False))


def decode_steps(file: Path | bytes) -> list[str]:
    """The pages of all steps."""
    data = file if isinstance(file, bytes) else file.read_bytes()
    lists = pq.ParquetFile(io.BytesIO(data)).read(columns=["pathnames"])["pathnames"].to_pylist()
    return [name for each in lists for name in each]


def rewrite(data: bytes, rows: pa.Table) -> bytes:
    """A file with other rows and the facts of another one: its digest is right."""
    facts = read_facts(data)
    assert facts is not None
    return write_visits([rows], facts)


def rows_of(data: bytes) -> pa.Table:
    """All rows."""
    return pq.ParquetFile(io.BytesIO(data)).read()


def delete_visits(store: Store) -> int:
    """Delete all visits files; returns their number."""
    keys = [row.key for row in store.list(VISITS)]
    for key in keys:
        store.delete(key)
    return len(keys)
