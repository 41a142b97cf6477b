"""Authenticates a request by API key, bearer token or session cookie, and rejects cross-site requests."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from mallard.auth import signed_tokens
from mallard.auth.admin_password import AdminPassword
from mallard.auth.api_keys import PREFIX, ApiKeys, key_in
from mallard.auth.csrf import SAFE_METHODS, RequestPage, page_of
from mallard.auth.identity import ANONYMOUS, ANYONE, OWNER, Denied, Identity, of_key, of_link
from mallard.auth.login_sessions import COOKIE, MAX_COOKIES, SECURE_COOKIE, LoginSessions
from mallard.auth.shared_links import SharedLink, SharedLinks

SHARE_SECONDS = 12 * 3600
"""Lifetime of a shared link's token."""

CREDENTIALS = frozenset((b"authorization", b"cookie", b"x-api-key"))
"""The headers that can say who sent a request, as ASGI writes them."""

_SHARE = "share"

UNSET = Denied(401, "No password is set yet; open the dashboard to set one, or run `mallard password`.")
UNKNOWN = Denied(401, "The key or token is unknown, expired or revoked; log in again, or create another key.")
FOREIGN = Denied(403, "Cross-site requests are refused; MALLARD_DASHBOARD_ORIGIN names a site that may send them.")
NO_ORIGIN = Denied(403, "With a cookie, Origin or Sec-Fetch-Site is required; without a browser, send the token.")


class Authenticator:
    """Every method may raise StoreUnavailableError."""

    def __init__(
        self,
        *,
        passwords: AdminPassword,
        sessions: LoginSessions,
        keys: ApiKeys,
        links: SharedLinks,
        secret: bytes,
        is_open: bool = False,
        dashboard_origin: str = "",
    ) -> None:
        """``is_open`` is MALLARD_AUTH=off: every request has access, but cross-site requests change nothing."""
        self._passwords = passwords
        self._sessions = sessions
        self._keys = keys
        self._links = links
        self._secret = secret
        self.is_open = is_open
        self.dashboard_origin = dashboard_origin

    def identify(self, headers: Mapping[str, str], method: str, now: datetime) -> Identity | Denied:
        """The identity behind a request, by its headers (names in lower case), or the refusal.

        ``Authorization: Bearer`` or ``X-API-Key`` win over the cookie.
        """
        changes = method not in SAFE_METHODS
        if self.is_open:
            return (changes and self.refuse_foreign(headers)) or ANYONE
        if not self._passwords.mark():
            return UNSET
        given = key_in(headers)
        if given:
            return self._by_text(given, now) or UNKNOWN
        if not any(self._sessions.holds(token, now) for token in sessions_in(headers)):
            return ANONYMOUS
        return (changes and self._refuse_forged(headers)) or OWNER

    def lacks_credentials(self, names: Iterable[bytes]) -> bool:
        """True where a request's header names rule out any credential."""
        return not self.is_open and CREDENTIALS.isdisjoint(names)

    def refuse_foreign(self, headers: Mapping[str, str]) -> Denied | None:
        """Refuse a cross-site request to a route that needs no session but changes something."""
        return FOREIGN if page_of(headers, self.dashboard_origin) is RequestPage.FOREIGN else None

    def let_in(self, link: SharedLink, now: datetime) -> str:
        """The token for the holder of a link, and of its password where it has one."""
        return signed_tokens.sign(self._secret, _SHARE, {"s": link.slug}, now)

    def _by_text(self, text: str, now: datetime) -> Identity | None:
        if text.startswith(PREFIX):
            key = self._keys.find(text)
            return of_key(key) if key else None
        if self._sessions.holds(text, now):
            return OWNER
        share = signed_tokens.read(self._secret, _SHARE, text, SHARE_SECONDS, now)
        link = self._links.find(str(share.get("s"))) if share else None
        return of_link(link) if link else None

    def _refuse_forged(self, headers: Mapping[str, str]) -> Denied | None:
        """Browsers send the cookie with cross-site requests too, so a change needs the page to be ours."""
        page = page_of(headers, self.dashboard_origin)
        return {RequestPage.OWN: None, RequestPage.FOREIGN: FOREIGN, RequestPage.UNKNOWN: NO_ORIGIN}[page]


def sessions_in(headers: Mapping[str, str]) -> list[str]:
    """Session tokens in the ``Cookie`` header (names in lower case), MAX_COOKIES at most, those over TLS first."""
    parts = [part.strip().partition("=") for part in headers.get("cookie", "").split(";")]
    cookies = [
        value.strip('"') for cookie_name in (SECURE_COOKIE, COOKIE) for name, _, value in parts if name == cookie_name
    ]
    return [token for token in cookies if token][:MAX_COOKIES]
