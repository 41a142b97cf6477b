"""Puts dashboard and tracking script into the bucket behind CloudFront: what CloudFormation does not upload.

    python3 deploy/publish.py STACK

Only what is new or other is uploaded, what is no longer there is removed, and CloudFront forgets what it kept.
"""

import argparse
import hashlib
import json
import mimetypes
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from mallard.api.routes.well_known import ROBOTS
from mallard.api.static_files import MODULE_NAME, Scripts, find_static
from mallard.http.header_policy import PAGE, SCRIPT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECTIONS = 16
TYPES = {".js": "text/javascript", ".html": "text/html", ".css": "text/css", ".txt": "text/plain"}
NO_PAGES = (".mjs", ".md")
"""Modules of the build, and documents."""


@dataclass(frozen=True, slots=True)
class Page:
    """One object of the bucket."""

    key: str
    body: bytes
    media_type: str
    cache_control: str

    @property
    def etag(self) -> str:
        """S3's, of an object that was written at once."""
        return f'"{hashlib.md5(self.body, usedforsecurity=False).hexdigest()}"'


def main() -> int:
    """Publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stack", help="name of the stack in CloudFormation")
    try:
        return publish(parser.parse_args().stack)
    except (BotoCoreError, ClientError) as error:
        print(f"Dashboard and script could not be published: {error}", file=sys.stderr)
        return 1


def publish(stack: str) -> int:
    """Upload, remove, invalidate, and say where everything is. Raises BotoCoreError, ClientError."""
    outputs = outputs_of(stack)
    if bucket := outputs.get("SiteBucketName"):
        dashboard, tracker = find_static()
        pages = [*pages_of(dashboard), *scripts_of(tracker)]
        client = boto3.client("s3", config=Config(max_pool_connections=CONNECTIONS))
        uploaded, removed = sync(client, bucket, pages)
        print(f"{uploaded} of {len(pages)} files uploaded, {removed} removed.")
        if uploaded or removed:
            invalidate(outputs["DistributionId"], secrets.token_hex(16))
    for name in ("DashboardUrl", "Snippet", "ApiUrl"):
        if name in outputs:
            print(f"{name}: {outputs[name]}")
    return 0


def outputs_of(stack: str) -> dict[str, str]:
    """The stack's outputs by name."""
    client: Any = boto3.client("cloudformation")
    (found,) = client.describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def pages_of(dashboard: Path) -> Iterator[Page]:
    """The dashboard's files, what its server would give out: no module of the build, no document, no hidden file."""
    for file in sorted(dashboard.rglob("*")):
        key = file.relative_to(dashboard).as_posix()
        hidden = any(part.startswith(".") for part in key.split("/"))
        if file.is_file() and not hidden and not key.endswith(NO_PAGES):
            # The API's description has a path without an ending.
            name = "docs" if key == "docs.html" else key
            yield Page(name, file.read_bytes(), media_type(file.name), PAGE["cache-control"])
    yield Page("robots.txt", ROBOTS.encode(), TYPES[".txt"], "public, max-age=86400")


def scripts_of(tracker: Path) -> Iterator[Page]:
    """Every script that a name can ask for, its parts sorted: CloudFront's function sorts them in any other name."""
    scripts = Scripts(tracker)
    parts = sorted(part["name"] for part in json.loads((tracker / "parts.json").read_text(encoding="utf-8")))
    chosen = (taken for count in range(len(parts) + 1) for taken in combinations(parts, count))
    for name in (MODULE_NAME, *(".".join(("script", *taken, "js")) for taken in chosen)):
        text = scripts.text(name)
        if text is not None:
            yield Page(f"tracking/{name}", text.encode(), TYPES[".js"], SCRIPT["cache-control"])
    # CloudFront's function turns all of Plausible's names into this one.
    text = scripts.plausible("script.js")
    if text is not None:
        yield Page("js/script.js", text.encode(), TYPES[".js"], SCRIPT["cache-control"])


def media_type(name: str) -> str:
    """The media type; whatever is text is UTF-8."""
    found = TYPES.get(Path(name).suffix) or mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def sync(client: "S3Client", bucket: str, pages: list[Page]) -> tuple[int, int]:
    """Make the bucket hold ``pages`` and nothing else; how many were uploaded and removed.

    A page of the dashboard comes after all that it loads, and what is gone is removed last.
    """
    listed = client.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    there = {each["Key"]: each["ETag"] for answer in listed for each in answer.get("Contents", [])}
    other = [page for page in pages if there.get(page.key) != page.etag]

    def put(page: Page) -> None:
        client.put_object(
            Bucket=bucket,
            Key=page.key,
            Body=page.body,
            ContentType=page.media_type,
            CacheControl=page.cache_control,
        )

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        for are_pages in (False, True):
            list(pool.map(put, [page for page in other if page.media_type.startswith("text/html") is are_pages]))
    gone = sorted(there.keys() - {page.key for page in pages})
    for key in gone:
        client.delete_object(Bucket=bucket, Key=key)
    return len(other), len(gone)


def invalidate(distribution: str, reference: str) -> None:
    """Let CloudFront forget all: one path, of which a thousand a month cost nothing. ``reference`` is a new one."""
    client: Any = boto3.client("cloudfront")
    paths = {"Quantity": 1, "Items": ["/*"]}
    client.create_invalidation(
        DistributionId=distribution, InvalidationBatch={"Paths": paths, "CallerReference": reference}
    )


if __name__ == "__main__":
    sys.exit(main())
