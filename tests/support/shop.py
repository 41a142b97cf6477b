"""Two days of a small shop, each visit known by name, on a real server."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.server import Server

SITE = "shop.example"
DAY, DAY_BEFORE = "2026-03-03", "2026-03-02"

# Visitor, source, browser, country, pages; one visit each.
VISITS = {
    DAY: [
        ("ann", "https://www.google.com/", "Firefox", "DE", ["/", "/pricing"]),
        ("bob", "https://www.google.com/", "Chrome", "DE", ["/"]),
        ("cid", "https://www.google.com/", "Chrome", "FR", ["/", "/pricing", "/thanks"]),
        ("dan", "https://www.bing.com/", "Firefox", "DE", ["/"]),
        ("eve", None, "Firefox", "FR", ["/docs"]),
        ("fay", None, "Safari", "FR", ["/", "/pricing"]),
    ],
    DAY_BEFORE: [
        ("ann", "https://www.google.com/", "Firefox", "DE", ["/"]),
        ("dan", "https://www.bing.com/", "Firefox", "DE", ["/", "/pricing"]),
        ("gus", "https://www.bing.com/", "Chrome", "DE", ["/"]),
        ("hal", None, "Chrome", "FR", ["/"]),
    ],
}


def events() -> Iterator[dict[str, Any]]:
    """What `mallard import` takes: a page view a minute from ten o'clock on."""
    for day, visits in VISITS.items():
        for visitor, referrer, browser, country, pages in visits:
            for minute, path in enumerate(pages):
                yield {
                    "timestamp": f"{day}T10:{minute:02}:00Z",
                    "event_name": "pageview",
                    "site_id": SITE,
                    "visitor": visitor,
                    "pathname": path,
                    "referrer": referrer,
                    "browser": browser,
                    "country_code": country,
                    "device_type": "desktop",
                }


@contextmanager
def open_shop(folder: Path) -> Iterator[Server]:
    """A server with the shop's two days."""
    data, file = folder / "data", folder / "shop.ndjson"
    file.write_text("".join(f"{json.dumps(event)}\n" for event in events()))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLARD_")}
    command = [sys.executable, "-m", "mallard", "import", str(file)]
    subprocess.run(command, env={**environment, "MALLARD_DATA_DIR": str(data)}, check=True, capture_output=True)
    with Server(data) as server:
        yield server
