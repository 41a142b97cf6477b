"""Any S3 API as object store: single whole PUTs, conditional, with the SDK's own retries off.

A PUT that landed and is retried by the SDK would answer 412, as if somebody else had written; so nothing here
retries, and whoever writes finds out by reading.
"""

import tempfile
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mallard.errors import ConflictError, StoreUnavailableError
from mallard.store.base import Listed, Stored

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30

_REFUSED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_ABSENT = {"NoSuchKey", "404"}


class S3Store:
    """Objects of one bucket below an optional prefix."""

    def __init__(self, session: boto3.Session, client: "S3Client", bucket: str, prefix: str = "") -> None:
        """``prefix`` is put before every key, with one slash between; the session knows the credentials."""
        self._session = session
        self._client = client
        self.bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @property
    def scratch(self) -> Path:
        """The system's folder for temporary files."""
        return Path(tempfile.gettempdir())

    def get(self, key: str) -> Stored | None:
        """The whole object by one GET."""
        try:
            answer = self._client.get_object(Bucket=self.bucket, Key=self._prefix + key)
            return Stored(answer["Body"].read(), answer["ETag"].strip('"'))
        except ClientError as error:
            if _code(error) in _ABSENT:
                return None
            raise self._unavailable(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

    def put_if_absent(self, key: str, data: bytes) -> str:
        """PUT with ``If-None-Match: *``."""
        return self._put(key, data, {"IfNoneMatch": "*"})

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        """PUT with ``If-Match``, the ETag unquoted: every server tried takes it so, not all quoted."""
        return self._put(key, data, {"IfMatch": etag})

    def delete(self, key: str) -> None:
        """DELETE."""
        try:
            self._client.delete_object(Bucket=self.bucket, Key=self._prefix + key)
        except (ClientError, BotoCoreError) as error:
            raise self._unavailable(error) from error

    def list(self, prefix: str) -> Iterator[Listed]:
        """ListObjectsV2, page by page."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self._prefix + prefix)
        try:
            for page in pages:
                for each in page.get("Contents", []):
                    key = each["Key"].removeprefix(self._prefix)
                    yield Listed(key, each["ETag"].strip('"'), each["Size"])
        except (ClientError, BotoCoreError) as error:
            raise self._unavailable(error) from error

    def pin(self, key: str, folder: Path) -> Path | None:
        """One whole GET."""
        found = self.get(key)
        if found is None:
            return None
        pinned = folder / key
        pinned.parent.mkdir(parents=True, exist_ok=True)
        pinned.write_bytes(found.data)
        return pinned

    def location(self, key: str) -> str:
        """The object's ``s3://`` address."""
        return f"s3://{self.bucket}/{self._prefix}{key}"

    def reader_setup(self) -> Sequence[str]:
        """httpfs from its wheel (no download) and a secret with the client's endpoint and present credentials."""
        extension = find_spec("duckdb_extension_httpfs")
        folder = Path(next(iter((extension and extension.submodule_search_locations) or [""])))
        found = sorted(folder.glob("extensions/*/httpfs.duckdb_extension"))
        credentials = self._session.get_credentials()
        if not found or credentials is None:
            raise StoreUnavailableError("httpfs and AWS credentials are needed to read the bucket, and one is missing.")
        keys, endpoint = credentials.get_frozen_credentials(), urlsplit(self._client.meta.endpoint_url)
        options: dict[str, str | bool] = {
            "KEY_ID": keys.access_key or "",
            "SECRET": keys.secret_key or "",
            "SESSION_TOKEN": keys.token or "",
            "REGION": self._client.meta.region_name or "us-east-1",
            "ENDPOINT": endpoint.netloc,
            "URL_STYLE": "path",
            "USE_SSL": endpoint.scheme == "https",
        }
        given = ", ".join(f"{name} {_quoted(value)}" for name, value in options.items())
        return (
            f"LOAD {_quoted(str(found[-1]))}",
            f"CREATE OR REPLACE SECRET store (TYPE s3, PROVIDER config, {given})",
        )

    def _put(self, key: str, data: bytes, condition: Any) -> str:
        try:
            answer = self._client.put_object(Bucket=self.bucket, Key=self._prefix + key, Body=data, **condition)
            return answer["ETag"].strip('"')
        except ClientError as error:
            # If-Match on an absent key answers 404: the version that was read is gone.
            if _code(error) in _REFUSED | _ABSENT:
                raise ConflictError(f"{key} is not in the state that was read.") from error
            raise self._unavailable(error) from error
        except BotoCoreError as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Exception) -> StoreUnavailableError:
        code = _code(error) if isinstance(error, ClientError) else type(error).__name__
        return StoreUnavailableError(f"The bucket {self.bucket} did not answer as expected: {code}.")


def _quoted(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else "'" + value.replace("'", "''") + "'"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def connect(location: str, *, endpoint: str = "", region: str = "") -> S3Store:
    """The store of ``s3://bucket/prefix``, with credentials found as boto3 finds them."""
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    session = boto3.Session(region_name=region or None)
    client = session.client("s3", endpoint_url=endpoint or None, config=client_config())
    return S3Store(session, client, bucket, prefix)


def client_config() -> Config:
    """One try per call, short patience, path-style addresses (every S3-compatible server takes them)."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"total_max_attempts": 1},
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
