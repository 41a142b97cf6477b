"""Visitors that a server forwards to `mallard serve` in ``X-Forwarded-For``, by its key."""

import json
import urllib.request
from pathlib import Path

from support.server import Server

FIRST, SECOND = "198.51.100.9", "198.51.100.10"


def made_key(server: Server, scope: str) -> str:
    """The text of a new key."""
    body = json.dumps({"name": "a server", "scope": scope}).encode()
    asked = urllib.request.Request(f"{server.origin}/api/keys", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return str(json.load(answer)["key"])


def test_forwarded_address_is_the_visitors_with_a_key_for_ingest_only(tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_TRUSTED_PROXIES="192.0.2.0/24") as server:
        ingest, reader = ({"X-API-Key": made_key(server, scope)} for scope in ("Ingest", "ReadOnly"))
        bearer = {"Authorization": f"Bearer {ingest['X-API-Key']}"}
        # Each with the number of visitors there are then: without a key for ingest it is the peer's address.
        sent = [
            (ingest, f"{FIRST}, 203.0.113.7", 1),
            (bearer, FIRST, 1),
            (bearer, SECOND, 2),
            ({}, None, 3),
            ({}, FIRST, 3),
            ({}, "198.51.100.11", 3),
            (reader, "198.51.100.11", 3),
            ({"X-API-Key": "mm_" + "a" * 43}, "198.51.100.11", 3),
            (ingest, "nobody", 3),
            (ingest, f"{SECOND}:4711", 3),
        ]
        for number, (key, forwarded, visitors) in enumerate(sent, 1):
            headers = {**key, **({"X-Forwarded-For": forwarded} if forwarded else {})}
            assert server.send(headers=headers) == 202
            counted = server.main()
            assert (counted["total_pageviews"], counted["unique_visitors"]) == (number, visitors), (headers, number)
