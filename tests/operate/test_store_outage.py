"""A bucket that is away: the instance says that it is not ready, lives on, takes events, and loses none of them."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from mallard.health.readiness import KEPT_SECONDS, WAIT_SECONDS
from support.moto import moto_server
from support.operate import ask
from support.proxy import Proxy, Trouble, proxy
from support.server import Server

pytestmark = pytest.mark.heavy

SECONDS = 60
MANY = 100_000


@pytest.fixture
def between() -> Iterator[Proxy]:
    """What stands between the server and its bucket ``away``."""
    with moto_server() as address, proxy(address) as found:
        boto3.client("s3", endpoint_url=address, region_name="us-east-1").create_bucket(Bucket="away")
        found.troubled = {"GET", "HEAD", "PUT", "DELETE", "POST"}
        yield found


def wait_for(server: Server, status: int) -> str:
    """The sentence of /health/ready, as soon as it answers a status."""
    until = time.monotonic() + SECONDS
    while (found := ask(server, "/health/ready"))[0] != status:
        assert time.monotonic() < until
        time.sleep(0.2)
    sentence: str = json.loads(found[1])["sentence"]
    return sentence


def test_events_are_accepted_while_the_bucket_is_away_and_written_later(between: Proxy, tmp_path: Path) -> None:
    bucket = {"MALLARD_STORE": "s3://away", "MALLARD_S3_ENDPOINT": between.address, "MALLARD_FLUSH_INTERVAL": "1"}
    with Server(tmp_path / "data", **bucket) as server:
        assert server.send(u="/before") == 202
        wait_for(server, 200)
        between.troubles.extend([Trouble.REFUSED_503] * MANY)
        assert wait_for(server, 503) == "The store does not answer; `mallard doctor` says more."
        assert ask(server, "/health") == (200, "ok")
        assert [server.send(u=f"/{page}") for page in range(3)] == [202] * 3
        text = ask(server, "/metrics")[1]
        assert 'mallard_ready{part="store"} 0.0\n' in text
        assert 'mallard_ready{part="queue"} 1.0\n' in text
        between.troubles.clear()
        wait_for(server, 200)
        server.wait_until_flushed(SECONDS)
        assert server.main()["total_pageviews"] == 4


def test_readiness_responds_while_the_bucket_is_slow(between: Proxy, tmp_path: Path) -> None:
    bucket = {"MALLARD_STORE": "s3://away", "MALLARD_S3_ENDPOINT": between.address}
    with Server(tmp_path / "data", **bucket) as server:
        wait_for(server, 200)
        time.sleep(KEPT_SECONDS)
        between.latency_seconds = 15
        began = time.monotonic()
        assert ask(server, "/health/ready")[0] == 503
        assert ask(server, "/metrics")[0] == 200
        assert time.monotonic() - began < WAIT_SECONDS + 4
        between.latency_seconds = 0
