"""Imports and caches of a server, made before the tests' servers fork: none of it starts a thread."""

import contextlib
import gc
import logging
from datetime import UTC, datetime
from typing import Any

from mallard.api.app import create_app
from mallard.bootstrap import maintenance, table
from mallard.cli import serve
from mallard.flush import drain
from mallard.ingest.enrich.client_hints import read_hints
from mallard.ingest.enrich.user_agent import read_agent
from mallard.server import api_side
from support.open_access import auth_off, one_address

__all__ = ["api_side", "drain", "maintenance", "serve", "table"]
"""Of these some are imported by a server only when they are needed."""

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def warm_up() -> None:
    """What each server would do anew: schemas of the API, the patterns of agents, the loop."""
    nothing: Any = None
    # The warning of an open server is noise here.
    logging.disable()
    create_app(
        engine=nothing,
        sites=list,
        clock=lambda: datetime.now(UTC),
        erase=nothing,
        auth=auth_off(),
        address_of=one_address,
    )
    logging.disable(logging.NOTSET)
    read_agent.__wrapped__(FIREFOX, read_hints({}))
    # pyarrow imports it where it is installed, and uvicorn the others by name.
    for name in ("pandas", "uvloop", "uvicorn.loops.uvloop", "uvicorn.protocols.http.httptools_impl", "duckdb"):
        with contextlib.suppress(ImportError):
            __import__(name)
    gc.freeze()


warm_up()
