"""What the functions ask of AWS, the template allows: no emulator checks that, so every call is held against it."""

import importlib
import json
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.client import BaseClient

from mallard.api import downloads
from mallard.auth.api_keys import ApiKeys
from mallard.bootstrap.queue import open_queue
from mallard.bootstrap.store import open_store
from mallard.config import load_settings
from mallard.maintenance.erasure import request_erasure
from support.functions import load
from support.moto import moto_server
from support.rows import event

ROOT = Path(__file__).parents[2]
SITE = "smoke.example"
SECRETS = "/mallard"

Call = tuple[str, str]
"""An IAM action, and what it is about: ``bucket``, ``bucket/KEY`` or the queue's logical name."""

ACTIONS = {
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "ListObjectVersions": "s3:ListBucketVersions",
    "HeadObject": "s3:GetObject",
    "SendMessageBatch": "sqs:SendMessage",
    "DeleteMessageBatch": "sqs:DeleteMessage",
    "ChangeMessageVisibilityBatch": "sqs:ChangeMessageVisibility",
}
"""Where the action is not the operation's own name."""


@pytest.fixture(scope="module")
def smoke() -> ModuleType:
    return load(ROOT / "localstack" / "smoke.py")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture
def endpoint(server: str, smoke: ModuleType) -> Iterator[str]:
    """The server's address; a bucket and queues of the test's own are in the environment."""
    with patch.dict(os.environ, smoke._resources(server)):
        yield server


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Call]:
    """Every call of the SDK from here on, as IAM sees it."""
    found: list[Call] = []
    real: Callable[..., Any] = BaseClient._make_api_call  # type: ignore[attr-defined]

    def recorded(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        found.append(as_iam_sees(client.meta.service_model.service_name, operation, arguments))
        return real(client, operation, arguments)

    monkeypatch.setattr(BaseClient, "_make_api_call", recorded)
    return found


def as_iam_sees(service: str, operation: str, arguments: dict[str, Any]) -> Call:
    action = ACTIONS.get(operation, f"{service}:{operation}")
    if action == "s3:DeleteObject" and "VersionId" in arguments:
        action = "s3:DeleteObjectVersion"
    if service == "s3":
        return action, "/".join(["bucket", arguments["Key"]]) if "Key" in arguments else "bucket"
    if service == "ssm":
        return action, arguments["Name"]
    name = arguments.get("QueueName") or arguments["QueueUrl"]
    return action, "DeadLetters" if name.endswith("-dead") else "Queue"


def template() -> dict[str, Any]:
    """The template, its short forms as plain values: ``!Ref Queue`` is ``Queue``."""
    yaml = importlib.import_module("yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        """Knows the tags of CloudFormation."""

    def plain(loader: Any, _: str, node: Any) -> Any:
        constructor = {
            "ScalarNode": loader.construct_scalar,
            "SequenceNode": loader.construct_sequence,
            "MappingNode": loader.construct_mapping,
        }
        return constructor[type(node).__name__](node)

    Loader.add_multi_constructor("!", plain)
    found: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), Loader=Loader)
    return found


def allowed(function: str) -> list[Call]:
    """Actions and patterns of what they are about."""
    given = template()["Resources"][function]["Properties"]["Policies"][0]["Statement"]
    # What stands under a condition is what it says where it holds.
    statements = [each["Fn::If"][1] if "Fn::If" in each else each for each in given]
    return [
        (action, plain_resource(resource))
        for each in statements
        for action in as_list(each["Action"])
        for resource in as_list(each["Resource"])
    ]


def plain_resource(resource: str) -> str:
    """``bucket/salts/*``, ``Queue``, or ``/mallard/secret`` of the Parameter Store."""
    resource = resource.rpartition(":parameter")[2].replace("${SecretsPath}", SECRETS)
    return resource.replace("${Bucket.Arn}", "bucket").replace("Bucket.Arn", "bucket").removesuffix(".Arn")


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def forbidden(calls: list[Call], function: str) -> set[Call]:
    rights = allowed(function)
    return {
        (action, about)
        for action, about in calls
        if not any(action == right and fnmatchcase(about, pattern) for right, pattern in rights)
    }


def test_ingest_makes_only_aws_calls_the_template_allows(endpoint: str, smoke: ModuleType, calls: list[Call]) -> None:
    handler = smoke._handler("ingest")
    answer = handler.handle(smoke._request("POST", "/api/event", body=smoke._page_view()), smoke.Context())
    assert answer["statusCode"] == 202
    assert ("sqs:SendMessage", "Queue") in calls
    assert forbidden(calls, "IngestFunction") == set()


def test_ingest_rights_cover_salt_writes_and_its_own_key_without_listing() -> None:
    rights = allowed("IngestFunction")
    assert {about for action, about in rights if action == "s3:PutObject"} == {"bucket/salts/*"}
    assert {action for action, _ in rights} == {"s3:GetObject", "s3:PutObject", "sqs:SendMessage", "ssm:GetParameter"}
    hidden = ("config/secret.json", "config/password.json", "config/links/a.json", "config/session-epoch.json")
    readable = [about for action, about in rights if action == "s3:GetObject"]
    assert [key for key in hidden if any(fnmatchcase(f"bucket/{key}", pattern) for pattern in readable)] == []
    variables = template()["Resources"]["IngestFunction"]["Properties"]["Environment"]["Variables"]
    assert "MALLARD_SECRET" not in variables
    assert "ADMIN_PASSWORD" not in str(variables)


def test_ingest_accepts_events_and_batches_without_the_right_to_list(
    endpoint: str, smoke: ModuleType, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALLARD_SITES", "*.example")
    store = open_store(load_settings())
    text, _ = ApiKeys(store).create("a server", "Ingest", datetime.now(UTC), ())
    calls.clear()
    handler = smoke._handler("ingest")
    answer = handler.handle(smoke._request("POST", "/api/event", body=smoke._page_view()), smoke.Context())
    assert answer["statusCode"] == 202
    batch = smoke._request("POST", "/api/events", body=json.dumps([{"d": SITE, "n": "x", "u": "/", "i": "1"}]))
    batch["headers"] |= {"authorization": f"Bearer {text}"}
    assert handler.handle(batch, smoke.Context())["statusCode"] == 202
    assert ("s3:PutObject", "bucket/salts/new-sites.json") in calls
    assert forbidden(calls, "IngestFunction") == set()


def test_flush_makes_only_aws_calls_the_template_allows(endpoint: str, smoke: ModuleType, calls: list[Call]) -> None:
    """Events of today and of closed days, a message that is none, an old salt, an erasure, both triggers."""
    settings = load_settings()
    store, queue, now = open_store(settings), open_queue(settings), datetime.now(UTC)
    days = [now.date() - timedelta(days=back) for back in (0, 3, 4)]
    queue.send([event(n, site_id=SITE, date=f"{day}", accepted_ms=0).to_message() for n, day in enumerate(days)])
    queue.send([b"no event"])
    store.put_if_absent(f"salts/site_id={SITE}/{days[2]}.json", b"{}")
    store.put_if_absent("exports/answer.csv", b"")
    store.put_if_absent(f"config/attempts/date={days[1]}/00.json", b"{}")
    request_erasure(store, SITE, days[2], days[2], now)
    calls.clear()

    handler = smoke._handler("flush")
    answer = handler.handle({}, smoke.Context())
    assert (answer["written"], answer["set_aside"], answer["salts_deleted"]) == (3, 1, 1)
    poison = [{"messageId": "1", "receiptHandle": "gone", "body": "no event"}]
    assert handler.handle({"Records": poison}, smoke.Context()) == {"batchItemFailures": []}
    assert {action for action, _ in calls} >= {"s3:PutObject", "sqs:SendMessage", "sqs:DeleteMessage"}
    assert ("s3:DeleteObject", f"bucket/config/attempts/date={days[1]}/00.json") in calls
    assert forbidden(calls, "FlushFunction") == set()


def test_query_makes_only_aws_calls_the_template_allows(
    endpoint: str, smoke: ModuleType, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [datetime.now(UTC).date() - timedelta(days=back) for back in (0, 3)]
    open_queue(load_settings()).send([event(n, site_id=SITE, date=f"{day}").to_message() for n, day in enumerate(days)])
    open_store(load_settings()).put_if_absent(f"rejected/date={days[0]}/counts.json", b"{}")
    smoke._handler("flush").handle({}, smoke.Context())
    calls.clear()
    request = smoke._request("GET", "/api/stats/main", f"site_id={SITE}&period=30d")
    answer = smoke._handler("query").handle(request, smoke.Context())
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["total_pageviews"] == 2
    monkeypatch.setattr(downloads, "MAX_DIRECT_BYTES", 10)
    request = smoke._request("GET", "/api/stats/export", f"site_id={SITE}&what=events")
    answer = smoke._handler("query").handle(request, smoke.Context())
    assert answer["statusCode"] == 303
    # Whoever has the address reads what the function may read.
    calls.append(("s3:GetObject", "/".join(["bucket", *urlsplit(answer["headers"]["location"]).path.split("/")[2:]])))
    assert calls[-1][1].startswith("bucket/exports/")
    erase = smoke._request("DELETE", "/api/gdpr/erase", f"site_id={SITE}&start_date={days[1]}&end_date={days[1]}")
    answer = smoke._handler("query").handle(erase, smoke.Context())
    assert (answer["statusCode"], json.loads(answer["body"])["days"]) == (202, [f"{days[1]}"])
    answer = smoke._handler("query").handle(
        smoke._request("GET", "/api/stats/rejected", f"site_id={SITE}&period=7d"), smoke.Context()
    )
    assert answer["statusCode"] == 200
    assert {about.split("/")[1] for _, about in calls if "/" in about} >= {"rollups", "rejected"}
    assert forbidden(calls, "QueryFunction") == set()


def test_functions_may_read_only_the_secrets_they_need() -> None:
    def may_read(function: str) -> set[str]:
        return {about for action, about in allowed(function) if action == "ssm:GetParameter"}

    assert may_read("IngestFunction") == {f"{SECRETS}/ingest-key", f"{SECRETS}/edge-secret"}
    assert may_read("QueryFunction") == {
        f"{SECRETS}/{name}" for name in ("admin-password", "secret", "edge-secret", "metrics-token")
    }
    assert may_read("FlushFunction") == set()


def test_auth_endpoints_make_only_aws_calls_the_template_allows(
    endpoint: str, smoke: ModuleType, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALLARD_AUTH", "on")
    monkeypatch.setenv("MALLARD_ADMIN_PASSWORD", "kettle-moss-17")
    handler = smoke._handler("query")

    def ask(method: str, path: str, body: Any = None, token: str = "") -> tuple[int, Any]:
        request = smoke._request(method, path, body=None if body is None else json.dumps(body))
        request["headers"] |= {"content-type": "application/json"}
        request["headers"] |= {"authorization": f"Bearer {token}"} if token else {}
        answer = handler.handle(request, smoke.Context())
        return answer["statusCode"], json.loads(answer["body"])

    assert ask("POST", "/api/auth/login", {"password": "wrong"})[0] == 401
    _, given = ask("POST", "/api/auth/login", {"password": "kettle-moss-17"})
    token = given["token"]
    status, key = ask("POST", "/api/keys", {"name": "a", "scope": "ReadOnly"}, token)
    assert (status, ask("GET", "/api/sites", token=key["key"])[0]) == (201, 200)
    assert ask("DELETE", f"/api/keys/{key['key_hash']}", token=token)[0] == 200
    _, link = ask("POST", "/api/links", {"site_id": SITE, "name": "a"}, token)
    _, share = ask("POST", f"/api/share/{link['slug']}", {})
    assert share["site_id"] == SITE
    assert ask("DELETE", f"/api/links/{link['slug']}", token=token)[0] == 200
    assert ask("POST", "/api/auth/logout", token=token)[0] == 200
    assert any("config/attempts/" in about for _, about in calls)
    assert forbidden(calls, "QueryFunction") == set()


def test_rights_check_detects_a_call_the_template_does_not_allow(
    endpoint: str, smoke: ModuleType, calls: list[Call]
) -> None:
    bucket = load_settings().store_location.removeprefix("s3://")
    client = boto3.client("s3", endpoint_url=endpoint)
    client.put_object(Bucket=bucket, Key="config/keys.json", Body=b"")
    client.list_objects_v2(Bucket=bucket)
    assert forbidden(calls, "FlushFunction") == {("s3:PutObject", "bucket/config/keys.json")}


def test_queues_keep_messages_as_long_as_documented() -> None:
    resources = template()["Resources"]
    queue, dead = resources["Queue"]["Properties"], resources["DeadLetters"]["Properties"]
    assert queue["MessageRetentionPeriod"] == 7 * 86_400
    assert dead["MessageRetentionPeriod"] == 14 * 86_400
    assert queue["RedrivePolicy"]["maxReceiveCount"] >= 100
    assert queue["VisibilityTimeout"] >= 6 * resources["FlushFunction"]["Properties"]["Timeout"]


def test_queue_trigger_reports_batch_item_failures() -> None:
    mapping = template()["Resources"]["FlushMapping"]
    assert mapping["Condition"] == "QueueTriggers"
    assert mapping["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
