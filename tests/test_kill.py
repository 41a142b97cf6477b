"""Real processes, killed at random moments under load: what was answered 202 is in the table, each event once."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from http.client import HTTPException
from itertools import count, takewhile
from pathlib import Path
from random import Random

import duckdb
import pytest

from mallard.flush.drain import drain
from mallard.queue.base import VISIBILITY_SECONDS
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from mallard.table.writer import TableWriter
from support.server import Server

pytestmark = pytest.mark.heavy

ROUNDS = int(os.environ.get("MALLARD_TEST_KILLS", "20"))
"""At least, and as many more as LEAST_EVENTS takes; ``make soak`` asks for hundreds."""
SEED = 7
CLIENTS = 3
LONGEST_LIFE_SECONDS = 2.0
SEAL_ROWS = "1000"
LEAST_SEGMENTS = 3
"""With fewer no segment was ever sealed, and the load was too small to show anything."""
LEAST_EVENTS = (LEAST_SEGMENTS + 1) * int(SEAL_ROWS)


class Client(threading.Thread):
    """Sends events until ``stop``. Every other one is sent again, under its own ``i``, until it is answered."""

    numbers = count(1)

    def __init__(self, server: Server) -> None:
        super().__init__(daemon=True)
        self.sent: set[int] = set()
        self.answered: set[int] = set()
        self._server = server
        self._stopping = threading.Event()

    def stop(self) -> None:
        self._stopping.set()
        self.join()

    def run(self) -> None:
        """One event after the other."""
        while not self._stopping.is_set():
            number = next(Client.numbers)
            self.sent.add(number)
            while not self._send(number) and number % 2:
                time.sleep(0.02)

    def _send(self, number: int) -> bool:
        try:
            status = self._server.send(i=f"event-{number}", u=f"https://example.com/{number}")
        except (OSError, HTTPException):
            return False
        if status == 202:
            self.answered.add(number)
        return status == 202


def start_flush(data: Path) -> "subprocess.Popen[bytes]":
    """`mallard flush` on the same folder and queue."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLARD_")}
    with (data.parent / "flush.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "mallard", "flush"],
            env={**environment, "MALLARD_DATA_DIR": str(data), "MALLARD_SEAL_ROWS": SEAL_ROWS},
            stdout=log,
            stderr=log,
        )


def flush_what_is_left(data: Path) -> None:
    """What a killed process had received is hidden for a while: a queue whose clock is ahead hands it out."""
    later = time.time() + VISIBILITY_SECONDS + 1
    with closing(LocalQueue(data / "queue" / "queue.sqlite", clock=lambda: later)) as queue:
        report = drain(queue, TableWriter(LocalStore(data)), clock=lambda: datetime.now(UTC))
        assert (report.failed, report.poison, queue.depth()) == ((), (), 0)


def answered_by(clients: list[Client]) -> int:
    """Events answered 202 so far."""
    return sum(len(each.answered) for each in clients)


def check_the_numbers(server: Server, clients: list[Client]) -> None:
    """In the middle of it all: no fewer events than were answered, no more than were sent."""
    answered = answered_by(clients)
    shown = server.main()["events"]
    assert answered <= shown <= sum(len(each.sent) for each in clients)


def test_kills_of_serve_and_flush_neither_lose_nor_double_events(tmp_path: Path) -> None:
    data, random = tmp_path / "data", Random(SEED)
    server = Server(data, MALLARD_FLUSH_INTERVAL="1", MALLARD_FLUSH_COUNT="200", MALLARD_SEAL_ROWS=SEAL_ROWS)
    server.start()
    clients = [Client(server) for _ in range(CLIENTS)]
    try:
        for each in clients:
            each.start()
        for number in takewhile(lambda number: number < ROUNDS or answered_by(clients) < LEAST_EVENTS, count()):
            flush = start_flush(data)
            time.sleep(random.uniform(0, LONGEST_LIFE_SECONDS))
            check_the_numbers(server, clients)
            if number % 2:
                server.stop(signal.SIGKILL)
                server.start()
            flush.kill()
            flush.wait()
        for each in clients:
            each.stop()
    finally:
        server.stop(signal.SIGKILL)
    flush_what_is_left(data)

    sql = "SELECT date, pathname FROM read_parquet(?, hive_partitioning = true, union_by_name = true)"
    rows = duckdb.execute(sql, [f"{data}/events/**/*.parquet"]).fetchall()
    stored = {int(path.removeprefix("/")) for _, path in rows}
    assert len(rows) == len(set(rows))
    assert set().union(*(each.answered for each in clients)) <= stored <= set().union(*(each.sent for each in clients))
    assert len(list(data.rglob("events/**/*.parquet"))) >= LEAST_SEGMENTS
    with Server(data) as restarted:
        assert restarted.main()["events"] == len(rows)
