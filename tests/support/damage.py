"""Damage to a segment, by kind: what copies, disks and hands do to files."""

from collections.abc import Callable, Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from mallard.store.base import Store

TRAILER_BYTES = 8


def _foreign(_: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"order": [1, 2, 3], "total": [9.5, 1.0, 2.0]}), sink)
    return bytes(sink.getvalue())


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def _footer_bytes(data: bytes) -> int:
    return int.from_bytes(data[-TRAILER_BYTES:-4], "little")


KINDS: Mapping[str, Callable[[bytes], bytes]] = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "text": lambda _: b"date,visitors\n2026-01-02,17\n",
    "foreign": _foreign,
    # The first byte of the footer is the head of a Thrift field.
    "footer": lambda data: _flipped(data, len(data) - TRAILER_BYTES - _footer_bytes(data)),
    # The first page's head follows the magic bytes.
    "data": lambda data: _flipped(data, 4),
}
"""Each makes damaged bytes of whole ones. DuckDB reads none of them alone."""


def silently_changed(data: bytes) -> bytes:
    """A flipped byte of an id, which DuckDB reads as another id."""
    return _flipped(data, data.index(b"(\xb5/\xfd") + 12)


def damage(store: Store, key: str, kind: str) -> bytes:
    """Damage an object; the bytes it had."""
    stored = store.get(key)
    assert stored is not None
    store.put_if_match(key, KINDS[kind](stored.data), stored.etag)
    return stored.data
