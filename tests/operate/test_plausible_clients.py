"""Programs made for Plausible, unmodified, read the numbers of a running server."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from mallard.store.local import LocalStore
from support.mcp_stdio import McpProgram, mcp_program
from support.operate import ask, guarded, log_in, make_key
from support.peers import AIRBYTE, HOME, old_python, program
from support.place import DAYS, NOW, SITE, Place
from support.server import Server
from support.stand_in import StandIn, standing_in
from support.tls import Authority, private_authority

pytestmark = pytest.mark.heavy

FIRST, LAST = "2026-03-01", "2026-03-10"
DAY_METRICS = ["visitors", "pageviews", "bounce_rate", "visit_duration", "visits"]
NO_OLD_PYTHON = "there is no Python 3.9, which the connector needs"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Six pageviews on each of four days by three visitors, of four pages."""
    data = tmp_path_factory.mktemp("clients") / "data"
    place = Place(LocalStore(data))
    for number, day in enumerate(DAYS):
        place.write(day, *range(number * 10 + 1, number * 10 + 7), country_code="DE" if number else None)
    place.engine.site_settings.change(SITE, {"goals": [{"name": "Front", "page": "/1"}]}, NOW)
    place.engine.close()
    with guarded(data) as server:
        yield server


@pytest.fixture(scope="module")
def reads(server: Server) -> dict[str, str]:
    """The headers of a key that reads."""
    return make_key(server, log_in(server), "ReadOnly")


def bare(headers: dict[str, str]) -> str:
    """The key itself."""
    return next(iter(headers.values())).removeprefix("Bearer ")


def by_v2(server: Server, reads: dict[str, str], metrics: list[str], *dimensions: str) -> list[dict[str, Any]]:
    """The rows of these days as v2 answers them."""
    body = {"site_id": SITE, "date_range": [FIRST, LAST], "metrics": metrics, "dimensions": dimensions}
    status, text = ask(server, "/api/v2/query", body, reads)
    assert status == 200, text
    rows: list[dict[str, Any]] = json.loads(text)["results"]
    return rows


@pytest.fixture
def mcp(server: Server, reads: dict[str, str], tmp_path: Path) -> Iterator[McpProgram]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "DO_NOT_TRACK": "1",
        "PLAUSIBLE_BASE_URL": server.origin,
        "PLAUSIBLE_API_KEY": bare(reads),
    }
    with mcp_program([str(program("plausible-mcp"))], environment) as running:
        yield running


def test_plausible_mcp_reads_the_numbers_of_v2(mcp: McpProgram, server: Server, reads: dict[str, str]) -> None:
    span = {"site_id": SITE, "date_range": f"{FIRST},{LAST}"}
    assert mcp.tools() >= {"get_aggregate_stats", "get_breakdown", "get_timeseries", "get_realtime_visitors", "doctor"}

    (totals,) = by_v2(server, reads, DAY_METRICS)
    found = json.loads(mcp.call("get_aggregate_stats", **span, metrics=DAY_METRICS))
    assert found["totals"] == dict(zip(DAY_METRICS, totals["metrics"], strict=True))
    assert found["totals"]["visitors"] == 12

    rows = by_v2(server, reads, ["visitors"], "event:page")
    pages = [{"page": row["dimensions"][0], "visitors": row["metrics"][0]} for row in rows]
    assert json.loads(mcp.call("get_breakdown", **span, property_name="page"))["results"] == pages
    assert json.loads(mcp.call("get_breakdown", **span, property_name="page", limit=1))["results"] == pages[:1]
    assert json.loads(mcp.call("get_breakdown", **span, property_name="country"))["results"] == [
        {"country": "DE", "visitors": 9}
    ]

    series = json.loads(mcp.call("get_timeseries", **span))["timeseries"]
    by_day = {row["dimensions"][0]: row["metrics"][0] for row in by_v2(server, reads, ["visitors"], "time:day")}
    assert [each["date"] for each in series] == [f"2026-03-{day:02}" for day in range(1, 11)]
    assert {each["date"]: each["visitors"] for each in series if each["visitors"]} == by_day


def test_plausible_mcp_reads_current_visitors_and_lists_sites(mcp: McpProgram, server: Server) -> None:
    assert server.send(d=SITE) == 202
    assert json.loads(mcp.call("get_realtime_visitors", site_id=SITE))["realtime_visitors"] == 1
    assert json.loads(mcp.call("get_aggregate_stats", site_id=SITE, date_range="today"))["totals"]["pageviews"] == 1
    found = json.loads(mcp.call("doctor"))
    assert (found["status"], found["sample_sites"]) == ("healthy", [SITE])


def test_plausible_mcp_tells_a_wrong_key_and_a_wrong_property_apart(mcp: McpProgram) -> None:
    assert "Authentication failed (HTTP 401)" in mcp.call("get_aggregate_stats", site_id=SITE, token="mm_wrong")
    assert "Authentication failed (HTTP 401)" in mcp.call("get_aggregate_stats", site_id="unknown.example")
    wrong = mcp.call("get_breakdown", site_id=SITE, property_name="visit:nothing")
    assert "HTTP 400" in wrong
    assert "Invalid property 'visit:nothing'" in wrong


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return private_authority(tmp_path_factory.mktemp("authority"), "plausible.io")


@pytest.fixture
def stand_in(server: Server, authority: Authority) -> Iterator[StandIn]:
    """The way of plausible.io to the server: the connector refuses every ``api_url`` that has a scheme."""
    with standing_in(server.origin, authority.context) as proxy:
        yield proxy
        assert proxy.hosts == {"plausible.io:443"}


def trust(folder: Path, authority: Authority) -> None:
    """A copy of the peer's certificates with one more: the connector reads no variable that would name a bundle."""
    if folder.exists():
        return
    (original,) = (HOME / AIRBYTE).glob("lib/python*/site-packages/certifi")
    shutil.copytree(original, folder / "certifi")
    with (folder / "certifi" / "cacert.pem").open("a") as bundle:
        bundle.write(authority.bundle.read_text())


def connector(
    folder: Path, stand_in: StandIn, authority: Authority, key: str, *words: str, **files: Any
) -> list[dict[str, Any]]:
    """The messages of a command of the connector."""
    if old_python() is None:
        pytest.skip(NO_OLD_PYTHON)
    files["config"] = {"api_key": key, "site_id": SITE, "start_date": FIRST}
    trust(folder / "trust", authority)
    options = []
    for name, content in files.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
        options += [f"--{name}", str(folder / f"{name}.json")]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HTTPS_PROXY": stand_in.address,
        "PYTHONPATH": str(folder / "trust"),
    }
    command = [str(HOME / AIRBYTE / "bin" / "source-plausible"), *words, *options]
    ended = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]


def test_airbyte_connector_checks_its_key(
    stand_in: StandIn, authority: Authority, reads: dict[str, str], tmp_path: Path
) -> None:
    for key, status in ((bare(reads), "SUCCEEDED"), ("mm_wrong", "FAILED")):
        messages = connector(tmp_path, stand_in, authority, key, "check")
        (found,) = (each["connectionStatus"] for each in messages if each["type"] == "CONNECTION_STATUS")
        assert found["status"] == status, messages
    assert "401" in found["message"]


def test_airbyte_connector_reads_the_days_of_v2(
    stand_in: StandIn, server: Server, authority: Authority, reads: dict[str, str], tmp_path: Path
) -> None:
    messages = connector(tmp_path, stand_in, authority, bare(reads), "discover")
    (catalog,) = (each["catalog"] for each in messages if each["type"] == "CATALOG")
    stream = {"stream": catalog["streams"][0], "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    messages = connector(tmp_path, stand_in, authority, bare(reads), "read", catalog={"streams": [stream]})
    records = [each["record"]["data"] for each in messages if each["type"] == "RECORD"]
    wanted = [
        {"date": row["dimensions"][0], **dict(zip(DAY_METRICS, row["metrics"], strict=True))}
        for row in by_v2(server, reads, DAY_METRICS, "time:day")
    ]
    # It leaves out days without visits; those after LAST are of other tests.
    assert [each for each in records if each["date"] <= LAST] == wanted
    assert [date.fromisoformat(each["date"]) for each in wanted] == DAYS
