"""What the three functions write while they are told secrets, and while their store fails: none of them."""

import json
import os
from collections.abc import Iterator
from itertools import product
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from mallard.config import load_settings
from mallard.errors import MallardError
from support.functions import ROOT, Context, cold, load, request
from support.lambda_traces import take_away
from support.moto import moto_server
from support.proof_secrets import (
    ADDRESS,
    ADMIN_PASSWORD,
    AGENT,
    EDGE_SECRET,
    LINK_PASSWORD,
    SIGNING_SECRET,
    WRONG_KEY,
    WRONG_PASSWORD,
    Secrets,
    found_in,
)

SITE = "smoke.example"


@pytest.fixture
def aws() -> Iterator[str]:
    smoke = load(ROOT / "localstack" / "smoke.py")
    with moto_server() as endpoint, patch.dict(os.environ, smoke._resources(endpoint)):
        given = {
            "MALLARD_AUTH": "on",
            "MALLARD_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "MALLARD_SECRET": SIGNING_SECRET,
            "MALLARD_EDGE_SECRET": EDGE_SECRET,
            "MALLARD_LOG_LEVEL": "debug",
        }
        with patch.dict(os.environ, given):
            yield endpoint
    take_away()


class Functions:
    """The three, warm, and all the secrets that they were told or told themselves."""

    def __init__(self) -> None:
        self.ingest, self.flush, self.query = cold("ingest"), cold("flush"), cold("query")
        self.statuses: set[int] = set()
        self.secrets: Secrets = {
            "admin password": ADMIN_PASSWORD,
            "wrong password": WRONG_PASSWORD,
            "link password": LINK_PASSWORD,
            "signing secret": SIGNING_SECRET,
            "edge secret": EDGE_SECRET,
            "wrong key": WRONG_KEY,
            "address": ADDRESS,
            "agent": "Unmistakable/4711",
        }
        token = self.asked("POST", "/api/auth/login", {"password": ADMIN_PASSWORD})["token"]
        owner = {"authorization": f"Bearer {token}"}
        key = self.asked("POST", "/api/keys", {"name": "a", "scope": "Admin"}, owner)["key"]
        link = {"name": "a", "site_id": SITE, "password": LINK_PASSWORD}
        slug = self.asked("POST", "/api/links", link, owner)["slug"]
        share = self.asked("POST", f"/api/share/{slug}", {"password": LINK_PASSWORD})["token"]
        self.secrets |= {"session token": token, "key": key, "slug": slug, "share token": share}

    def asked(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
        """JSON of the query function's answer."""
        return json.loads(self.called(self.query, method, path, body, headers)["body"] or "null")

    def called(
        self, function: Any, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Any:
        own = {"content-type": "application/json", "user-agent": AGENT, "x-mallard-edge": EDGE_SECRET}
        path, _, query = path.partition("?")
        text = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        event = request(method, path, body=text, query=query, headers={**own, **(headers or {})}, source=ADDRESS)
        answer = function.handle(event, Context())
        self.statuses.add(answer["statusCode"])
        return answer

    def ask_everything(self) -> None:
        """With each secret where it belongs, and where it does not."""
        everything = " ".join(self.secrets.values())
        shown: list[dict[str, str]] = [
            {"x-api-key": self.secrets["key"]},
            {"x-api-key": WRONG_KEY},
            {"authorization": f"Bearer {self.secrets['share token']}"},
            {"authorization": f"Bearer {self.secrets['session token']}"},
        ]
        read = (f"/api/stats/main?site_id={SITE}", "/api/sites", "/api/keys", f"/api/sites/{SITE}", "/nothing")
        written = (f"/api/share/{self.secrets['slug']}", "/api/keys", "/api/auth/login", "/api/auth/password")
        bodies: list[Any] = [{"password": WRONG_PASSWORD}, {"name": everything, "scope": "Admin"}, everything]
        events: list[Any] = [{"d": SITE, "n": "pageview", "u": "/"}, everything, {"d": everything}]
        for headers in shown:
            for path in read:
                self.called(self.query, "GET", path, None, headers)
            for path, body in product(written, bodies):
                self.called(self.query, "POST", path, body, headers)
            self.called(self.query, "DELETE", f"/api/keys/{self.secrets['key']}", None, headers)
            for body in events:
                self.called(self.ingest, "POST", "/api/event", body, headers)
                self.called(self.ingest, "POST", "/api/events", body if body == everything else [body], headers)

    def ask_to_flush(self) -> str:
        """What was raised, which Lambda writes down; empty where nothing was."""
        try:
            self.flush.handle({}, Context())
        except MallardError as error:
            return str(error)
        return ""


@pytest.mark.heavy
def test_functions_write_no_secret(aws: str, capfd: pytest.CaptureFixture[str]) -> None:
    functions = Functions()
    functions.ask_everything()
    assert functions.ask_to_flush() == ""
    working = set(functions.statuses)
    s3, bucket = boto3.client("s3", endpoint_url=aws), load_settings().store_location.removeprefix("s3://")
    for each in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        s3.delete_object(Bucket=bucket, Key=each["Key"])
    s3.delete_bucket(Bucket=bucket)
    # What is warm believes for some seconds what it knows; what is cold fails at once.
    functions.ask_everything()
    for name in ("ingest", "flush", "query"):
        setattr(functions, name, cold(name))
    functions.ask_everything()
    raised = functions.ask_to_flush()
    out, err = capfd.readouterr()

    assert working >= {200, 201, 202, 400, 401, 404}
    assert 503 in functions.statuses
    assert '"_aws"' in out
    assert "failed" in out + err
    assert raised
    places = {"stdout": out.encode(), "stderr": err.encode(), "raised": raised.encode()}
    assert found_in(places, functions.secrets) == []
