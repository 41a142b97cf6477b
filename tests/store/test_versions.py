"""A bucket with versioning: what was deleted can be read until its versions are deleted too."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mallard.store.s3 import S3Store
from support.moto import moto_server
from support.s3 import Server

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Versioned:
    """A store over a versioned bucket, and a look below it."""

    store: S3Store
    client: "S3Client"

    def versions(self) -> list[str]:
        answer = self.client.list_object_versions(Bucket=self.store.bucket)
        return sorted([row["Key"] for row in answer.get("Versions", [])])

    def markers(self) -> list[str]:
        answer = self.client.list_object_versions(Bucket=self.store.bucket)
        return sorted([row["Key"] for row in answer.get("DeleteMarkers", [])])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with moto_server() as address:
        yield Server(address)


@pytest.fixture
def bucket(server: Server) -> Versioned:
    store = server.new_store("prefix")
    server.client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    return Versioned(store, server.client)


def test_keeps_versions_is_true_even_when_versioning_is_suspended(bucket: Versioned) -> None:
    assert bucket.store.keeps_versions()
    bucket.client.put_bucket_versioning(Bucket=bucket.store.bucket, VersioningConfiguration={"Status": "Suspended"})
    assert bucket.store.keeps_versions()


def test_deleted_object_is_gone_after_deleting_its_versions(bucket: Versioned) -> None:
    etag = bucket.store.put_if_absent("salts/a", b"1")
    bucket.store.put_if_match("salts/a", b"2", etag)
    bucket.store.delete("salts/a")
    assert bucket.versions() == ["prefix/salts/a"] * 2
    assert bucket.store.delete_old_versions("salts/") == 3
    assert (bucket.versions(), bucket.markers()) == ([], [])
    assert bucket.store.get("salts/a") is None


def test_delete_old_versions_keeps_latest_versions_and_other_prefixes(bucket: Versioned) -> None:
    for key in ("salts/a", "salts-b/a"):
        etag = bucket.store.put_if_absent(key, b"1")
        bucket.store.put_if_match(key, b"2", etag)
    assert bucket.store.delete_old_versions("salts/") == 1
    assert bucket.versions() == ["prefix/salts-b/a"] * 2 + ["prefix/salts/a"]
    stored = bucket.store.get("salts/a")
    assert stored is not None
    assert stored.data == b"2"


def test_delete_marker_is_deleted_only_after_its_versions(bucket: Versioned) -> None:
    bucket.store.put_if_absent("salts/a", b"secret")
    bucket.store.delete("salts/a")
    order = []
    events = bucket.client.meta.events
    events.register("before-call.s3.DeleteObject", lambda params, **_: order.append(params["query_string"]))
    kinds = {
        row["VersionId"]: kind
        for kind, rows in bucket.client.list_object_versions(Bucket=bucket.store.bucket).items()
        if kind in ("Versions", "DeleteMarkers")
        for row in rows  # type: ignore[attr-defined]
    }
    bucket.store.delete_old_versions("salts/")
    assert [kinds[each["versionId"]] for each in order] == ["Versions", "DeleteMarkers"]
