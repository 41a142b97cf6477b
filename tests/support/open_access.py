"""The API with authentication that permits everything, for tests of other rooms."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from starlette.requests import Request

from mallard.api.app import create_app
from mallard.api.application import Application
from mallard.auth.service import AuthService
from mallard.auth.setup import Setup
from mallard.bootstrap.access import open_auth
from mallard.config import Settings
from support.memory import MemoryStore

ADDRESS = "192.0.2.7"


def auth_off() -> AuthService:
    return open_auth(Settings(auth="off"), MemoryStore(), secret=b"s" * 32, setup=Setup(True, ""))


def one_address(request: Request) -> str:
    """Everybody's."""
    return ADDRESS


def api_of(
    engine: Callable[[], Any], now: datetime, sites: Sequence[str] = (), auth: AuthService | None = None, **more: Any
) -> Application:
    """The API over an engine at a moment, which erases nothing; by default everything is permitted."""
    return create_app(
        engine=engine,
        sites=lambda: list(sites),
        clock=lambda: now,
        erase=lambda *_: None,  # type: ignore[arg-type]
        auth=auth or auth_off(),
        address_of=one_address,
        **more,
    )
