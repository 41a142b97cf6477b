"""Opens the store that the settings name."""

from pathlib import Path

from mallard.config import Settings
from mallard.store.base import Store


def open_store(settings: Settings) -> Store:
    """A folder, or a bucket where the location begins with ``s3://``."""
    location = settings.store_location
    if location.startswith("s3://"):
        # Imported here: a laptop without AWS never pays for boto3.
        from mallard.store.s3 import connect

        return connect(location, endpoint=settings.s3_endpoint, region=settings.s3_region)
    from mallard.store.local import LocalStore

    return LocalStore(Path(location))
