"""Memory of `mallard serve` under the fattest events that anyone may send, and what becomes of them."""

import http.client
import json
import os
import random
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from support.server import FIREFOX, Server

SENT_MB = int(os.environ.get("MALLARD_TEST_FAT_MB", "160"))
MOST_MB = 600
LIFTED = {"MALLARD_CLIENT_KB_PER_MINUTE": "0", "MALLARD_SITE_MB_PER_MINUTE": "0"}


def fat_bodies(count: int) -> list[bytes]:
    """Bodies of 31 KB whose texts do not compress."""
    random_texts = random.Random(1)
    letters = [chr(code) for code in range(0x10000, 0x1FFFF)]
    texts = ["".join(random_texts.choices(letters, k=4000)) for _ in range(60)]
    bodies = []
    for number in range(count):
        text = texts[number % len(texts)]
        event = {
            "d": "example.com",
            "n": text[:250],
            "u": f"https://example.com/{number}" + text[:2000],
            "r": "https://x.example/" + text[:2000],
            "p": {text[:100]: text[:3800]},
        }
        bodies.append(json.dumps(event, ensure_ascii=False).encode())
    return bodies


def most_memory_mb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) // 1024


@pytest.mark.heavy
def test_serve_memory_is_bounded_under_the_largest_events_and_loses_none(tmp_path: Path) -> None:
    bodies = fat_bodies(600)
    rounds = SENT_MB * 1024 * 1024 // sum(map(len, bodies)) + 1
    with (
        Server(tmp_path / "data", **LIFTED) as server,
        closing(http.client.HTTPConnection(urlsplit(server.origin).netloc)) as connection,
    ):
        for _ in range(rounds):
            for body in bodies:
                connection.request("POST", "/api/event", body, {"User-Agent": FIREFOX})
                with connection.getresponse() as answer:
                    answer.read()
                    assert answer.status == 202
                    assert answer.headers["X-Mallard-Ignored"] == "url, referrer, props"
        expected, found, until = rounds * len(bodies), 0, time.monotonic() + 120
        while found != expected and time.monotonic() < until:
            found = server.main(period="today")["events"]
            time.sleep(0.2)
        assert found == expected
        assert most_memory_mb(server.pid) < MOST_MB
