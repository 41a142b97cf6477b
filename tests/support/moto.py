"""A server of the AWS APIs in this process."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from moto.s3.models import FakeKey
from moto.server import ThreadedMotoServer

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
"""For the environment: the server checks none of them, the client wants some."""


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of a server on a free port, with credentials for it in the environment."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    # It closes an object's bytes when another takes its place, also for whoever is reading them: a GET is 500 then.
    kept_open = patch.object(FakeKey, "dispose", lambda key, garbage=False: None)
    with patch.dict(os.environ, CREDENTIALS), kept_open:
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()
