"""Routes of shared links: ``/api/links`` and ``/api/share``."""

from collections.abc import Callable

from fastapi import APIRouter, Depends, Request, Response
from starlette.exceptions import HTTPException

from mallard.api.auth_http import HEADERS, AuthHttp, must_wait
from mallard.api.schemas.auth_schemas import LinkGiven, LinkRow, Revoked, Share, ShareGiven, link_row
from mallard.api.schemas.documented_errors import AUTH_ERRORS
from mallard.api.security_schemes import MANAGES
from mallard.errors import LinkError, PasswordError


def link_routes(
    auth_http: AuthHttp, read_site: Callable[[str], str], check_filters: Callable[[str], object]
) -> APIRouter:
    """The router."""
    router = APIRouter(prefix="/api", tags=["auth"], responses=AUTH_ERRORS)
    links, manager = auth_http.auth.links, [Depends(auth_http.manager), *MANAGES]

    @router.post("/links", status_code=201, dependencies=manager)
    def create_link(given: LinkGiven, response: Response) -> LinkRow:
        """Create a link that gives read access to the site's statistics."""
        response.headers.update(HEADERS)
        site = read_site(given.site_id)
        if given.filters:
            check_filters(given.filters)
        try:
            link = links.create(
                site,
                given.name,
                auth_http.auth.now(),
                password=given.password,
                filters=given.filters,
                embeddable=given.embeddable,
            )
        except (LinkError, PasswordError) as error:
            raise HTTPException(400, str(error)) from None
        return link_row(link)

    @router.get("/links", dependencies=manager)
    def list_links(response: Response, site_id: str | None = None) -> list[LinkRow]:
        """All links, or those of a site, the oldest first."""
        response.headers.update(HEADERS)
        return [link_row(link) for link in links.all(None if site_id is None else read_site(site_id))]

    @router.delete("/links/{slug}", dependencies=manager)
    def revoke_link(slug: str, response: Response) -> Revoked:
        """Revoke a link; every instance rejects it within five seconds."""
        response.headers.update(HEADERS)
        if not links.revoke(slug):
            raise HTTPException(404, "There is no such link.")
        return Revoked()

    @router.post("/share/{slug}")
    def open_link(slug: str, given: ShareGiven, request: Request, response: Response) -> Share:
        """Create a token with read access from a link, and its password where it has one."""
        response.headers.update(HEADERS)
        link = links.find(slug)
        if link is None:
            raise HTTPException(404, "There is no such link; it may have been revoked.")
        outcome = auth_http.auth.try_link(link, given.password, auth_http.address_of(request), auth_http.auth.now())
        if outcome is not True:
            raise must_wait(outcome) if outcome else HTTPException(401, "The link has a password, which this is not.")
        token = auth_http.auth.authenticator.let_in(link, auth_http.auth.now())
        return Share(
            token=token,
            site_id=link.site_id,
            name=link.name,
            filters=link.filters,
            embeddable=link.embeddable,
        )

    return router
