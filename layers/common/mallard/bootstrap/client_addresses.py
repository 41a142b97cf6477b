"""Builds the readers of client addresses for the API."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

from mallard.api.client_address import peer_check, request_address, upstream_check
from mallard.bootstrap.proxies import cdn_headers, trusted_proxies
from mallard.config import ProxySettings


def open_request_address(settings: ProxySettings) -> Callable[[Request], str]:
    """The function from a request to its client's address."""
    return request_address(proxies=trusted_proxies(settings), cdn=cdn_headers(settings))


def open_upstream_check(settings: ProxySettings) -> Callable[[Mapping[str, Any]], bool]:
    """The check that a trusted proxy or the CDN passed an ASGI scope on."""
    return upstream_check(proxies=trusted_proxies(settings), cdn=cdn_headers(settings))


def open_peer_check(settings: ProxySettings) -> Callable[[str], bool]:
    """The check that a connection's address is a trusted proxy's."""
    return peer_check(trusted_proxies(settings))
