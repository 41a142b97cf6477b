"""CSRF check of requests by their origin headers."""

from collections.abc import Mapping
from enum import Enum
from ipaddress import ip_address
from urllib.parse import urlsplit

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
PROXY_HEADERS = frozenset(("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"))

_DEFAULT_PORTS = (":80", ":443")


class RequestPage(Enum):
    """The page that sent a request.

    UNKNOWN: neither header is there. Every browser of this decade sends one, so no page sent it.
    """

    OWN = "own"
    FOREIGN = "foreign"
    UNKNOWN = "unknown"


def page_of(headers: Mapping[str, str], dashboard_origin: str) -> RequestPage:
    """The page, by ``Sec-Fetch-Site`` and ``Origin``, which no page can change; header names are in lower case.

    ``dashboard_origin`` counts as our own.
    """
    origin, relation = headers.get("origin"), headers.get("sec-fetch-site")
    if origin and origin == dashboard_origin:
        return RequestPage.OWN
    if relation:
        return RequestPage.OWN if relation == "same-origin" else RequestPage.FOREIGN
    if origin is None:
        return RequestPage.UNKNOWN
    return RequestPage.OWN if _host_of(origin) == _plain(headers.get("host", "")) != "" else RequestPage.FOREIGN


def passed_a_proxy(headers: Mapping[str, str]) -> bool:
    """True where a proxy added a header of its own."""
    return not PROXY_HEADERS.isdisjoint(headers)


def is_own_name(host: str) -> bool:
    """True where a Host header is an address or localhost, which no name server can point at this machine.

    DNS rebinding: a page of another site makes its own name lead here, and the browser then treats this server as the
    same origin. On a server that only this machine reaches, any other name would open it to every page viewed here.
    """
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _host_of(origin: str) -> str:
    try:
        return _plain(urlsplit(origin).netloc)
    except ValueError:
        return ""


def _plain(host: str) -> str:
    """The host without the port that a browser leaves out."""
    name = host.lower()
    return next((name.removesuffix(port) for port in _DEFAULT_PORTS if name.endswith(port)), name)
