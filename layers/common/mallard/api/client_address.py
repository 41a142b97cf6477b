"""Client addresses of API requests behind trusted proxies and the CDN."""

from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

from mallard.http.request_headers import read_headers
from mallard.ingest.enrich.cdn_headers import CdnHeaders
from mallard.ingest.trusted_proxies import TrustedProxies, client_address, packed_address


def request_address(*, proxies: TrustedProxies, cdn: CdnHeaders) -> Callable[[Request], str]:
    """The reader of a request's client address, empty where the server has none (a socket of the file system)."""

    def address_of(request: Request) -> str:
        headers = read_headers(request.scope["headers"])
        viewer = cdn.viewer(headers)
        if viewer and viewer.address:
            return viewer.address
        peer = request.client.host if request.client else ""
        return client_address(peer, headers.get("x-forwarded-for", ""), proxies)

    return address_of


def peer_check(proxies: TrustedProxies) -> Callable[[str], bool]:
    """The check of a connection's address: True for a trusted proxy's, behind which are many clients."""

    def trusted(peer: str) -> bool:
        packed = packed_address(peer)
        return packed is None or packed in proxies

    return trusted


def upstream_check(*, proxies: TrustedProxies, cdn: CdnHeaders) -> Callable[[Mapping[str, Any]], bool]:
    """The check of an ASGI scope: True where a trusted proxy or the CDN passed the request on with its headers."""

    def is_trusted(scope: Mapping[str, Any]) -> bool:
        client = scope.get("client")
        packed = packed_address(client[0]) if client else None
        return (packed is not None and packed in proxies) or cdn.viewer(read_headers(scope["headers"])) is not None

    return is_trusted
