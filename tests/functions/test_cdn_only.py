"""Functions behind a CDN answer nobody who went around it."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from mallard.aws.cdn_check import refuse_past_cdn
from mallard.errors import ConfigError
from mallard.ingest.enrich.cdn_headers import CdnHeaders
from support.functions import Context, cold, request

SECRET = "between-edge-and-function-4711"
BODY = json.dumps({"d": "a.example", "n": "pageview", "u": "https://a.example/"})
WRONG: tuple[dict[str, str], ...] = (
    {},
    {"x-mallard-edge": ""},
    {"x-mallard-edge": SECRET[:-1]},
    {"X-Mallard-Edge": SECRET + "é"},
)
PATHS = (
    "/api/event",
    "/api/events",
    "/health",
    "/metrics",
    "/openapi.json",
    "/api/auth/login",
    "/.well-known/security.txt",
)


@pytest.fixture
def behind_cdn(tmp_path: Path) -> Iterator[None]:
    environment = {
        "AWS_LAMBDA_FUNCTION_NAME": "one",
        "MALLARD_STORE": str(tmp_path),
        "MALLARD_SITES": "a.example",
        "MALLARD_EDGE_SECRET": SECRET,
        "MALLARD_EDGE_ONLY": "true",
    }
    with patch.dict(os.environ, environment):
        yield


@pytest.mark.usefixtures("behind_cdn")
@pytest.mark.parametrize("headers", WRONG)
@pytest.mark.parametrize("name", ["ingest", "query"])
def test_function_refuses_every_path_when_the_edge_secret_is_missing_or_wrong(
    name: str, headers: dict[str, str]
) -> None:
    function = cold(name)
    for path in PATHS:
        for method in ("GET", "POST", "OPTIONS"):
            answer = function.handle(request(method, path, body=BODY, headers=headers), Context())
            assert (answer["statusCode"], json.loads(answer["body"])["reason"]) == (403, "edge")


@pytest.mark.usefixtures("behind_cdn")
def test_query_function_answers_requests_through_the_edge() -> None:
    answer = cold("query").handle(request("GET", "/health", headers={"X-Mallard-Edge": SECRET}), Context())
    assert answer["statusCode"] == 200


@pytest.mark.usefixtures("behind_cdn")
def test_ingest_function_reads_requests_through_the_edge() -> None:
    answer = cold("ingest").handle(request(body="{", headers={"x-mallard-edge": SECRET}), Context())
    assert answer["statusCode"] != 403


def test_edge_only_without_a_secret_refuses_every_request() -> None:
    assert CdnHeaders("", is_only_way=True).refuses({"x-mallard-edge": ""})
    assert not CdnHeaders("").refuses({})
    assert not CdnHeaders(SECRET).refuses({})


@pytest.mark.parametrize(
    "event", [None, {}, [], {"headers": None}, {"headers": ["a"]}, {"headers": {"x-mallard-edge": 1}}]
)
def test_edge_check_refuses_events_that_are_no_requests(event: Any) -> None:
    def settings() -> Any:
        from mallard.config import Settings

        return Settings(edge_secret=SECRET, edge_only=True)

    refused = refuse_past_cdn(event, settings)
    assert refused is not None
    assert refused["statusCode"] == 403


def test_edge_check_passes_unreadable_settings_to_the_application() -> None:
    def settings() -> Any:
        raise ConfigError("The parameter cannot be read.")

    assert refuse_past_cdn({}, settings) is None
