"""Permissions of Plausible's APIs: refusals in its words and with its statuses."""

from collections.abc import Callable

from fastapi import Request
from starlette.exceptions import HTTPException

from mallard.api.auth_http import AuthHttp, headers_of, refusal
from mallard.auth.authenticator import UNKNOWN
from mallard.auth.identity import Credential, Denied, Identity
from mallard.sites.site_id import fits_folder, read_site_id

MISSING = Denied(401, "Missing API key. Please use a valid API key as a Bearer Token.")
INVALID = Denied(
    401,
    "Invalid API key or site ID. Please make sure you're using a valid API key with access to the site you've"
    " requested.",
)
INVALID_KEY = Denied(
    401,
    "Invalid API key. Please make sure you're using a valid API key with access to the resource you've requested.",
)
NO_SITE_ID = "Missing site ID. Please provide the required site_id parameter with your request."
NO_SITE = "Site could not be found"


class PlausiblePermissions:
    """``is_public`` tells whether everyone may look at a site, ``exists`` whether it has settings or events.

    All methods may raise StoreUnavailableError.
    """

    def __init__(self, auth_http: AuthHttp, is_public: Callable[[str], bool], exists: Callable[[str], bool]) -> None:
        self._auth_http = auth_http
        self._is_public = is_public
        self._exists = exists

    def to_stats(self, request: Request) -> Identity:
        """Permission to read the site of ``site_id``; an unknown site is answered as one without permission."""
        identity = self._enter(request, INVALID)
        given = request.query_params.get("site_id")
        is_anonymous = identity.credential is Credential.ANONYMOUS
        if not given:
            raise refusal(MISSING) if is_anonymous else HTTPException(400, NO_SITE_ID)
        site = _stored(given)
        if site is None or not self._may_read(identity, site) or not self._exists(site):
            raise refusal(MISSING if is_anonymous else INVALID)
        return identity

    def to_sites(self, request: Request) -> Identity:
        """Permission to list sites; the routes check the site that they are of by ``readable`` and so on."""
        identity = self._enter(request, INVALID_KEY)
        if identity.credential is Credential.ANONYMOUS:
            raise refusal(MISSING)
        if not identity.is_known:
            raise refusal(INVALID_KEY)
        return identity

    def readable(self, identity: Identity, given: str) -> str:
        """The stored id of a site that may be read; 404 for another."""
        site = _stored(given)
        if site is None or identity.refusal_to_read(site, is_public=False) or not self._exists(site):
            raise HTTPException(404, NO_SITE)
        return site

    def changeable(self, identity: Identity, given: str) -> str:
        """The stored id of a site whose settings may be changed; 401 for a key without the scope, else 404."""
        if identity.scope != "Admin":
            raise refusal(INVALID_KEY)
        return self.readable(identity, given)

    def linkable(self, identity: Identity, given: str) -> str:
        """The same of a site that links may be made of: 401 for a key of some sites."""
        if identity.refusal_to_manage():
            raise refusal(INVALID_KEY)
        return self.readable(identity, given)

    def new(self, identity: Identity, given: str) -> str:
        """The stored id of a site that may be created; HTTPException 401, or 400 for what is no site id or exists."""
        site = _stored(given)
        if site is None:
            raise HTTPException(400, f"domain: {given[:80]!r} is no site id, such as example.com.")
        if identity.refusal_to_change(site):
            raise refusal(INVALID_KEY)
        if self._exists(site):
            raise HTTPException(400, "domain: This domain cannot be registered, as it is a site already.")
        return site

    def _may_read(self, identity: Identity, site: str) -> bool:
        return identity.refusal_to_read(site, is_public=False) is None or self._is_public(site)

    def _enter(self, request: Request, invalid: Denied) -> Identity:
        auth = self._auth_http.auth
        identity = auth.authenticator.identify(headers_of(request), request.method, auth.now())
        if isinstance(identity, Denied):
            raise refusal(invalid if identity is UNKNOWN else identity)
        request.state.identity = identity
        return identity


def _stored(given: str) -> str | None:
    """The stored form of a site id; None for a text that is none."""
    site = read_site_id(given)
    return site if site is not None and fits_folder(site) else None
