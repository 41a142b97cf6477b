"""Lambda's runtime API on this machine: AWS's own runtime client runs a built function against it.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import json
import os
import queue
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from support.peers import HOME

INIT_SECONDS = 60
TIMEOUT_SECONDS = 120
PYTHON = HOME / "awslambdaric" / "bin" / "python"
"""What stands in AWS's own image: the runtime client and boto3."""


class FunctionError(Exception):
    """What the function raised, as AWS would say it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a function returned, and how long it took."""

    value: Any
    milliseconds: float


class Function:
    """One instance of a function, from its start on; ``init_ms`` is how long its imports took, with the client's."""

    def __init__(self, folders: Sequence[Path], environment: Mapping[str, str]) -> None:
        self._waiting: queue.SimpleQueue[tuple[str, bytes] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._asked = threading.Event()
        self._server = _server(self)
        self._output = b""
        began = time.perf_counter()
        self._process = subprocess.Popen(
            [str(PYTHON), "-m", "awslambdaric", "handler.handle"],
            cwd=folders[0],
            env=_environment(folders, self._server.server_port) | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if not self._asked.wait(INIT_SECONDS) or not self._answers.empty():
            self.close()
            raise FunctionError(f"The function did not start: {self._output.decode(errors='replace')}")
        self.init_ms = 1000 * (time.perf_counter() - began)
        self.first_ms = 0.0

    def __call__(self, event: Any) -> Answer:
        """One invocation. Raises FunctionError."""
        began = time.perf_counter()
        self._waiting.put((str(uuid.uuid4()), json.dumps(event).encode()))
        kind, body = self._answers.get(timeout=TIMEOUT_SECONDS)
        milliseconds = 1000 * (time.perf_counter() - began)
        self.first_ms = self.first_ms or milliseconds
        if kind != "response":
            raise FunctionError(body.decode())
        return Answer(json.loads(body), milliseconds)

    @property
    def output(self) -> str:
        """All that it printed: log lines and metrics."""
        return self._output.decode(errors="replace")

    @property
    def peak_mb(self) -> int:
        """The most memory that it had at once."""
        lines = Path(f"/proc/{self._process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))

    @property
    def cpu_seconds(self) -> float:
        """Of processor time since its start, user's and system's."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._waiting.put(None)
        self._reader.join()
        self._server.shutdown()
        self._server.server_close()

    def _read(self) -> None:
        if self._process.stdout:
            with self._process.stdout as lines:
                for line in lines:
                    self._output += line

    def next(self) -> tuple[str, bytes] | None:
        """What the client asks for: the next event, for which it waits; None where it is gone."""
        self._asked.set()
        return self._waiting.get()

    def take(self, path: str, body: bytes) -> None:
        """What the client tells: an answer, an error, or that it could not start."""
        self._answers.put((path.rpartition("/")[2], body))
        self._asked.set()


@contextmanager
def running(folders: Sequence[Path], environment: Mapping[str, str]) -> Iterator[Function]:
    """An instance of the function in the first folder, with the layers in the others."""
    function = Function(folders, environment)
    try:
        yield function
    finally:
        function.close()


def _server(function: Function) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else each answer waits 40 ms for an acknowledgement, and calls look slow.
        wbufsize = -1
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            given = function.next()
            if given is None:
                self.close_connection = True
                return
            request_id, body = given
            deadline_ms = int(1000 * (time.time() + TIMEOUT_SECONDS))
            self._answer(
                200,
                body,
                {
                    "Lambda-Runtime-Aws-Request-Id": request_id,
                    "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                    "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:123456789012:function:tested",
                    "Content-Type": "application/json",
                },
            )

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            function.take(self.path, body)
            self._answer(202, b"", {})

        def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def _environment(folders: Sequence[Path], port: int) -> dict[str, str]:
    """As in Lambda: nothing of this machine's but where programs are; layers behind the function."""
    paths = [str(folders[0]), *(str(folder / "python") for folder in folders[1:])]
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "LAMBDA_TASK_ROOT": str(folders[0]),
        "_HANDLER": "handler.handle",
        "AWS_LAMBDA_FUNCTION_NAME": "tested",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
