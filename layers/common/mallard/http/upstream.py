"""Headers of trusted proxies: TLS and the id of a request."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mallard.http.request_headers import is_https

Scope = Mapping[str, Any]
"""ASGI's."""

_ID = re.compile(r"[A-Za-z0-9._:=+/@-]{1,128}")


@dataclass(frozen=True, slots=True)
class UpstreamHeaders:
    """Readers of upstream headers. ``given_id`` is empty where no trusted proxy gave one."""

    is_tls: Callable[[Scope], bool]
    given_id: Callable[[Scope], str]


def behind_proxies(is_trusted: Callable[[Scope], bool]) -> UpstreamHeaders:
    """Headers behind proxies, believed where ``is_trusted`` is True for the request."""

    def is_tls(scope: Scope) -> bool:
        if scope.get("scheme") == "https":
            return True
        return is_https(header(scope, b"x-forwarded-proto")) and is_trusted(scope)

    def given_id(scope: Scope) -> str:
        given = header(scope, b"x-request-id")
        return given if _ID.fullmatch(given) and is_trusted(scope) else ""

    return UpstreamHeaders(is_tls, given_id)


def behind_gateway() -> UpstreamHeaders:
    """API Gateway and Function URLs: there is nothing but TLS, and each request has an id already."""

    def given_id(scope: Scope) -> str:
        event = scope.get("aws.event")
        context = event.get("requestContext") if isinstance(event, Mapping) else None
        given = str(context.get("requestId", "")) if isinstance(context, Mapping) else ""
        return given if _ID.fullmatch(given) else ""

    return UpstreamHeaders(lambda _: True, given_id)


DIRECT = behind_proxies(lambda _: False)
"""No proxy in front."""


def header(scope: Scope, name: bytes) -> str:
    """The first header of a name, empty without one."""
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")
