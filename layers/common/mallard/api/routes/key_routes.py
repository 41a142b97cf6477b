"""Routes of API keys, for the owner and Admin keys of all sites."""

from collections.abc import Callable

from fastapi import APIRouter, Depends, Response
from starlette.exceptions import HTTPException

from mallard.api.auth_http import HEADERS, AuthHttp
from mallard.api.schemas.auth_schemas import KeyGiven, KeyRow, NewKey, Revoked, key_row
from mallard.api.schemas.documented_errors import AUTH_ERRORS
from mallard.api.security_schemes import MANAGES
from mallard.errors import ApiKeyError


def key_routes(auth_http: AuthHttp, read_site: Callable[[str], str]) -> APIRouter:
    """The router."""
    router = APIRouter(
        prefix="/api/keys",
        tags=["auth"],
        dependencies=[Depends(auth_http.manager), *MANAGES],
        responses=AUTH_ERRORS,
    )
    keys = auth_http.auth.keys

    @router.post("", status_code=201, response_model_exclude_none=True)
    def create_key(given: KeyGiven, response: Response) -> NewKey:
        """Create a key. It is shown once; the store has its hash only."""
        response.headers.update(HEADERS)
        sites = tuple(read_site(each) for each in given.sites)
        try:
            text, key = keys.create(given.name, given.scope, auth_http.auth.now(), sites, expires=given.expires_at)
        except ApiKeyError as error:
            raise HTTPException(400, str(error)) from None
        return NewKey(
            key=text,
            key_hash=key.key_hash,
            name=key.name,
            scope=key.scope,
            sites=list(key.sites) or None,
            expires_at=key.expires_at or None,
        )

    @router.get("")
    def list_keys(response: Response) -> list[KeyRow]:
        """All keys, the oldest first."""
        response.headers.update(HEADERS)
        return [key_row(key) for key in keys.all()]

    @router.delete("/{key_hash}")
    def revoke_key(key_hash: str, response: Response) -> Revoked:
        """Revoke a key; every instance rejects it within five seconds."""
        response.headers.update(HEADERS)
        if not keys.revoke(key_hash):
            raise HTTPException(404, "There is no key with this hash.")
        return Revoked()

    return router
