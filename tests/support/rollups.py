"""Whole rollup files as tables, and tables as files of this version or of an earlier one."""

import hashlib
import secrets
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.maintenance.rollup_builder import build_rollups
from mallard.reports.standard_reports import Stats
from mallard.table.rollup import SCHEMA
from mallard.table.rollup_file import open_whole, write_rollup

_NO_DIGEST = b"0" * 64


def decode_rollup(data: bytes) -> pa.Table | None:
    """All rows; None where a byte of them is not as it was written."""
    file = open_whole(data)
    if file is None:
        return None
    parts = [file.rows(name) for name in sorted(file.dimensions)]
    return pa.concat_tables([SCHEMA.empty_table(), *(each for each in parts if each is not None)])


def roll_up(stats: Stats, now: datetime) -> int:
    """Build the rollups of the reports' table; the number of days."""
    assert isinstance(stats.engine, DuckDBEngine)
    return build_rollups(stats.engine.store, stats.engine, now).days


def encode_rollup(rows: pa.Table) -> bytes:
    """A file of these rows."""
    names = pc.unique(rows["dimension"]).to_pylist()
    return write_rollup(names, lambda name: rows.filter(pc.equal(rows["dimension"], name)))


def encode_old_rollup(rows: pa.Table) -> bytes:
    """A file of the version that kept every value, with one hash over all its bytes."""
    rows = rows.drop_columns(["is_rest"]).sort_by([(name, "ascending") for name in SCHEMA.names[:3]])
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, rows.schema, compression="zstd", store_schema=False) as writer:
        writer.write_table(rows)
        marks = {b"mallard.write_id": secrets.token_hex(16).encode(), b"mallard.digest": _NO_DIGEST}
        writer.add_key_value_metadata(marks)
    data = bytes(sink.getvalue())
    before, _, after = data.rpartition(_NO_DIGEST)
    return before + hashlib.blake2b(data, digest_size=32).hexdigest().encode() + after
