"""Gates for tests of what stands behind them."""

from starlette.requests import Request

from mallard.auth.service import Gate
from mallard.auth.setup import FirstVisit
from mallard.config import Settings
from support.memory import MemoryStore

ADDRESS = "192.0.2.7"


def open_gate() -> Gate:
    """Everyone is let in."""
    return Gate(Settings(auth="off"), MemoryStore(), b"s" * 32, FirstVisit(True, ""))


def one_address(request: Request) -> str:
    """Everybody's."""
    return ADDRESS
