"""From which page a request came: a browser says so, and no page can make it say anything else."""

from collections.abc import Mapping
from enum import Enum
from urllib.parse import urlsplit

SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))
FORWARDED = frozenset(("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"))
"""What proxies add."""

_DEFAULT_PORTS = (":80", ":443")


class RequestPage(Enum):
    """Whose page sent a request. UNSAID: no browser of this decade sent it, so no page did."""

    OWN = "own"
    FOREIGN = "foreign"
    UNSAID = "unsaid"


def page_of(headers: Mapping[str, str], dashboard_origin: str) -> RequestPage:
    """By ``Sec-Fetch-Site`` and ``Origin`` (names in lower case); the dashboard's origin counts as our own."""
    origin, relation = headers.get("origin"), headers.get("sec-fetch-site")
    if origin and origin == dashboard_origin:
        return RequestPage.OWN
    if relation:
        return RequestPage.OWN if relation == "same-origin" else RequestPage.FOREIGN
    if origin is None:
        return RequestPage.UNSAID
    return RequestPage.OWN if _place(origin) == _plain(headers.get("host", "")) != "" else RequestPage.FOREIGN


def passed_a_proxy(headers: Mapping[str, str]) -> bool:
    """Whether a proxy says that it passed the request on."""
    return not FORWARDED.isdisjoint(headers)


def _place(origin: str) -> str:
    try:
        return _plain(urlsplit(origin).netloc)
    except ValueError:
        return ""


def _plain(host: str) -> str:
    """Without the port that a browser leaves out."""
    name = host.lower()
    return next((name.removesuffix(port) for port in _DEFAULT_PORTS if name.endswith(port)), name)
