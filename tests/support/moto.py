"""A server of the AWS APIs in this process."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any
from unittest.mock import patch

from moto.s3.models import FakeKey
from moto.s3.responses import S3Response
from moto.server import ThreadedMotoServer
from moto.sqs.models import SQSBackend

REGION = "us-east-1"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}
"""For the environment: the server checks none of them, the client wants some."""


ON_OBJECTS = ("get_object", "head_object", "put_object", "delete_object", "list_objects", "list_objects_v2")
ON_MESSAGES = ("send_message", "send_message_batch", "delete_message", "delete_message_batch", "get_queue_attributes")
POLL_SECONDS = 0.1


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """It looks first and then acts: of two racing writes it would take both, and give one message to two receivers."""
    lock = threading.RLock()

    def alone(method: Any) -> Any:
        @wraps(method)
        def called(*arguments: Any, **options: Any) -> Any:
            with lock:
                return method(*arguments, **options)

        return called

    receive = alone(SQSBackend.receive_message)

    def receive_patiently(queues: Any, name: str, count: int, wait_seconds: float, *more: Any) -> Any:
        """Whoever waits for a message lets others send it."""
        until = time.monotonic() + wait_seconds
        while not (found := receive(queues, name, count, 0, *more)) and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
        return found

    with ExitStack() as patched:
        for owner, names in ((S3Response, ON_OBJECTS), (SQSBackend, ON_MESSAGES)):
            for name in names:
                patched.enter_context(patch.object(owner, name, alone(getattr(owner, name))))
        patched.enter_context(patch.object(SQSBackend, "receive_message", receive_patiently))
        yield


@contextmanager
def moto_server() -> Iterator[str]:
    """The address of a server on a free port, with credentials for it in the environment."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    # It closes an object's bytes when another takes its place, also for whoever is reading them: a GET is 500 then.
    kept_open = patch.object(FakeKey, "dispose", lambda key, garbage=False: None)
    with patch.dict(os.environ, CREDENTIALS), kept_open, one_at_a_time():
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()
