"""Builds the trust in proxies and the CDN that the settings name."""

from mallard.config import ProxySettings
from mallard.ingest.enrich.cdn_headers import CdnHeaders
from mallard.ingest.trusted_proxies import TrustedProxies


def cdn_headers(settings: ProxySettings) -> CdnHeaders:
    """The headers of the CDN, believed with MALLARD_EDGE_SECRET only."""
    return CdnHeaders(settings.edge_secret, settings.edge_cdn, settings.edge_only)


def trusted_proxies(settings: ProxySettings) -> TrustedProxies:
    """The networks of MALLARD_TRUSTED_PROXIES."""
    return TrustedProxies(settings.trusted_proxies)
