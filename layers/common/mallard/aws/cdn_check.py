"""Refusal of requests that bypass the CDN."""

import json
from collections.abc import Callable
from typing import Any

from mallard.bootstrap.proxies import cdn_headers
from mallard.config import ProxySettings
from mallard.errors import MallardError
from mallard.http.header_policy import HSTS

REFUSED = "This address answers its CDN only; use the name of the dashboard."


def refuse_past_cdn(event: Any, settings: Callable[[], ProxySettings]) -> dict[str, Any] | None:
    """The 403 to an event of API Gateway or a Function URL that went around the CDN; None for all others.

    None too where the settings cannot be read: the handler then answers with that error.
    """
    try:
        cdn = cdn_headers(settings())
    except MallardError:
        return None
    # Without a CDN in front the headers are not read.
    if not cdn.is_only_way:
        return None
    given = event.get("headers") if isinstance(event, dict) else None
    pairs = given.items() if isinstance(given, dict) else ()
    if not cdn.refuses({str(name).lower(): value for name, value in pairs if isinstance(value, str)}):
        return None
    body = json.dumps({"error": REFUSED, "reason": "edge"})
    headers = {"content-type": "application/json", "cache-control": "no-store", **HSTS}
    return {"statusCode": 403, "headers": headers, "body": body, "isBase64Encoded": False}
