"""Every answer has an id, which stands in the log beside what went wrong."""

import itertools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from mallard.api.app import create_app
from mallard.api.error_responses import OUT_OF_REACH
from mallard.engine.duckdb.engine import DuckDBEngine
from mallard.errors import StoreUnavailableError
from mallard.http.upstream import DIRECT, UpstreamHeaders, behind_gateway, behind_proxies
from support.open_access import auth_off, one_address
from support.raw_http import ask
from support.server import Server

SECRET_PLACE = "/srv/mallard/config"


def client(error: Exception, front: UpstreamHeaders = DIRECT) -> TestClient:
    """An application where nothing can be counted; its ids count up."""

    def engine() -> DuckDBEngine:
        raise error

    def erase(*_: object) -> None:
        raise error

    numbers = itertools.count(1)
    app = create_app(
        engine=engine,
        sites=lambda: ["a.example"],
        clock=lambda: datetime.now(UTC),
        erase=erase,  # type: ignore[arg-type]
        auth=auth_off(),
        address_of=one_address,
        front=front,
        make_id=lambda: f"id-{next(numbers)}",
    )
    return TestClient(app, raise_server_exceptions=False)


def test_request_ids_come_from_the_configured_generator() -> None:
    asked = client(RuntimeError())
    for number, target in enumerate(["/api/sites", "/nothing", "/api/stats/main", "/openapi.json"], start=1):
        assert asked.get(target).headers["x-request-id"] == f"id-{number}"


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (RuntimeError(SECRET_PLACE), 500, "RuntimeError in engine"),
        (StoreUnavailableError(SECRET_PLACE), 503, SECRET_PLACE),
    ],
)
def test_server_error_shows_its_request_id_and_details_only_in_the_log(
    error: Exception, status: int, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client(error).get("/api/stats/main?site_id=a.example")
    assert answer.status_code == status
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "id-1"
    assert SECRET_PLACE not in answer.text
    assert f"/api/stats/main failed (request id-1): {told}" in caplog.text
    assert answer.headers["content-security-policy"]


def test_client_error_has_its_request_id_in_the_header_only() -> None:
    answer = client(RuntimeError()).get("/api/stats/main")
    assert (answer.status_code, set(answer.json())) == (400, {"error"})
    assert answer.headers["x-request-id"] == "id-1"


def test_unavailable_store_error_reveals_no_location(caplog: pytest.LogCaptureFixture) -> None:
    answer = client(StoreUnavailableError(f"The folder {SECRET_PLACE} cannot be used.")).get("/api/sites/a.example")
    assert answer.json() == {"error": OUT_OF_REACH, "request_id": "id-1"}


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "x" * 129, "<script>", "é", '"', "a,b;c"])
def test_unsafe_request_id_of_a_proxy_is_replaced(given: str) -> None:
    trusting = client(RuntimeError(), behind_proxies(lambda _: True))
    answer = trusting.get("/api/sites", headers=[(b"x-request-id", given.encode())])
    assert answer.headers["x-request-id"] == "id-1"


@pytest.mark.parametrize("given", ["7f3a", "Root=1-67891233-abcdef012345678912345678", "a" * 128, "a.b_c:d/e+f@g-h"])
def test_request_id_of_a_trusted_proxy_is_used(given: str) -> None:
    trusting = client(RuntimeError(), behind_proxies(lambda _: True))
    assert trusting.get("/api/sites", headers={"x-request-id": given}).headers["x-request-id"] == given


def test_request_id_of_the_gateway_is_used_when_present() -> None:
    front = behind_gateway()
    assert front.given_id({"aws.event": {"requestContext": {"requestId": "JKJaXmPLvHcESHA="}}}) == "JKJaXmPLvHcESHA="
    for event in (None, {}, {"requestContext": None}, {"requestContext": {"requestId": "a\nb"}}):
        assert front.given_id({"aws.event": event}) == ""


def test_the_real_server_makes_a_new_id_for_each_request(origin: str) -> None:
    ids = {ask(origin, "GET", target).headers["x-request-id"] for target in ["/", "/health", "/nothing", "/api/sites"]}
    assert len(ids) == 4
    assert all(len(each) == 16 for each in ids)


def test_server_log_has_the_request_id_of_a_failure(tmp_path: Path) -> None:
    with Server(tmp_path / "data", MALLARD_LOG_FORMAT="json") as server:
        # A folder where the site's settings would be.
        (tmp_path / "data" / "config" / "sites" / "a.example.json").mkdir(parents=True)
        reply = ask(server.origin, "GET", "/api/sites/a.example")
        assert reply.status == 503
        assert str(tmp_path) not in reply.body.decode()
        quoted = json.loads(reply.body)["request_id"]
        lines = [json.loads(line)["message"] for line in server.log().splitlines() if line.startswith("{")]
        assert [line for line in lines if f"(request {quoted})" in line]
