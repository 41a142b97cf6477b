"""FastAPI dependency that checks MALLARD_METRICS_TOKEN."""

import hmac
from collections.abc import Callable

from fastapi import Request
from starlette.exceptions import HTTPException

from mallard.http.request_headers import bearer_in, read_headers

SENTENCE = "The metrics need their token, as Authorization: Bearer; MALLARD_METRICS_TOKEN has it."


def metrics_token(token: str) -> Callable[[Request], None]:
    """A dependency before the route: HTTPException where the request has not the token. Empty: everyone may."""

    def check(request: Request) -> None:
        given = bearer_in(read_headers(request.scope["headers"]))
        if token and not hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
            raise HTTPException(401, SENTENCE, {"www-authenticate": "Bearer"})

    return check
