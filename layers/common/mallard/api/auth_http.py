"""HTTP adapter of the authentication: identities, refusals and the session cookie."""

from collections.abc import Callable

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from mallard.auth.identity import OWNER, Denied, Identity
from mallard.auth.login_sessions import COOKIE, SECURE_COOKIE
from mallard.auth.service import AuthService
from mallard.http.request_headers import is_https, read_headers

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class AuthHttp:
    """``address_of`` returns the client's address, which only our own side may have written."""

    def __init__(self, auth: AuthService, address_of: Callable[[Request], str]) -> None:
        self.auth = auth
        self.address_of = address_of

    def identify(self, request: Request) -> Identity:
        """The identity of a request; HTTPException where it is denied."""
        identity = self.auth.authenticator.identify(headers_of(request), request.method, self.auth.now())
        if isinstance(identity, Denied):
            raise refusal(identity)
        return identity

    def manager(self, request: Request) -> Identity:
        """The identity, where it may manage keys, links and the password; else HTTPException."""
        identity = self.identify(request)
        refuse(identity.refusal_to_manage())
        return identity

    def own_page(self, request: Request) -> None:
        """HTTPException where a page of another site asks."""
        refuse(self.auth.authenticator.refuse_foreign(headers_of(request)))

    def first_visitor(self, request: Request, token: str) -> None:
        """HTTPException where this visitor may not set the first password."""
        refuse(self.auth.setup.refusal(headers_of(request), token))

    def has_session(self, request: Request) -> bool:
        """True for a living session; HTTPException where a page of another site uses its cookie."""
        identity = self.auth.authenticator.identify(headers_of(request), request.method, self.auth.now())
        if isinstance(identity, Denied) and identity.status == 403:
            raise refusal(identity)
        return identity == OWNER

    def begin_session(self, request: Request, response: Response) -> str:
        """The token of a new session, which the cookie gets too."""
        token, secure = self.auth.sessions.begin(self.auth.now()), self._is_secure(request)
        response.set_cookie(
            SECURE_COOKIE if secure else COOKIE,
            token,
            max_age=self.auth.sessions.lasts_seconds,
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return token

    def end_cookie(self, request: Request, response: Response) -> None:
        """Let the browser drop the cookie under both names: one may be of a login before TLS."""
        if self._is_secure(request):
            response.delete_cookie(SECURE_COOKIE, secure=True, httponly=True, samesite="strict")
        response.delete_cookie(COOKIE, secure=self._is_secure(request), httponly=True, samesite="strict")

    def _is_secure(self, request: Request) -> bool:
        if self.auth.secure_cookies != "auto":
            return self.auth.secure_cookies == "true"
        # A false header makes only the cookie of its sender stricter.
        return request.url.scheme == "https" or is_https(request.headers.get("x-forwarded-proto", ""))


def headers_of(request: Request) -> dict[str, str]:
    """The headers by name in lower case, repeated lines as everywhere."""
    return read_headers(request.scope["headers"])


def refusal(denied: Denied) -> HTTPException:
    """A refusal as an answer."""
    headers = {**HEADERS, "www-authenticate": "Bearer"} if denied.status == 401 else HEADERS
    return HTTPException(denied.status, denied.sentence, dict(headers))


def refuse(denied: Denied | None) -> None:
    """HTTPException where there is a refusal."""
    if denied:
        raise refusal(denied)


def must_wait(seconds: int) -> HTTPException:
    """429 after too many wrong passwords."""
    sentence = f"Too many wrong passwords came from this address; try again in {seconds} seconds."
    return HTTPException(429, sentence, {**HEADERS, "retry-after": str(seconds)})
