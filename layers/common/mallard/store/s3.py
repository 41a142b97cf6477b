"""Object store on any S3 API: single conditional PUTs, without the SDK's retries.

A successful PUT that the SDK retries would answer 412, as if another process had written; so there are no
retries, and callers read the object after an unclear response.
"""

import ssl
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from urllib3.exceptions import HTTPError

from mallard.errors import ConfigError, ConflictError, StoreUnavailableError, StoreUnsupportedError
from mallard.store import httpfs
from mallard.store.base import Listed, Stored
from mallard.store.scratch import ScratchFolder
from mallard.store.signed_puts import SignedPut
from mallard.store.signing import capture_signed, trusted_context

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECT_TIMEOUT_SECONDS = 5
READ_TIMEOUT_SECONDS = 30

_REFUSED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_ABSENT = {"NoSuchKey", "404"}
_UNSUPPORTED = {"NotImplemented", "MethodNotAllowed", "501", "405"}

_FOREIGN = (
    ClientError,
    BotoCoreError,
    # Errors that the SDK lets through: an incomplete body, invalid XML, or (ValueError) an invalid number or date.
    ResponseParserError,
    HTTPError,
    HTTPException,
    ValueError,
)
"""Translated around calls of the SDK alone, so that a fault of our own shows as itself."""

_UNQUOTED, _QUOTED = "{}", '"{}"'
_NEW = {"IfNoneMatch": "*"}


class HasCredentials(Protocol):
    """A session of boto3 or botocore."""

    def get_credentials(self) -> Any:
        """The credentials of this moment; None without any."""
        ...


class S3Store:
    """Objects of one bucket below an optional prefix."""

    _absent = _ABSENT
    """Codes of an answer to GET that say that there is nothing."""

    def __init__(
        self, session: HasCredentials, client: "S3Client", bucket: str, prefix: str = "", *, ca_bundle: str = ""
    ) -> None:
        """``prefix`` is put before every key, with one slash between; the session knows the credentials.

        ``ca_bundle`` is the PEM file of authorities that readers trust, empty for the system's.
        """
        self._session = session
        self._client = client
        self.bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._ca_bundle = ca_bundle
        self._scratch = ScratchFolder(Path(tempfile.gettempdir()))
        self._etag_form = _UNQUOTED
        self._etag_form_is_known = False

    @property
    def scratch(self) -> Path:
        """A folder of this process below the system's temporary folder."""
        try:
            return self._scratch.path()
        except OSError as error:
            raise StoreUnavailableError(f"No folder for temporary files: {error.strerror}.") from error

    def get(self, key: str) -> Stored | None:
        """The whole object by one GET."""
        place = self._object(key)
        with self._translate_errors():
            try:
                answer = self._client.get_object(**place)
                data = answer["Body"].read()
            except ClientError as error:
                if _code(error) in self._absent:
                    return None
                raise
        return Stored(data, self._etag_in(answer))

    def etag_of(self, key: str) -> str | None:
        """The object's ETag by HEAD, None where there is none."""
        place = self._object(key)
        with self._translate_errors():
            try:
                answer = self._client.head_object(**place)
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise
        return self._etag_in(answer)

    def put(self, key: str, data: bytes, condition: Mapping[str, str] | None = None) -> str:
        """One whole PUT with an S3 condition, or without; returns the new ETag."""
        request = {**self._object(key), "Body": data, **(condition or {})}
        with self._translate_errors():
            try:
                answer = self._client.put_object(**request)
            except ClientError as error:
                # If-Match on an absent key answers 404: the version that was read is gone.
                if _code(error) in _REFUSED | _ABSENT:
                    raise ConflictError(f"{key} is not in the state that was read.") from error
                raise
        return self._etag_in(answer)

    def put_if_absent(self, key: str, data: bytes) -> str:
        """PUT with ``If-None-Match: *``."""
        return self.put(key, data, _NEW)

    def put_if_match(self, key: str, data: bytes, etag: str) -> str:
        """PUT with ``If-Match`` and the ETag in the form of this server, which is detected once and cached.

        Some servers compare the header with the bare ETag, some with the quoted one, most take both. If a write is
        rejected although the ETag is current, the form was wrong, and the other one is tried. That is safe: the
        first attempt surely wrote nothing, and no two writes have the same bytes.
        """
        form = self._etag_form
        try:
            return self._put_in_form(form, key, data, etag)
        except ConflictError:
            if self._etag_form_is_known or not self._is_still(key, etag):
                raise
        return self._put_in_form(_QUOTED if form == _UNQUOTED else _UNQUOTED, key, data, etag)

    def signed_put(self, key: str, data: bytes, etag: str | None) -> SignedPut | None:
        """The request that ``put_if_match``, or ``put_if_absent`` without an ETag, would send, signed by the SDK.

        None where it would go through a proxy, which only the SDK supports.
        """
        condition = _NEW if etag is None else {"IfMatch": self._etag_form.format(etag)}
        return capture_signed(self._client, lambda: self.put(key, data, condition), data)

    def tls(self) -> ssl.SSLContext:
        """The authorities that the client trusts."""
        return trusted_context(self._ca_bundle)

    def delete(self, key: str) -> None:
        """DELETE."""
        place = self._object(key)
        with self._translate_errors():
            self._client.delete_object(**place)

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        """ListObjectsV2, page by page."""
        after = {"StartAfter": self._prefix + start_after} if start_after else {}
        for page in self._pages("list_objects_v2", Prefix=self._prefix + prefix, **after):
            for row in page.get("Contents", []):
                key = self._field(row, "Key").removeprefix(self._prefix)
                # Some servers ignore StartAfter.
                if key > start_after:
                    modified = self._field(row, "LastModified").timestamp()
                    yield Listed(key, self._etag_in(row), self._field(row, "Size"), modified)

    def list_folders(self, prefix: str) -> Iterator[str]:
        """The common prefixes of ListObjectsV2 with a delimiter: 1000 folders a page, whatever they hold."""
        for page in self._pages("list_objects_v2", Prefix=self._prefix + prefix, Delimiter="/"):
            for row in page.get("CommonPrefixes", []):
                yield self._field(row, "Prefix").removeprefix(self._prefix)

    def keeps_versions(self) -> bool:
        """True where versioning is on, or was on and old versions remain."""
        try:
            with self._translate_errors():
                return bool(self._client.get_bucket_versioning(Bucket=self.bucket).get("Status"))
        except StoreUnsupportedError:
            # A server that does not know versioning keeps no versions.
            return False

    def delete_old_versions(self, prefix: str) -> int:
        """Every version below a prefix that is not the latest, then every marker of a deletion seen with them, by id.

        In this order: to delete a marker first would bring back the version below it.
        """
        try:
            # The full listing first: deletions would change later pages.
            old = [(self._field(row, "Key"), self._field(row, "VersionId")) for row in self._old_versions(prefix)]
            for key, version in old:
                with self._translate_errors():
                    self._client.delete_object(Bucket=self.bucket, Key=key, VersionId=version)
            return len(old)
        except StoreUnsupportedError:
            return 0

    def server_time(self) -> datetime | None:
        """The ``Date`` of an answer."""
        with self._translate_errors():
            answer = self._client.list_objects_v2(Bucket=self.bucket, MaxKeys=1)
        date = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
        try:
            return parsedate_to_datetime(date) if date else None
        except ValueError as error:
            raise self._unexpected("a Date that is none") from error

    def pin(self, key: str, folder: Path) -> Path | None:
        """One whole GET."""
        stored = self.get(key)
        if stored is None:
            return None
        pinned = folder / key
        try:
            pinned.parent.mkdir(parents=True, exist_ok=True)
            pinned.write_bytes(stored.data)
        except OSError as error:
            raise StoreUnavailableError(f"The folder {folder} cannot be used: {error.strerror}.") from error
        return pinned

    def presigned(self, key: str, seconds: int, disposition: str, media_type: str) -> str:
        """The address of a GET, signed by the client's credentials: it ends with them, if they end earlier."""
        answer = {"ResponseContentDisposition": disposition, "ResponseContentType": media_type}
        parameters = {**self._object(key), **answer}
        with self._translate_errors():
            return self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)

    @property
    def pins_are_cheap(self) -> bool:
        """False: a pin is a download; and DuckDB detects a swap over httpfs and raises an error."""
        return False

    @property
    def address(self) -> str:
        """The server and the place on it."""
        return f"{self._client.meta.endpoint_url} {self.location('')}"

    def location(self, key: str) -> str:
        """The object's ``s3://`` address."""
        return f"s3://{self.bucket}/{self._prefix}{key}"

    def reader_setup(self) -> Sequence[str]:
        """httpfs, and a secret with the client's endpoint and the credentials of this moment."""
        with self._translate_errors():
            credentials = self._session.get_credentials()
            keys = credentials.get_frozen_credentials() if credentials else None
        if keys is None:
            raise StoreUnavailableError("AWS credentials are needed to read the bucket, and there are none.")
        return httpfs.setup(
            endpoint=self._client.meta.endpoint_url,
            region=self._client.meta.region_name or "us-east-1",
            key_id=keys.access_key or "",
            secret=keys.secret_key or "",
            session_token=keys.token or "",
            ca_bundle=self._ca_bundle,
        )

    def _object(self, key: str) -> Any:
        return {"Bucket": self.bucket, "Key": self._prefix + key}

    def _put_in_form(self, form: str, key: str, data: bytes, etag: str) -> str:
        written = self.put(key, data, {"IfMatch": form.format(etag)})
        self._etag_form, self._etag_form_is_known = form, True
        return written

    def _is_still(self, key: str, etag: str) -> bool:
        """True where the object has this ETag; False where that is unknown, so that a rejection stays one."""
        try:
            return self.etag_of(key) == etag
        except StoreUnavailableError:
            return False

    def _old_versions(self, prefix: str) -> Iterator[Any]:
        """Versions that are not the latest, followed by the delete markers."""
        markers = []
        for page in self._pages("list_object_versions", Prefix=self._prefix + prefix):
            yield from (row for row in page.get("Versions", []) if not self._field(row, "IsLatest"))
            markers += page.get("DeleteMarkers", [])
        yield from markers

    def _pages(self, operation: Any, **parameters: str) -> Iterator[Any]:
        pages = iter(self._client.get_paginator(operation).paginate(Bucket=self.bucket, **parameters))
        while True:
            with self._translate_errors():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def _etag_in(self, answer: Mapping[str, Any]) -> str:
        return str(self._field(answer, "ETag")).strip('"')

    def _field(self, answer: Mapping[str, Any], name: str) -> Any:
        try:
            return answer[name]
        except KeyError as error:
            raise self._unexpected(f"no {name}") from error

    def _unexpected(self, reason: str) -> StoreUnavailableError:
        return StoreUnavailableError(f"The bucket {self.bucket} did not answer as expected: {reason}.")

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Translation of the SDK's errors, around one call."""
        try:
            yield
        except _FOREIGN as error:
            code = _code(error) if isinstance(error, ClientError) else type(error).__name__
            if code in _UNSUPPORTED:
                raise StoreUnsupportedError(str(self._unexpected(code))) from error
            raise self._unexpected(code) from error


class UnlistedS3Store(S3Store):
    """A bucket without permission to list: S3 then answers a GET of an absent object with AccessDenied.

    An object without permission to read looks the same; a forbidden write still raises an error.
    """

    _absent = _ABSENT | {"AccessDenied"}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def connect(location: str, *, endpoint: str = "", region: str = "", kind: type[S3Store] = S3Store) -> S3Store:
    """The store of ``s3://bucket/prefix``, with the SDK's credentials and certificate authorities.

    Raises ConfigError where the address, the region or the AWS configuration makes no client.
    """
    bucket, _, prefix = location.removeprefix("s3://").partition("/")
    try:
        core = botocore.session.get_session()
        # Without boto3, whose resources and transfers cost a cold start some hundredths of a second.
        client: Any = core.create_client(
            "s3", region_name=region or None, endpoint_url=endpoint or None, config=client_config()
        )
        return kind(core, client, bucket, prefix, ca_bundle=core.get_config_variable("ca_bundle") or "")
    except (BotoCoreError, ValueError, OSError) as error:
        raise ConfigError(f"No S3 client for MALLARD_STORE and MALLARD_S3_ENDPOINT: {error}.") from error


def client_config() -> Config:
    """One attempt per call, short timeouts, path-style addresses (supported by every S3-compatible server)."""
    return Config(
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        retries={"total_max_attempts": 1},
        # The SDK's default in some regions is rejected by buckets with their own encryption keys.
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
