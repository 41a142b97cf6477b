"""A real `mallard serve` in a process of its own, on a free port, that ends with the test."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, ClassVar

from support.forked import Forked

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
START_SECONDS = 30


def started(words: Sequence[str], environment: Mapping[str, str], log: IO[str]) -> "subprocess.Popen[str]":
    """`mallard` with these words, as a program of its own."""
    command = [sys.executable, "-m", "mallard", *words]
    return subprocess.Popen(command, env=dict(environment), stdout=subprocess.PIPE, stderr=log, text=True)


class Server:
    """Context manager: running inside, ended by SIGTERM at the end."""

    begin: ClassVar[Callable[[Sequence[str], Mapping[str, str], IO[str]], "subprocess.Popen[str] | Forked"]] = started

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        # Most tests are about other things than who gets in.
        self._settings = {"MALLARD_PORT": "0", "MALLARD_DATA_DIR": str(data), "MALLARD_AUTH": "off", **settings}
        self.origin = ""

    def __enter__(self) -> "Server":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.stop()

    def start(self) -> None:
        """Start, and wait for the address it prints."""
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLARD_")}
        self._log = (self.data.parent / f"{self.data.name}.log").open("a")
        self._process = type(self).begin(["serve"], {**environment, **self._settings}, self._log)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith("Mallard Metrics is at "), self.log()
        self.origin = line.removeprefix("Mallard Metrics is at ").strip().rstrip("/")

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code."""
        self._process.send_signal(number)
        code = self._process.wait(timeout=60)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()
        return code

    def log(self) -> str:
        """What it wrote to stderr so far."""
        return Path(self._log.name).read_text()

    def greeting(self) -> str:
        """What it printed below its address."""
        assert self._process.stdout is not None
        text = ""
        while "<script" not in text:
            line = self._process.stdout.readline()
            assert line, self.log()
            text += line
        return text

    def send(self, user_agent: str = FIREFOX, headers: dict[str, str] | None = None, **event: Any) -> int:
        """POST one event; the status."""
        body = json.dumps({"d": "example.com", "n": "pageview", "u": "https://example.com/", **event}).encode()
        request = urllib.request.Request(
            f"{self.origin}/api/event",
            body,
            {"User-Agent": user_agent, "Content-Type": "text/plain", **(headers or {})},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    def get(self, path: str) -> Any:
        """GET and parse JSON."""
        with urllib.request.urlopen(f"{self.origin}{path}", timeout=30) as answer:
            return json.load(answer)

    def main(self, site_id: str = "example.com", period: str = "7d") -> dict[str, Any]:
        """The headline numbers."""
        found: dict[str, Any] = self.get(f"/api/stats/main?site_id={site_id}&period={period}")
        return found

    def wait_until_flushed(self, seconds: float = 30) -> None:
        """Until the queue is empty."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with urllib.request.urlopen(f"{self.origin}/metrics", timeout=30) as answer:
                if "mallard_buffered_events 0.0\n" in answer.read().decode():
                    return
            time.sleep(0.05)
        raise AssertionError("the queue was not flushed")
