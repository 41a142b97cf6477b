"""Where a request of the API came from: by the word of the same proxies and CDN as an event's."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

from mallard.config import Settings
from mallard.http.request_headers import read_headers
from mallard.ingest.enrich.cdn_headers import CdnHeaders
from mallard.ingest.trusted_proxies import TrustedProxies, client_address, packed_address


def open_caller(settings: Settings) -> Callable[[Request], str]:
    """What tells the client's address of a request, empty where the server has none (a socket of the file system)."""
    proxies, edge = TrustedProxies(settings.trusted_proxies), CdnHeaders(settings.edge_secret, settings.edge_cdn)

    def address_of(request: Request) -> str:
        headers = read_headers(request.scope["headers"])
        viewer = edge.viewer(headers)
        if viewer and viewer.address:
            return viewer.address
        peer = request.client.host if request.client else ""
        return client_address(peer, headers.get("x-forwarded-for", ""), proxies)

    return address_of


def is_proxy(settings: Settings) -> Callable[[str], bool]:
    """The check of a connection's address: whether it is a trusted proxy's, behind which are many clients."""
    proxies = TrustedProxies(settings.trusted_proxies)

    def trusted(peer: str) -> bool:
        packed = packed_address(peer)
        return packed is None or packed in proxies

    return trusted


def open_trust(settings: Settings) -> Callable[[Mapping[str, Any]], bool]:
    """What tells, by an ASGI scope, whether a proxy or CDN of ours passed a request on: its other words count too."""
    proxies, edge = TrustedProxies(settings.trusted_proxies), CdnHeaders(settings.edge_secret, settings.edge_cdn)

    def is_trusted(scope: Mapping[str, Any]) -> bool:
        client = scope.get("client")
        packed = packed_address(client[0]) if client else None
        return (packed is not None and packed in proxies) or edge.viewer(read_headers(scope["headers"])) is not None

    return is_trusted
