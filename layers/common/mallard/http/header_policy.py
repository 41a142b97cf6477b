"""Response headers by kind of response, for every server; docs/http.md explains them."""

from collections.abc import Mapping

CONTENT_POLICY = "content-security-policy"
ANY_FRAME = "frame-ancestors *"
_NO_FRAME = "frame-ancestors 'none'"
_NO_MARKUP = "; require-trusted-types-for 'script'; trusted-types 'none'"
"""No text becomes markup or code (innerHTML, eval, a script's address), whatever a visitor wrote into it."""

HSTS = {"strict-transport-security": "max-age=31536000"}
"""Only over TLS, where browsers take it. Of this host alone: what else is on its domain is not ours to decide."""

ANSWER = {
    # Not a page: a browser that shows it as one loads, runs and frames nothing.
    CONTENT_POLICY: f"default-src 'none'; {_NO_FRAME}",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": (
        "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=(),"
        " publickey-credentials-get=()"
    ),
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "x-robots-tag": "noindex",
}
"""Headers of every response that sets none of its own: no embedding by other sites, no caching."""

PAGE = {
    CONTENT_POLICY: (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        f" font-src 'self'; base-uri 'none'; form-action 'self'; {_NO_FRAME}{_NO_MARKUP}"
    ),
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}
"""Headers of the dashboard's files: only their own scripts and styles, none of them inline."""

SHARED_PAGE = {
    **PAGE,
    CONTENT_POLICY: PAGE[CONTENT_POLICY].replace(_NO_FRAME, ANY_FRAME),
    # A page that isolates itself frames only what allows it.
    "cross-origin-resource-policy": "cross-origin",
}
"""The page of shared links, which pages of other sites may frame."""

DOCS_PAGE = {**PAGE, CONTENT_POLICY: PAGE[CONTENT_POLICY].removesuffix(_NO_MARKUP)}
"""Swagger UI draws with markup; nothing else is loosened, and the page holds no data."""

SCRIPT = {
    "access-control-allow-origin": "*",
    "cross-origin-resource-policy": "cross-origin",
    "cache-control": "public, max-age=3600",
}
"""The tracking script, which every site loads."""


def completed(given: Mapping[str, str], *, is_tls: bool) -> dict[str, str]:
    """The headers that ``given`` (names in lower case) lack."""
    missing = {name: value for name, value in {**ANSWER, **(HSTS if is_tls else {})}.items() if name not in given}
    if ANY_FRAME not in given.get(CONTENT_POLICY, ""):
        # Browsers that do not know frame-ancestors.
        missing["x-frame-options"] = "DENY"
    return missing
