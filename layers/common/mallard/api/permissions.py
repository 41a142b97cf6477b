"""FastAPI dependencies that check permissions for statistics and settings."""

from collections.abc import Callable

from fastapi import Request

from mallard.api.auth_http import AuthHttp, refuse
from mallard.auth.identity import Denied, Identity

_NARROWED = Denied(403, "The link shows a part of the site's numbers, and these cannot be narrowed to it.")


class Permissions:
    """Each method returns who was let in, also as ``request.state.who``; HTTPException where they are not.

    ``read_site`` raises a MallardError, answered 400, for what is no site id. ``is_public`` tells whether everyone may
    look at a site.
    """

    def __init__(self, auth_http: AuthHttp, read_site: Callable[[str], str], is_public: Callable[[str], bool]) -> None:
        self._auth_http = auth_http
        self._read_site = read_site
        self._is_public = is_public

    def to_numbers(self, request: Request) -> Identity:
        """Before a report on the site that ``site_id`` names, which knows nothing of ``filters``: of all its events.

        One without a site is for whoever may read some site.
        """
        who = self.to_narrowed(request)
        return self._let(_NARROWED if who.filters else None, who)

    def to_narrowed(self, request: Request) -> Identity:
        """Before a report as in ``to_numbers``, which narrows all it tells by the ``filters`` of who was let in."""
        who = self._enter(request)
        site = request.query_params.get("site_id")
        return self._let(self._refusal(who, self._read_site(site)) if site else who.refusal_to_list(), who)

    def to_settings(self, request: Request) -> Identity:
        """Before what reads or changes a site's settings, or erases its days; without a site, before their list."""
        who = self._enter(request)
        site = request.path_params.get("site_id") or request.query_params.get("site_id")
        return self._let(who.refusal_to_change(self._read_site(site)) if site else who.refusal_to_list(), who)

    def to_body(self, request: Request) -> Identity:
        """Before a report whose body names the site: the route asks ``check`` once it has read it."""
        return self._enter(request)

    def check(self, who: Identity, site_id: str) -> None:
        """HTTPException where somebody may not read a site's numbers, narrowed by ``who.filters``; the id is valid."""
        self._let(self._refusal(who, site_id), who)

    def _refusal(self, who: Identity, site_id: str) -> Denied | None:
        denied = who.refusal_to_read(site_id, is_public=False)
        # Most are let in without a look at the site's settings.
        return denied and who.refusal_to_read(site_id, is_public=self._is_public(site_id))

    def _enter(self, request: Request) -> Identity:
        who = self._auth_http.identify(request)
        request.state.who = who
        return who

    def _let(self, denied: Denied | None, who: Identity) -> Identity:
        refuse(denied)
        return who
