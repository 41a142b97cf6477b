"""FastAPI dependencies that check permissions for statistics and settings."""

from collections.abc import Callable

from fastapi import Request

from mallard.api.auth_http import AuthHttp, refuse
from mallard.auth.identity import Denied, Identity

_NARROWED = Denied(403, "The link shows a part of the site's numbers, and these cannot be narrowed to it.")


class Permissions:
    """Each method returns the permitted identity, and sets ``request.state.identity``; else HTTPException.

    ``read_site`` raises a MallardError, answered 400, for what is no site id. ``is_public`` tells whether everyone may
    look at a site.
    """

    def __init__(self, auth_http: AuthHttp, read_site: Callable[[str], str], is_public: Callable[[str], bool]) -> None:
        self._auth_http = auth_http
        self._read_site = read_site
        self._is_public = is_public

    def to_numbers(self, request: Request) -> Identity:
        """Permission for a report on ``site_id`` that does not apply ``filters``, so over all its events.

        Without a site, permission to read any site suffices.
        """
        identity = self.to_narrowed(request)
        return self._let(_NARROWED if identity.filters else None, identity)

    def to_narrowed(self, request: Request) -> Identity:
        """Permission for a report that applies the identity's ``filters``."""
        identity = self._enter(request)
        site = request.query_params.get("site_id")
        denied = self._refusal(identity, self._read_site(site)) if site else identity.refusal_to_list()
        return self._let(denied, identity)

    def to_settings(self, request: Request) -> Identity:
        """Permission to read or change a site's settings and to erase its days; without a site, to list sites."""
        identity = self._enter(request)
        site = request.path_params.get("site_id") or request.query_params.get("site_id")
        denied = identity.refusal_to_change(self._read_site(site)) if site else identity.refusal_to_list()
        return self._let(denied, identity)

    def to_body(self, request: Request) -> Identity:
        """Authentication only, for a body that names the site: the route calls ``check`` after reading it."""
        return self._enter(request)

    def check(self, identity: Identity, site_id: str) -> None:
        """HTTPException without permission to read a site, narrowed by ``identity.filters``; the id is valid."""
        self._let(self._refusal(identity, site_id), identity)

    def to_sql(self, identity: Identity, site_id: str | None, sites: Callable[[], list[str]]) -> list[str]:
        """The sites that SQL of an identity reads: ``site_id``, or all among ``sites`` that it may. HTTPException."""
        self._let(identity.refusal_to_run_sql(site_id), identity)
        return identity.readable(sites()) if site_id is None else [site_id]

    def _refusal(self, identity: Identity, site_id: str) -> Denied | None:
        denied = identity.refusal_to_read(site_id, is_public=False)
        # Most are permitted without a read of the site's settings.
        return denied and identity.refusal_to_read(site_id, is_public=self._is_public(site_id))

    def _enter(self, request: Request) -> Identity:
        identity = self._auth_http.identify(request)
        request.state.identity = identity
        return identity

    def _let(self, denied: Denied | None, identity: Identity) -> Identity:
        refuse(denied)
        return identity
