"""HTTP requests in events of API Gateway and Function URLs (format 2.0)."""

import base64
from dataclasses import dataclass
from typing import Any

from mallard.http.addresses import address_text
from mallard.http.request_headers import is_packed
from mallard.ingest.drop_reasons import Dropped, DropReason


@dataclass(frozen=True, slots=True, kw_only=True)
class LambdaRequest:
    """One request. ``headers`` have names in lower case; ``address`` is the client's, by the gateway's own word."""

    method: str
    path: str
    query: str
    address: str
    headers: dict[str, str]
    body: bytes | Dropped

    @property
    def is_encoded(self) -> bool:
        """True where ``Content-Encoding`` says that the body is compressed."""
        return is_packed(self.headers.get("content-encoding", ""))


def read_request(event: dict[str, Any]) -> LambdaRequest:
    """The request of an event; empty parts for those that an event of another form lacks."""
    http = _http(event)
    source = str(http.get("sourceIp", ""))
    headers = (event.get("headers") or {}).items()
    return LambdaRequest(
        method=str(http.get("method", "")),
        path=str(event.get("rawPath", "")),
        query=event.get("rawQueryString") or "",
        # Any client can send a forwarded header.
        address=address_text(source) or source,
        headers={name.lower(): value for name, value in headers if isinstance(value, str)},
        body=_body(event),
    )


def method_of(event: Any) -> str:
    """The method, empty for an event of another form."""
    return str(_http(event).get("method", "")) if isinstance(event, dict) else ""


def _http(event: dict[str, Any]) -> dict[str, Any]:
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    return http if isinstance(http, dict) else {}


def _body(event: dict[str, Any]) -> bytes | Dropped:
    body = event.get("body") or ""
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except ValueError:
        # No base64, text beyond ASCII that says it is, or half of a character.
        return Dropped(DropReason.MALFORMED, "The body is not JSON.")
