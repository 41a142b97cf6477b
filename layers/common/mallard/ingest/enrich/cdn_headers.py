"""Visitor headers of a CDN, trusted only with its secret."""

import hmac
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote

from mallard.http.addresses import address_text
from mallard.ingest.enrich.geoip import Place, make_place

SECRET_HEADER = "x-mallard-edge"  # noqa: S105  # the header's name


@dataclass(frozen=True, slots=True)
class _Names:
    """One CDN's headers, in small letters."""

    address: str
    country: str
    region: str
    city: str
    has_port: bool = False


NAMES: Mapping[str, _Names] = {
    "cloudfront": _Names(
        "cloudfront-viewer-address",
        "cloudfront-viewer-country",
        "cloudfront-viewer-country-region-name",
        "cloudfront-viewer-city",
        has_port=True,
    ),
    "cloudflare": _Names("cf-connecting-ip", "cf-ipcountry", "cf-region", "cf-ipcity"),
    # Fastly names the address itself; the place is set in VCL under these names (docs/ingest.md).
    "fastly": _Names("fastly-client-ip", "x-geo-country", "x-geo-region", "x-geo-city"),
}

HEADERS = {SECRET_HEADER} | {
    header for names in NAMES.values() for header in (names.address, names.country, names.region, names.city)
}
"""Every header that any CDN may be asked for."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """A viewer as the CDN saw it; ``address`` is None where it did not say."""

    address: str | None
    place: Place


@dataclass(frozen=True, slots=True)
class CdnHeaders:
    """The CDN in front, and the secret it shares with us; without a secret its headers are ignored.

    ``is_only_way``: requests without the secret are refused, so that none bypasses the CDN.
    """

    secret: str = ""
    cdn: str = "cloudfront"
    is_only_way: bool = False

    def refuses(self, headers: Mapping[str, str]) -> bool:
        """True where a request should have come through the CDN and did not."""
        return self.is_only_way and not self._knows(headers)

    def viewer(self, headers: Mapping[str, str]) -> Viewer | None:
        """The viewer, None where the request did not come through the CDN. Only this CDN's own headers count.

        A client may write any of these headers, also those of another CDN, which this one would pass on.
        """
        if not self._knows(headers):
            return None
        names = NAMES[self.cdn]
        place = make_place(headers.get(names.country), _name(headers, names.region), _name(headers, names.city))
        return Viewer(_address(headers.get(names.address, "").strip(), names.has_port), place)

    def _knows(self, headers: Mapping[str, str]) -> bool:
        given = headers.get(SECRET_HEADER, "")
        return bool(self.secret) and hmac.compare_digest(given.encode(errors="replace"), self.secret.encode())


NO_EDGE = CdnHeaders()


def _address(text: str, has_port: bool) -> str | None:
    """An address; its port stands behind the last colon, around IPv6 without brackets too."""
    return address_text(text.rpartition(":")[0] if has_port else text)


def _name(headers: Mapping[str, str], header: str) -> str | None:
    """A name that came as bytes of UTF-8 (read as Latin-1 on the way) or percent-encoded."""
    text = headers.get(header, "")
    with suppress(UnicodeEncodeError, UnicodeDecodeError):
        text = text.encode("latin-1").decode()
    return unquote(text) or None
