"""The handlers of functions/ as Lambda would call them, each time as in a cold start."""

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[2]


class Context:
    """What of Lambda's context the handlers look at."""

    aws_request_id = "8f507cfc-request"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def load(file: Path) -> ModuleType:
    """A module of its own, from a file outside every package."""
    spec = importlib.util.spec_from_file_location(f"{file.parent.name}_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def cold(name: str) -> Any:
    """``functions/<name>/handler.py`` in a cold start: ``handle(event, context)``."""
    return load(ROOT / "functions" / name / "handler.py")


def request(
    method: str = "POST",
    path: str = "/api/event",
    *,
    body: str | None = None,
    query: str = "",
    headers: Any = None,
    source: str = "192.0.2.1",
    **more: Any,
) -> dict[str, Any]:
    """API Gateway's format 2.0."""
    agent = headers.get("user-agent", "") if isinstance(headers, dict) else ""
    http = {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": source, "userAgent": agent}
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers or {},
        "requestContext": {"http": http, "stage": "$default", "requestId": "gateway", "domainName": "example"},
        "body": body,
        "isBase64Encoded": False,
        **more,
    }
