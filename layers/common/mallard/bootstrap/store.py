"""Opens the store by the settings."""

from pathlib import Path

from mallard.config import CommonSettings
from mallard.store.base import Store


def open_store(settings: CommonSettings, *, may_list: bool = True) -> Store:
    """A folder, or a bucket where the location begins with ``s3://``.

    ``may_list`` False: the reader may not list the bucket, which then answers 403 for what is not there.
    """
    location = settings.store_location
    if location.startswith("s3://"):
        # Imported here: a laptop without AWS never pays for boto3.
        from mallard.store.s3 import S3Store, UnlistedS3Store, connect
        from mallard.store.single_writer import SingleWriterS3Store

        kind = SingleWriterS3Store if settings.single_writer else S3Store if may_list else UnlistedS3Store
        return connect(location, endpoint=settings.s3_endpoint, region=settings.s3_region, kind=kind)
    from mallard.store.local import LocalStore

    return LocalStore(Path(location))


def open_to_write(settings: CommonSettings, *, rounds: int | None = None) -> Store:
    """The store of a program that writes to the table, after ``rounds`` races proved conditional writes.

    Raises UnsafeStoreError where it does not, and MALLARD_SINGLE_WRITER does not say that this is known.
    """
    store = open_store(settings)
    if not settings.single_writer:
        # Imported here: the ingest function writes nothing, and starts sooner without.
        from mallard.store.probe import ROUNDS, require_conditional_writes

        require_conditional_writes(store, rounds=ROUNDS if rounds is None else rounds)
    return store
