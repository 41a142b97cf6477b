"""What a server answers to an erasure: how many events of the table went, and how many that still waited."""

import json
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from support.server import Server


def erase(server: Server, site_id: str) -> Any:
    """The answer to an erasure of today."""
    today = datetime.now(UTC).date()
    address = f"{server.origin}/api/gdpr/erase?site_id={site_id}&start_date={today}&end_date={today}"
    with urllib.request.urlopen(urllib.request.Request(address, method="DELETE"), timeout=60) as answer:
        return json.load(answer)


def test_pending_events_are_counted_separately_in_the_erasure_report(tmp_path: Path) -> None:
    """The hour, so that nothing is flushed by itself; the first three are, by the server's end."""
    with Server(tmp_path / "data", MALLARD_FLUSH_INTERVAL="3600") as server:
        for page in range(3):
            assert server.send(u=f"/{page}") == 202
    with Server(tmp_path / "data", MALLARD_FLUSH_INTERVAL="3600") as server:
        for page in range(2):
            assert server.send(u=f"/late/{page}") == 202
        assert server.send(d="example.org") == 202
        answer = erase(server, "example.com")
        assert (answer["status"], answer["events"], answer["pending"], len(answer["days"])) == ("done", 3, 2, 1)
        assert server.main()["total_pageviews"] == 0
        again = erase(server, "example.com")
        assert (again["events"], again["pending"], again["days"]) == (0, 0, [])
        assert server.main("example.org")["total_pageviews"] == 1
