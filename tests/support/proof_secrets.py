"""A server that is told many secrets, and a search for them in all that it leaves."""

import base64
import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from support.audit import places_below

START_SECONDS = 120

ADMIN_PASSWORD = "walrus-Pepper-4711"
WRONG_PASSWORD = "heron-Cinnamon-0815"
LINK_PASSWORD = "otter-Saffron-2342"
SIGNING_SECRET = "badger-Nutmeg-9001-and-thirty-two"
METRICS_TOKEN = "lemur-Cardamom-7777-and-more"
EDGE_SECRET = "tapir-Turmeric-1234-and-more"
WRONG_KEY = "mm_" + "WrongKeyThatNobodyEverMade4711aaaaaaaaaaaaa"
ADDRESS = "203.0.113.77"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 Unmistakable/4711"

Secrets = dict[str, str]


class Recorded:
    """``mallard serve`` at debug whose stdout and stderr lie in files. Context manager."""

    def __init__(self, folder: Path, log_format: str) -> None:
        self.data = folder / "data"
        self.out, self.err = folder / "stdout", folder / "stderr"
        self._settings = {
            "MALLARD_PORT": "0",
            "MALLARD_DATA_DIR": str(self.data),
            "MALLARD_LOG_LEVEL": "debug",
            "MALLARD_LOG_FORMAT": log_format,
            "MALLARD_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "MALLARD_SECRET": SIGNING_SECRET,
            "MALLARD_METRICS_TOKEN": METRICS_TOKEN,
            "MALLARD_EDGE_SECRET": EDGE_SECRET,
        }

    def __enter__(self) -> "Recorded":
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLARD_")}
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "mallard", "serve"],
                env={**environment, **self._settings},
                stdout=out,
                stderr=err,
            )
        deadline = time.monotonic() + START_SECONDS
        while "<script" not in self.out.read_text():
            assert self._process.poll() is None, self.err.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        place = self.out.read_text().partition("http://")[2].partition("/")[0]
        self.host, self.port = place.rpartition(":")[0], int(place.rpartition(":")[2])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.stop()

    def stop(self) -> int:
        """By SIGTERM; the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(timeout=60)

    def ask(self, method: str, target: str, body: str = "", **headers: str) -> tuple[int, Any]:
        """The status, and the JSON or text of the answer."""
        named = {"content-type": "application/json", "user-agent": AGENT, "x-forwarded-for": ADDRESS}
        named |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        try:
            connection.request(method, target, body.encode() if body else None, named)
            answer = connection.getresponse()
            content = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(content)
        except ValueError:
            return answer.status, content.decode("latin-1")

    def send_raw(self, data: bytes) -> None:
        """Bytes that are hardly HTTP."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        connection.connect()
        try:
            connection.sock.sendall(data)
            connection.sock.settimeout(0.1)
            connection.sock.recv(4096)
        except OSError:
            pass
        finally:
            connection.close()

    def places(self) -> dict[str, bytes]:
        """All that it left."""
        return {**places_below(self.data), "stdout": self.out.read_bytes(), "stderr": self.err.read_bytes()}


def forms(secret: str) -> dict[str, bytes]:
    """A secret as it is, and as it could stand in a header, an address, or a dump."""
    raw = secret.encode()
    found = {
        "": raw,
        " in base64": base64.b64encode(raw).rstrip(b"="),
        " as an address has it": quote(secret, safe="").encode(),
        " in hexadecimal": raw.hex().encode(),
        " backwards": raw[::-1],
    }
    for name in ("md5", "sha1", "sha256"):
        # SHA-256 of a key is how the store knows it; of all else no plain hash is anywhere.
        if not (name == "sha256" and secret.startswith("mm_")):
            found[f", its {name}"] = hashlib.new(name, raw).hexdigest().encode()
    return found


def found_in(places: dict[str, bytes], secrets: Secrets, allowed: set[tuple[str, str]] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """Where which secret stands, sorted; ``allowed`` are pairs of a secret's name and where a place may begin."""
    return sorted(
        f"{place}: {name}{form}"
        for place, data in places.items()
        for name, secret in secrets.items()
        for form, text in forms(secret).items()
        if text in data and not any(name == known and place.startswith(begin) for known, begin in allowed)
    )
