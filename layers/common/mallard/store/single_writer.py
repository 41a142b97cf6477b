"""S3 store for a single writer, for servers that ignore conditions (MALLARD_SINGLE_WRITER).

Reads before and after each write detect another writer in most cases, not in all: two that pause between their read
and their write overwrite each other. So writers must use new names for all data that may not be lost.
"""

from mallard.errors import ConflictError
from mallard.store.s3 import S3Store


class SingleWriterS3Store(S3Store):
    """Objects of one bucket, written without a condition."""

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Look, PUT, read back."""
        if self.etag_of(key) is not None:
            raise ConflictError(f"{key} exists.")
        etag = self.put(key, data)
        if self.etag_of(key) != etag:
            raise ConflictError(f"{key} was written by another at the same time.")
        return etag

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        """Compare, PUT."""
        if self.etag_of(key) != etag:
            raise ConflictError(f"{key} is not the version that was read.")
        return self.put(key, data)
