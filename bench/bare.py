"""Baseline of the ingest benchmark: an ASGI application that answers 202, on the server of `mallard serve`.

``python -m bench.bare`` prints the port it listens on; ``python -m bench.bare plain`` is uvicorn with defaults, with
h11 and asyncio.
"""

import socket
import sys
from typing import Any

import uvicorn

BACKLOG = 2048
"""As of `mallard serve`."""


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """202 and nothing else."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        print(listener.getsockname()[1], flush=True)
        if sys.argv[1:] == ["plain"]:
            plain = uvicorn.Config(app, http="h11", loop="asyncio", lifespan="off", access_log=False, log_config=None)
            uvicorn.Server(plain).run(sockets=[listener])
        else:
            # Imported here: the plain one is a peer of the start, too.
            from mallard.cli.serve import make_server
            from mallard.config import Settings

            make_server(app, Settings()).run(sockets=[listener])
