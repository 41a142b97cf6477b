"""Routes that run in the thread pool of logins, status and health."""

from collections.abc import Callable
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any

from fastapi.routing import APIRoute

from mallard.api.own_pool import in_own_pool


class OwnPoolRoute(APIRoute):
    """A route of logins, status or health."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        """As of APIRoute."""
        super().__init__(path, endpoint if iscoroutinefunction(endpoint) else _in_own_pool(endpoint), **given)


def _in_own_pool(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def run(**given: Any) -> Any:
        return await in_own_pool(partial(endpoint, **given))

    return run
