"""A role's credentials end after some hours, and the engine goes on with the next ones."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from mallard.engine.base import PENDING
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.reports.standard_reports import Scope, Stats
from mallard.stats.date_range import read_period
from mallard.store import httpfs
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.segment_cache import SegmentCache
from mallard.table.writer import TableWriter
from support.rows import deliveries, events

NOW = datetime(2026, 1, 3, 12, tzinfo=UTC)
SITE = "example.com"


class RoleStore(LocalStore):
    """A folder that DuckDB reads as a bucket, with the key of the moment."""

    key_id = "first"
    endpoint = ""

    @property
    def pins_are_cheap(self) -> bool:
        return False

    def location(self, key: str) -> str:
        return f"s3://bucket/{key}"

    def reader_setup(self) -> Sequence[str]:
        return httpfs.setup(
            endpoint=self.endpoint, region="us-east-1", key_id=self.key_id, secret="s", session_token=""
        )


@contextmanager
def bucket(store: RoleStore) -> Iterator[list[int]]:
    """Serves the folder to whoever signs with the key of the moment; yields the answers' codes."""
    codes: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = f"Credential={store.key_id}/" in self.headers.get("Authorization", "")
            data = (store.root / self.path.removeprefix("/bucket/").replace("%3D", "=")).read_bytes() if known else b""
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            part = data[int(asked[1]) : int(asked[2]) + 1] if asked and known else data
            codes.append(403 if not known else 206 if asked else 200)
            self.send_response(codes[-1])
            self.send_header("Content-Length", str(len(part)))
            self.send_header("Accept-Ranges", "bytes")
            if asked and known:
                self.send_header("Content-Range", f"bytes {asked[1]}-{asked[2]}/{len(data)}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(part)

        do_HEAD = do_GET  # noqa: N815  # the name that the base class calls

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        store.endpoint = f"http://127.0.0.1:{server.server_port}"
        try:
            yield codes
        finally:
            server.shutdown()
            thread.join()


def test_expired_credentials_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Sealed segments of a range too large to be kept are read where they are.
    monkeypatch.setattr(SegmentCache, "has_room_for", lambda *_: False)
    store = RoleStore(tmp_path)
    TableWriter(store, seal_rows=2).append(Partition(SITE, date(2026, 1, 2)), deliveries(events(1, 2, 3)))
    with bucket(store) as codes:
        engine = DuckDBEngine(store, lambda _: PENDING.empty_table(), memory_mb=256, threads=1)
        stats, period = Stats(engine, NOW), read_period("7d", None, None, NOW)
        assert stats.main(Scope(SITE, period))["events"] == 3
        assert 403 not in codes
        store.key_id = "second"
        assert stats.main(Scope(SITE, period))["events"] == 3
        assert 403 in codes
        engine.close()
