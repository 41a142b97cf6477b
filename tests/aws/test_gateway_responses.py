"""The query function answers with what the server answers with; there is nothing but TLS, and ids are the gateway's."""

import asyncio
import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from ingest.contexts import FIREFOX
from mallard.http.header_policy import ANSWER, HSTS
from support.functions import Context, cold, request


@pytest.fixture(scope="module")
def query(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("gateway")
    settings = {"MALLARD_DATA_DIR": str(folder), "MALLARD_AUTH": "off", "MALLARD_QUERY_MEMORY_MB": "256"}
    with patch.dict(os.environ, settings):
        function = cold("query")
        yield function
        function.engine().close()
    asyncio.get_event_loop_policy().get_event_loop().close()
    asyncio.set_event_loop(None)


def call(function: Any, method: str, path: str, body: str | None = None, **more: Any) -> dict[str, Any]:
    headers = {"content-type": "application/json", "host": "stats.example.com", **more.pop("headers", {})}
    found: dict[str, Any] = function.handle(request(method, path, body=body, headers=headers, **more), Context())
    return found


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/api/sites", None, 200),
        ("HEAD", "/api/sites", None, 200),
        ("GET", "/api/sites/a.example", None, 200),
        ("GET", "/api/stats/main", None, 400),
        ("GET", "/api/nothing", None, 404),
        ("PUT", "/api/sites", None, 405),
        ("PUT", "/api/sites/a.example", "[" * 1000, 400),
        ("PUT", "/api/sites/a.example", "{}" + " " * 1024 * 1024, 413),
        ("GET", "/api/sites/\0", None, 400),
    ],
)
def test_every_answer_has_its_headers_and_the_gateways_id(
    query: Any, method: str, path: str, body: str | None, status: int
) -> None:
    answer = call(query, method, path, body)
    assert answer["statusCode"] == status
    for name, value in {**ANSWER, **HSTS, "x-frame-options": "DENY", "x-request-id": "gateway"}.items():
        assert answer["headers"][name] == value, name
    if method == "HEAD":
        assert not answer["body"]
    elif status >= 400:
        assert json.loads(answer["body"])["error"].endswith(".")


def test_compressed_body_is_refused_in_either_gateway_encoding(query: Any) -> None:
    for encoded in (False, True):
        body = base64.b64encode(b"{}").decode() if encoded else "{}"
        answer = call(
            query, "PUT", "/api/sites/a.example", body, headers={"content-encoding": "gzip"}, isBase64Encoded=encoded
        )
        assert answer["statusCode"] == 415


def test_client_headers_do_not_set_request_id_or_scheme_behind_the_gateway(query: Any) -> None:
    answer = call(query, "GET", "/api/sites", headers={"x-request-id": "mine", "x-forwarded-proto": "http"})
    assert answer["headers"]["x-request-id"] == "gateway"
    assert answer["headers"]["strict-transport-security"]


def test_function_that_fails_to_start_responds_with_headers_and_id(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with patch.dict(os.environ, {"MALLARD_DATA_DIR": str(file), "MALLARD_AUTH": "off"}):
        answer = call(cold("query"), "GET", "/api/sites")
    assert answer["statusCode"] == 503
    for name, value in {**ANSWER, **HSTS, "x-request-id": "gateway", "retry-after": "60"}.items():
        assert answer["headers"][name] == value
    assert json.loads(answer["body"])["request_id"] == "gateway"
    assert "(request gateway)" in caplog.text
    assert str(tmp_path) not in answer["body"]


def test_ingest_function_decompresses_no_body_and_sends_hsts(tmp_path: Path) -> None:
    with patch.dict(os.environ, {"MALLARD_DATA_DIR": str(tmp_path), "MALLARD_QUEUE": "local"}):
        ingest = cold("ingest")
        for path in ("/api/event", "/api/events"):
            headers = {"content-encoding": "gzip", "user-agent": FIREFOX}
            answer = ingest.handle(request("POST", path, body="{}", headers=headers), Context())
            assert answer["statusCode"] == 415
            assert answer["headers"]["strict-transport-security"]
            assert answer["headers"]["content-security-policy"] == ANSWER["content-security-policy"]
            assert json.loads(base64.b64decode(answer["body"]))["reason"] == "encoding"
