"""Gates for tests of what stands behind them."""

from starlette.requests import Request

from mallard.auth.service import AuthService
from mallard.auth.setup import Setup
from mallard.config import Settings
from support.memory import MemoryStore

ADDRESS = "192.0.2.7"


def open_gate() -> AuthService:
    """Everyone is let in."""
    return AuthService(Settings(auth="off"), MemoryStore(), b"s" * 32, Setup(True, ""))


def one_address(request: Request) -> str:
    """Everybody's."""
    return ADDRESS
