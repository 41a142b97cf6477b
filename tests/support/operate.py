"""A server with a password that is asked as its owner, as a monitor and as a stranger."""

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from support.server import Server

PASSWORD = "kettle-moss-17"
METRICS_TOKEN = "for-the-monitor-4711"
MONITOR = {"Authorization": f"Bearer {METRICS_TOKEN}"}

SEED_METRICS = {
    "mallard_buffered_events",
    "mallard_cache_entries",
    "mallard_auth_configured",
    "mallard_geoip_loaded",
    "mallard_filter_bots",
    "mallard_events_ingested_total",
    "mallard_flush_failures_total",
    "mallard_rate_limit_rejections_total",
    "mallard_login_failures_total",
    "mallard_cache_hits_total",
    "mallard_cache_misses_total",
}


def guarded(data: Path, **settings: str) -> Server:
    """A server that asks for a password and, at /metrics, for its token."""
    named = {"MALLARD_AUTH": "on", "MALLARD_ADMIN_PASSWORD": PASSWORD, "MALLARD_METRICS_TOKEN": METRICS_TOKEN}
    return Server(data, **{**named, **settings})


def ask(server: Server, path: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and text of a GET, or of a POST with a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{server.origin}{path}", data, {"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def log_in(server: Server) -> dict[str, str]:
    """The headers of the owner."""
    status, text = ask(server, "/api/auth/login", {"password": PASSWORD})
    assert status == 200
    return {"Authorization": f"Bearer {json.loads(text)['token']}"}


def make_key(server: Server, owner: dict[str, str], scope: str) -> dict[str, str]:
    """The headers of a new key."""
    status, text = ask(server, "/api/keys", {"name": "a", "scope": scope}, owner)
    assert status == 201
    return {"X-API-Key": json.loads(text)["key"]}
