"""OpenAPI security schemes. Documentation only; ``Authenticator`` enforces.

They stand among the dependencies of a route, and any one of them is enough there.
"""

from collections.abc import Sequence

from fastapi import Security
from fastapi.openapi.models import APIKey, HTTPBearer
from fastapi.openapi.models import SecurityBase as Model
from fastapi.params import Security as Dependency
from fastapi.security.base import SecurityBase

from mallard.auth.login_sessions import COOKIE

ADMIN, READ_ONLY = ["Admin"], ["ReadOnly"]
"""The scope that a key needs, or more: Admin may what ReadOnly may."""


class Scheme(SecurityBase):
    """A dependency that asks nothing; without a name it says that nothing has to be shown."""

    def __init__(self, name: str, model: Model) -> None:
        self.scheme_name = name
        self.model = model

    async def __call__(self) -> None:
        """Let everyone pass."""


def _api_key(place: str, name: str, description: str) -> APIKey:
    return APIKey.model_validate({"in": place, "name": name, "description": description})


BEARER = Scheme(
    "bearer",
    HTTPBearer(description="An API key; the token of a login; or, for the numbers of one site, that of a shared link."),
)
KEY = Scheme("key", _api_key("header", "X-API-Key", "An API key."))
SESSION = Scheme(
    "session",
    _api_key(
        "cookie",
        COOKIE,
        "Set by a login. Requests that change something must come from the dashboard's origin.",
    ),
)
MONITOR = Scheme("monitor", HTTPBearer(description="MALLARD_METRICS_TOKEN, where it is set."))
ANYONE = Scheme("", HTTPBearer())


def _known(scopes: Sequence[str]) -> list[Dependency]:
    return [Security(BEARER, scopes=scopes), Security(KEY, scopes=scopes), Security(SESSION)]


READS = _known(READ_ONLY)
"""For routes that require a credential that reads."""

MANAGES = _known(ADMIN)
"""Before what changes something, or is the owner's."""

READS_OR_PUBLIC = [*READS, Security(ANYONE)]
"""Before numbers: those of a public site are for everyone."""

MANAGES_OR_LESS = [*MANAGES, Security(ANYONE)]
"""For routes with fewer details for anonymous requests."""

MONITORS = [Security(MONITOR), Security(ANYONE)]
"""Before the metrics, which are open where no token is set."""
