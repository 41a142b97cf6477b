"""Opens the GeoIP database that the settings name."""

from pathlib import Path

from mallard.config import Settings
from mallard.errors import StoreError
from mallard.ingest.enrich.geoip import Geoip, GeoipSource, LocalGeoipSource

REMOTE_CHECK_SECONDS = 3600
"""A HEAD an hour: such a database is new twice a week."""


class RemoteGeoipSource:
    """An object of a bucket, known by its ETag."""

    def __init__(self, location: str, *, endpoint: str = "", region: str = "") -> None:
        """``location`` is ``s3://bucket/key``. Raises ConfigError where that makes no client."""
        # Imported here: a laptop without AWS never pays for boto3.
        from mallard.store.s3 import connect

        folder, _, self._key = location.rpartition("/")
        self._store = connect(folder, endpoint=endpoint, region=region)

    def version(self) -> str | None:
        """By one HEAD."""
        try:
            return self._store.etag_of(self._key)
        except StoreError as error:
            raise OSError(str(error)) from error

    def copy_to(self, path: Path) -> None:
        """By one GET."""
        try:
            database = self._store.get(self._key)
        except StoreError as error:
            raise OSError(str(error)) from error
        if database is None:
            raise FileNotFoundError(f"{self._key} is gone")
        path.write_bytes(database.data)


def open_geo(settings: Settings, *, in_background: bool = True) -> Geoip:
    """The database, if there is one to be; one that is not there yet is taken as soon as it is."""
    location, precision = settings.geoip_db, _precision(settings)
    if not location:
        return Geoip(precision=precision)
    if not location.startswith("s3://"):
        return Geoip(LocalGeoipSource(Path(location)), precision=precision, in_background=in_background)
    source: GeoipSource = RemoteGeoipSource(location, endpoint=settings.s3_endpoint, region=settings.s3_region)
    return Geoip(source, precision=precision, check_seconds=REMOTE_CHECK_SECONDS, in_background=in_background)


def _precision(settings: Settings) -> str:
    if settings.gdpr_mode and settings.geoip_precision != "none":
        return "country"
    return settings.geoip_precision
