"""Routes of authentication: ``/api/auth``, ``/auth``, ``/api/keys``, ``/api/links``, ``/api/share``."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from mallard.api.auth_http import HEADERS, AuthHttp, headers_of, must_wait, refusal
from mallard.api.own_pool_route import OwnPoolRoute
from mallard.api.routes.key_routes import key_routes
from mallard.api.routes.link_routes import link_routes
from mallard.api.schemas.auth_schemas import LoggedOut, LoginGiven, PasswordGiven, SetupGiven, Status, Token
from mallard.api.schemas.documented_errors import AUTH_ERRORS
from mallard.api.security_schemes import MANAGES
from mallard.auth.authenticator import UNSET
from mallard.auth.identity import Identity
from mallard.auth.service import AuthService
from mallard.errors import PasswordError

CONFIGURED = "The password is given by MALLARD_ADMIN_PASSWORD; change it there."
WRONG = "The password is not right."


def auth_routes(
    auth: AuthService,
    address_of: Callable[[Request], str],
    *,
    read_site: Callable[[str], str],
    check_filters: Callable[[str], object],
) -> list[APIRouter]:
    """The routers. ``read_site`` and ``check_filters`` raise a MallardError, answered 400, for what is none."""
    auth_http = AuthHttp(auth, address_of)
    return [
        _session_routes(auth_http, "/api/auth"),
        # The seed writes these without /api too.
        _session_routes(auth_http, "/auth", in_schema=False),
        key_routes(auth_http, read_site),
        link_routes(auth_http, read_site, check_filters),
    ]


def _session_routes(auth_http: AuthHttp, prefix: str, *, in_schema: bool = True) -> APIRouter:
    router = APIRouter(
        prefix=prefix,
        tags=["auth"],
        route_class=OwnPoolRoute,
        responses=AUTH_ERRORS,
        include_in_schema=in_schema,
    )
    auth = auth_http.auth

    @router.post("/setup")
    def set_up(given: SetupGiven, request: Request, response: Response) -> Token:
        """Set the first password, once, and log in. From elsewhere than the server's machine it takes its token."""
        auth_http.own_page(request)
        response.headers.update(HEADERS)
        _refuse_open(auth_http)
        if auth.passwords.mark():
            raise HTTPException(409, "A password is set already; log in with it.")
        auth_http.first_visitor(request, given.token)
        if not _taken(lambda: auth.passwords.set_first(given.password, auth_http.auth.now())):
            raise HTTPException(409, "A password was set at the same moment; log in with it.")
        return Token(token=auth_http.begin_session(request, response))

    @router.post("/login")
    def log_in(given: LoginGiven, request: Request, response: Response) -> Token:
        """Begin a session. Too many wrong passwords from one address are answered 429 for a while."""
        auth_http.own_page(request)
        response.headers.update(HEADERS)
        _refuse_open(auth_http)
        if not auth.passwords.mark():
            raise refusal(UNSET)
        _check(auth_http, given.password, request, wrong=401)
        return Token(token=auth_http.begin_session(request, response))

    @router.post("/logout")
    def log_out(request: Request, response: Response) -> LoggedOut:
        """End every session of the password, on every instance within five seconds."""
        response.headers.update(HEADERS)
        if auth_http.has_session(request):
            auth.sessions.end_all()
        auth_http.end_cookie(request, response)
        return LoggedOut()

    @router.get("/status")
    def status(request: Request, response: Response) -> Status:
        """State of the setup and of the request's login."""
        response.headers.update(HEADERS)
        identity = auth.authenticator.identify(headers_of(request), request.method, auth_http.auth.now())
        return Status(
            setup_required=not auth.authenticator.is_open and not auth.passwords.mark(),
            authenticated=isinstance(identity, Identity) and identity.is_known,
            open=auth.authenticator.is_open,
        )

    @router.post("/password", dependencies=MANAGES)
    def change_password(given: PasswordGiven, request: Request, response: Response) -> Token:
        """Change the password. Every session ends, and the request gets a new one."""
        auth_http.manager(request)
        response.headers.update(HEADERS)
        if auth.passwords.is_configured:
            raise HTTPException(409, CONFIGURED)
        _check(auth_http, given.current, request, wrong=403)
        if not _taken(lambda: auth.passwords.change(given.current, given.new, auth_http.auth.now())):
            raise HTTPException(409, "The password was changed at the same moment; log in with that one.")
        return Token(token=auth_http.begin_session(request, response))

    return router


def _refuse_open(auth_http: AuthHttp) -> None:
    if auth_http.auth.authenticator.is_open:
        raise HTTPException(409, "MALLARD_AUTH=off lets everyone in; there is nothing to log in to.")


def _check(auth_http: AuthHttp, password: str, request: Request, *, wrong: int) -> None:
    """HTTPException unless it is the password."""
    outcome = auth_http.auth.try_password(password, auth_http.address_of(request), auth_http.auth.now())
    if outcome is True:
        return
    raise HTTPException(wrong, WRONG, dict(HEADERS)) if outcome is False else must_wait(outcome)


def _taken(take: Callable[[], bool]) -> bool:
    try:
        return take()
    except PasswordError as error:
        raise HTTPException(400, str(error)) from None
