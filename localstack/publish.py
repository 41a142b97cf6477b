"""Uploads dashboard and tracking script to a website bucket in LocalStack and prints addresses.

    .venv/bin/python localstack/publish.py mallard --bucket mallard-site --origin http://mallard-site...

does what deploy/publish.py does on AWS, but with few scripts, and with pages that name the API: it is on another host.
"""

import argparse
import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ON_AWS = Path(__file__).parents[1] / "deploy" / "publish.py"
API = '<meta name="mallard-api" content="{}" />'
PAGES = ("index.html", "share.html")
MOST_DOTS = 2
"""In a script's name: of thousands of choices of parts, those of one part at most. LocalStack keeps all in memory."""

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
"""For curl, whose own name is taken for a bot's."""


def main() -> int:
    """Publish."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stack", help="name of the stack in CloudFormation")
    parser.add_argument("--bucket", required=True, help="bucket for dashboard and script")
    parser.add_argument("--origin", required=True, help="origin of that bucket's website")
    given = parser.parse_args()
    try:
        publish(given.stack, given.bucket, given.origin)
    except (BotoCoreError, ClientError, OSError, ValueError) as error:
        print(f"Dashboard and script could not be published: {error}", file=sys.stderr)
        return 1
    return 0


def publish(stack: str, bucket: str, origin: str) -> None:
    """Upload, and print. Raises BotoCoreError, ClientError, OSError, ValueError."""
    on_aws, client = _on_aws(), boto3.client("s3")
    outputs = on_aws.outputs_of(stack)
    client.create_bucket(Bucket=bucket)
    client.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    pages = list(pages_of(on_aws, outputs["QueryUrl"].rstrip("/")))
    uploaded, removed = on_aws.sync(client, bucket, pages)
    print(f"{uploaded} of {len(pages)} files uploaded, {removed} removed.")
    for line in places(first_site(stack), origin, f"{outputs['ApiUrl']}api/event"):
        print(line)


def pages_of(on_aws: ModuleType, api: str) -> Iterator[Any]:
    """Files to upload. Raises ValueError for a page without a place for the API's address."""
    dashboard, tracker = on_aws.find_static()
    for page in on_aws.pages_of(dashboard):
        yield replace(page, body=_named(page.key, page.body.decode(), api)) if page.key in PAGES else page
    yield from (page for page in on_aws.scripts_of(tracker) if page.key.count(".") <= MOST_DOTS)


def places(site: str, origin: str, events: str) -> Iterator[str]:
    """Addresses and commands to try them. LocalStack does not forward a body of the type of a form."""
    attributes = f'data-domain="{site}" data-api="{events}" src="{origin}/tracking/script.js"'
    view = json.dumps({"d": site, "n": "pageview", "u": f"http://{site}/hello"})
    yield f"DashboardUrl: {origin}/?site={site}"
    yield f"Snippet: <script defer {attributes}></script>"
    yield f"Try: curl -i -H 'Content-Type: text/plain' -H 'User-Agent: {BROWSER}' -d '{view}' {events}"


def first_site(stack: str) -> str:
    """The first that may send events."""
    client: Any = boto3.client("cloudformation")
    (found,) = client.describe_stacks(StackName=stack)["Stacks"]
    sites: str = next(each["ParameterValue"] for each in found["Parameters"] if each["ParameterKey"] == "Sites")
    return sites.partition(",")[0].removeprefix("*.")


def _named(key: str, text: str, api: str) -> bytes:
    if API.format("") not in text:
        raise ValueError(f"{key} has no place for the API's address.")
    return text.replace(API.format(""), API.format(api)).encode()


def _on_aws() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publish", ON_AWS)
    if spec is None or spec.loader is None:
        raise ImportError("publish")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main())
