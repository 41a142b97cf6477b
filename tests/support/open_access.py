"""Authentication that permits everything, for tests of other rooms."""

from starlette.requests import Request

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
