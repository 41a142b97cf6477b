"""Who may read ``/metrics``, where MALLARD_METRICS_TOKEN says that not everyone may."""

import hmac
from collections.abc import Callable

from fastapi import Request
from starlette.exceptions import HTTPException

SENTENCE = "The metrics need their token, as Authorization: Bearer; MALLARD_METRICS_TOKEN has it."


def metrics_token(token: str) -> Callable[[Request], None]:
    """A dependency before the route: HTTPException where the request has not the token. Empty: everyone may."""

    def check(request: Request) -> None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(given.strip().encode("utf-8", "replace"), token.encode())
        if token and not (is_right and scheme.lower() == "bearer"):
            raise HTTPException(401, SENTENCE, {"www-authenticate": "Bearer"})

    return check
