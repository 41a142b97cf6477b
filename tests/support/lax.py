"""Stores that break one rule each, as servers do."""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

from mallard.errors import ConflictError, StoreUnavailableError, StoreUnsupportedError
from mallard.store.base import Listed, Stored
from support.memory import MemoryStore

PAUSE_SECONDS = 0.002


class IgnoresIfNoneMatch(MemoryStore):
    """Creates what exists."""

    def put_if_absent(self, key: str, data: bytes) -> str:
        self._keep(key, data)
        return etag_of(data)


class IgnoresIfMatch(MemoryStore):
    """Replaces whatever stands there, or nothing."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        self._keep(key, data)
        return etag_of(data)


class IgnoresConditions(IgnoresIfNoneMatch, IgnoresIfMatch):
    """Both."""


class RestoresAbsent(MemoryStore):
    """Checks the version only where there is one."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        if key not in self.objects:
            return self.put_if_absent(key, data)
        return super().put_if_match(key, data, etag)


class ChecksThenCreates(MemoryStore):
    """Looks, and writes later: two at once both find nothing."""

    def put_if_absent(self, key: str, data: bytes) -> str:
        if key in self.objects:
            raise ConflictError(f"{key} exists.")
        time.sleep(PAUSE_SECONDS)
        self._keep(key, data)
        return etag_of(data)


class ChecksThenSwaps(MemoryStore):
    """Compares, and writes later: two at once both find the version they named."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        found = self.get(key)
        if found is None or found.etag != etag:
            raise ConflictError(f"{key} is another.")
        time.sleep(PAUSE_SECONDS)
        self._keep(key, data)
        return etag_of(data)


class FailsLosers(MemoryStore):
    """Answers 500 to who comes too late, as Ceph does, while who writes alone is refused as it should be."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        try:
            return super().put_if_match(key, data, etag)
        except ConflictError as error:
            if threading.current_thread() is threading.main_thread():
                raise
            raise StoreUnavailableError("The bucket did not answer as expected: UnknownError.") from error


class RefusesBothRacers(MemoryStore):
    """Accepts a swap only from who is alone."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        if threading.current_thread() is not threading.main_thread():
            raise ConflictError(f"{key} is written by another.")
        return super().put_if_match(key, data, etag)


class RefusesAndWrites(MemoryStore):
    """Answers 412 and writes all the same."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        try:
            return super().put_if_match(key, data, etag)
        except ConflictError:
            self._keep(key, data)
            raise


class RefusesAllSwaps(MemoryStore):
    """Knows no version that it would replace."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        raise ConflictError(f"{key} is another.")


class ReadsLate(MemoryStore):
    """Shows a new object only after a while."""

    def get(self, key: str) -> Stored | None:
        return None


class ListsLate(MemoryStore):
    """Lists a new object only after a while."""

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        return iter(())


class OneEtagForAll(MemoryStore):
    """Tells versions apart by nothing."""

    def get(self, key: str) -> Stored | None:
        found = super().get(key)
        return Stored(found.data, "same") if found else None

    def put_if_absent(self, key: str, data: bytes) -> str:
        super().put_if_absent(key, data)
        return "same"

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        self._keep(key, data)
        return "same"


class OtherEtagOnRead(MemoryStore):
    """Names another ETag when it is read."""

    def get(self, key: str) -> Stored | None:
        found = super().get(key)
        return Stored(found.data, f"{found.etag}-1") if found else None


class KnowsNoSwaps(MemoryStore):
    """Answers 501 to If-Match."""

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        raise StoreUnsupportedError("The bucket did not answer as expected: NotImplemented.")


class KnowsNoConditions(KnowsNoSwaps):
    """Answers 501 to If-None-Match too."""

    def put_if_absent(self, key: str, data: bytes) -> str:
        raise StoreUnsupportedError("The bucket did not answer as expected: NotImplemented.")


class KeepsVersions(MemoryStore):
    """A versioned bucket."""

    def keeps_versions(self) -> bool:
        return True


class IsDown(MemoryStore):
    """Answers nothing."""

    def get(self, key: str) -> Stored | None:
        raise StoreUnavailableError("The bucket did not answer as expected: EndpointConnectionError.")


def clock_off_by(seconds: float) -> Callable[[], MemoryStore]:
    """A store whose clock differs from 2026-01-02 12:00 by so much."""

    class Clock(MemoryStore):
        def server_time(self) -> datetime | None:
            return NOON + timedelta(seconds=seconds)

    return Clock


NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


def etag_of(data: bytes) -> str:
    """As a memory store names a version."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()
