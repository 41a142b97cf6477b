"""Races of conditional writes, by signed requests or by threads."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from threading import Barrier
from types import TracebackType
from typing import Self

from mallard.errors import ConflictError, StoreUnavailableError, StoreUnsupportedError
from mallard.store.base import Store
from mallard.store.signed_puts import SignedPut, Signs, Wires

CONTENDERS = 2
BODY_BYTES = 8

_UNSUPPORTED = {HTTPStatus.NOT_IMPLEMENTED, HTTPStatus.METHOD_NOT_ALLOWED}


class Track:
    """Races of CONTENDERS on one store; a context manager that ends their threads and connections."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(CONTENDERS)
        self._wires = Wires(store.tls) if isinstance(store, Signs) else None

    def __enter__(self) -> Self:
        """Open no connection yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End threads and connections."""
        self._pool.shutdown()
        if self._wires:
            self._wires.close()

    def race(self, key: str, etag: str | None) -> list[bytes]:
        """Let the contenders replace version ``etag``, or create the object, at once; returns the winners' bytes.

        Raises StoreUnsupportedError; StoreUnavailableError where connections broke.
        """
        bodies = [secrets.token_bytes(BODY_BYTES) for _ in range(CONTENDERS)]
        if isinstance(self._store, Signs) and self._wires:
            requests = [self._store.signed_put(key, body, etag) for body in bodies]
            signed = [each for each in requests if each is not None]
            if len(signed) == CONTENDERS:
                return _over(self._wires, signed)
        return self._of_threads(key, etag, bodies)

    def _of_threads(self, key: str, etag: str | None, bodies: list[bytes]) -> list[bytes]:
        write = (
            partial(self._store.put_if_match, key, etag=etag)
            if etag is not None
            else partial(self._store.put_if_absent, key)
        )
        barrier = Barrier(CONTENDERS)

        def contend(body: bytes) -> bytes | None:
            barrier.wait()
            return body if _won(partial(write, body)) else None

        return [body for body in self._pool.map(contend, bodies) if body is not None]


def _won(write: Callable[[], str]) -> bool:
    try:
        write()
    except StoreUnsupportedError:
        raise
    except (ConflictError, StoreUnavailableError):
        # Ceph answers some losers 500: unclear, so a writer reads again, as after a rejection.
        return False
    return True


def _over(wires: Wires, requests: list[SignedPut]) -> list[bytes]:
    statuses = wires.race(requests)
    if _UNSUPPORTED.intersection(statuses):
        raise StoreUnsupportedError("The bucket did not answer as expected: it does not know the condition.")
    # Any other response is a rejection, or as unclear as above.
    return [request.body for request, status in zip(requests, statuses, strict=True) if 200 <= status < 300]
