"""`mallard` in processes that fork from one which has imported the product: hundreds of servers pay once for that."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO
from unittest.mock import patch

TESTS = Path(__file__).parents[1]
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["support.warm"])


class Forked:
    """What is used of subprocess.Popen, for one command of `mallard` with these words, environment and log."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: IO[str]) -> None:
        # Before Python 3.12 its process has not our sys.path.
        with patch.dict(os.environ, PYTHONPATH=str(TESTS)):
            forkserver.ensure_running()
        reader, writer = _FORKS.Pipe(duplex=False)
        self._process = _FORKS.Process(target=_run, args=(words, dict(environment), writer, log.name))
        self._process.start()
        writer.close()
        self.stdout = os.fdopen(os.dup(reader.fileno()))
        reader.close()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        """The exit code, None while it runs; of a signal its negative number."""
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Nothing where it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        """The exit code; raises TimeoutExpired."""
        self._process.join(timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired("mallard", timeout)
        return code


def _run(words: Sequence[str], environment: Mapping[str, str], output: Connection, log: str) -> None:
    """In the new process: as if it had been started so."""
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.dup2(output.fileno(), sys.stdout.fileno())
    output.close()
    with Path(log).open("ab") as lines:
        os.dup2(lines.fileno(), sys.stderr.fileno())
    from mallard.cli import main

    sys.exit(main(words))
