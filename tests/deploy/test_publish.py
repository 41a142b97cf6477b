"""What is uploaded behind CloudFront: the dashboard as its server gives it out, and every script, and nothing twice."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from mallard.api.static_files import Scripts, find_static
from support.functions import ROOT, load
from support.moto import moto_server

BUCKET = "site"


@pytest.fixture(scope="module")
def publisher() -> Any:
    return load(ROOT / "deploy" / "publish.py")


@pytest.fixture
def client() -> Iterator[Any]:
    with moto_server() as address:
        found = boto3.client("s3", endpoint_url=address)
        found.create_bucket(Bucket=BUCKET)
        yield found
        for each in found.list_objects_v2(Bucket=BUCKET).get("Contents", []):
            found.delete_object(Bucket=BUCKET, Key=each["Key"])
        found.delete_bucket(Bucket=BUCKET)


def test_publisher_uploads_the_whole_dashboard_and_no_other_files(publisher: Any, tmp_path: Path) -> None:
    dashboard, _ = find_static()
    pages = {page.key: page for page in publisher.pages_of(dashboard)}
    assert {"index.html", "share.html", "docs", "app.js", "vendor/preact.js", "robots.txt"} <= pages.keys()
    assert [key for key in pages if key.endswith((".mjs", ".md")) or "/." in f"/{key}"] == []
    assert pages["index.html"].cache_control == "no-cache"
    assert pages["docs"].media_type == "text/html; charset=utf-8"
    assert pages["app.js"].media_type == "text/javascript; charset=utf-8"
    assert pages["mallard.svg"].media_type == "image/svg+xml"


def test_publisher_uploads_every_script_combination(publisher: Any) -> None:
    _, tracker = find_static()
    pages = {page.key: page for page in publisher.scripts_of(tracker)}
    scripts = Scripts(tracker)
    assert {"tracking/script.js", "tracking/mallard.mjs", "tracking/script.hash.outbound.js"} <= pages.keys()
    assert pages["tracking/script.hash.outbound.js"].body.decode() == scripts.text("script.outbound.hash.js")
    every = [name for name in pages if name.count(".") > 10]
    assert every, "the script of nearly all parts"
    assert pages["tracking/script.js"].cache_control == "public, max-age=3600"


def test_sync_uploads_changed_files_and_removes_deleted_ones(publisher: Any, client: Any) -> None:
    def page(key: str, body: bytes) -> Any:
        return publisher.Page(key, body, "text/javascript; charset=utf-8", "no-cache")

    assert publisher.sync(client, BUCKET, [page("a.js", b"1"), page("b.js", b"1")]) == (2, 0)
    assert publisher.sync(client, BUCKET, [page("a.js", b"1"), page("b.js", b"1")]) == (0, 0)
    assert publisher.sync(client, BUCKET, [page("a.js", b"2")]) == (1, 1)
    found = client.get_object(Bucket=BUCKET, Key="a.js")
    assert (found["Body"].read(), found["ContentType"]) == (b"2", "text/javascript; charset=utf-8")
    assert found["CacheControl"] == "no-cache"
    assert [each["Key"] for each in client.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["a.js"]


def test_publisher_uploads_pages_after_their_scripts(publisher: Any) -> None:
    put: list[str] = []

    class Recording:
        def get_paginator(self, _: str) -> Any:
            return self

        def paginate(self, **_: Any) -> list[dict[str, Any]]:
            return [{}]

        def put_object(self, Key: str, **_: Any) -> None:  # noqa: N803  # boto3's
            put.append(Key)

    html = publisher.Page("index.html", b"", "text/html; charset=utf-8", "no-cache")
    script = publisher.Page("app.js", b"", "text/javascript; charset=utf-8", "no-cache")
    publisher.sync(Recording(), BUCKET, [html, script])
    assert put == ["app.js", "index.html"]
