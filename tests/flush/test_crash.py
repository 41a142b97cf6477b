"""A flush that is killed between its writes and its acknowledgement costs a redelivery, and no event."""

import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from mallard.flush.drain import drain
from mallard.queue.base import VISIBILITY_SECONDS
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.writer import TableWriter
from support.rows import DAY, event, noon, stored_ids

SITES = 4

PROGRAM = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from mallard.flush.drain import drain
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from mallard.table.writer import TableWriter

class Dying(LocalStore):
    def put_if_absent(self, key, data):
        etag = super().put_if_absent(key, data)
        if key.startswith("events/site_id=site-" + sys.argv[3]):
            os.kill(os.getpid(), signal.SIGKILL)
        return etag

table = TableWriter(Dying(Path(sys.argv[2])))
drain(LocalQueue(Path(sys.argv[1])), table, clock=lambda: datetime.now(UTC))
"""


@pytest.mark.parametrize("last", [0, 2, 3])
def test_flush_killed_after_a_write_neither_loses_nor_doubles_events(tmp_path: Path, last: int) -> None:
    file, data = tmp_path / "queue.sqlite", tmp_path / "data"
    with closing(LocalQueue(file)) as queue:
        queue.send([event(n, site_id=f"site-{n % SITES}").to_message() for n in range(40)])
    command = [sys.executable, "-c", PROGRAM, str(file), str(data), str(last)]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL

    later = time.time() + VISIBILITY_SECONDS + 1
    with closing(LocalQueue(file, clock=lambda: later)) as queue:
        assert queue.depth() == 40
        report = drain(queue, TableWriter(LocalStore(data)), clock=noon)
        assert queue.depth() == 0
    assert (report.rows.duplicates, report.rows.written) == (10 * (last + 1), 10 * (SITES - last - 1))
    for site in range(SITES):
        assert stored_ids(LocalStore(data), Partition(f"site-{site}", DAY)) == list(range(site, 40, SITES))
