"""The log of a server as JSON: what a person looks for is a key, and a client's request id leads to its line."""

import json
import time
from pathlib import Path
from typing import Any

from support.operate import ask
from support.server import Server

SECONDS = 30


def lines(server: Server) -> list[dict[str, Any]]:
    return [json.loads(line) for line in server.log().splitlines()]


def test_json_log_has_flush_counts_as_keys_and_request_ids_of_errors(
    tmp_path: Path,
) -> None:
    settings = {"MALLARD_LOG_FORMAT": "json", "MALLARD_FLUSH_COUNT": "2", "MALLARD_FLUSH_INTERVAL": "3600"}
    with Server(tmp_path / "data", **settings) as server:
        assert [server.send(u=f"/{page}") for page in range(2)] == [202, 202]
        until = time.monotonic() + SECONDS
        while not (flushes := [each for each in lines(server) if "events" in each]) and time.monotonic() < until:
            time.sleep(0.1)
        (flush,) = flushes
        assert (flush["events"], flush["partitions"], flush["logger"]) == (2, 1, "mallard.flush")
        assert 0 < flush["seconds"] < SECONDS

        damaged = tmp_path / "data" / "config" / "sites" / "other.example.json"
        damaged.parent.mkdir(parents=True, exist_ok=True)
        damaged.write_bytes(b"no JSON")
        status, text = ask(server, "/api/stats/main?site_id=other.example")
        assert status == 503
        told = json.loads(text)["request_id"]
        (fault,) = (each for each in lines(server) if each.get("request_id") == told)
        assert fault["level"] == "error"
        assert fault["message"].startswith("/api/stats/main failed (request ")
        assert all(set(each) >= {"time", "level", "logger", "message"} for each in lines(server))
