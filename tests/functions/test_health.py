"""The health endpoints of the query function: what outlives its instances, and null for what it cannot know."""

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mallard.errors import QueueError
from mallard.health.aws_source import KEPT_SECONDS, MAX_LISTED, AwsSource, AwsState
from mallard.queue.base import Queue
from mallard.store.base import Listed
from support.auth import Clock
from support.functions import ROOT, Context, cold, load, request
from support.memory import MemoryQueue, MemoryStore
from support.moto import moto_server
from support.open_access import auth_off

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
PAGE_VIEW = json.dumps({"d": "smoke.example", "n": "pageview", "u": "https://smoke.example/"})
TOKEN = "for-the-monitor-4711"


@pytest.fixture
def aws() -> Iterator[None]:
    with moto_server() as address:
        resources = load(ROOT / "localstack" / "smoke.py")._resources(address)
        with patch.dict(os.environ, {**resources, "MALLARD_METRICS_TOKEN": TOKEN}):
            yield


def get(function: Any, path: str, **headers: str) -> tuple[int, str]:
    answer = function.handle(request("GET", path, headers=headers), Context())
    return answer["statusCode"], answer["body"]


def gauges(text: str) -> dict[str, float]:
    return {each.name: each.value for family in text_string_to_metric_families(text) for each in family.samples}


@pytest.mark.usefixtures("aws")
def test_readiness_of_the_function_reports_pending_events_and_the_last_write() -> None:
    query = cold("query")
    assert get(query, "/health") == (200, "ok")
    assert get(query, "/health/ready")[0] == 200
    sent = cold("ingest").handle(request(body=PAGE_VIEW, headers={"user-agent": FIREFOX}), Context())
    assert sent["statusCode"] == 202
    detail = json.loads(get(query, "/health/detailed")[1])
    assert (detail["status"], detail["buffered_events"], detail["table_written"]) == ("ok", 1, None)
    assert (detail["geoip_loaded"], detail["cache_entries"], detail["filter_bots"]) == (None, None, True)
    cold("flush").handle({}, Context())
    query = cold("query")
    assert get(query, "/metrics")[0] == 401
    status, text = get(query, "/metrics", authorization=f"Bearer {TOKEN}")
    found = gauges(text)
    assert (status, found["mallard_buffered_events"], found["mallard_ready"]) == (200, 0, 1)
    written = datetime.fromtimestamp(found["mallard_table_written_timestamp_seconds"], UTC)
    assert abs(written - datetime.now(UTC)) < timedelta(minutes=1)


class Refusing(MemoryQueue):
    """A queue at which the function may not look."""

    def depth(self) -> int:
        raise QueueError("AccessDenied")


class Listing(MemoryStore):
    """Counts how often it is listed, and shows as many files as the test wants."""

    def __init__(self, files: int) -> None:
        super().__init__()
        self.files, self.listings = files, 0

    def list(self, prefix: str, *, start_after: str = "") -> Iterator[Listed]:
        self.listings += 1
        return (Listed(f"{prefix}{number}", "", 1, float(number)) for number in range(self.files))


def functions(store: MemoryStore, queue: Queue, clock: Clock) -> AwsSource:
    return AwsSource(store=store, auth=auth_off(), open_queue=lambda: queue, seconds=clock)


def test_metrics_the_function_may_not_read_are_omitted_instead_of_0() -> None:
    found = functions(Listing(0), Refusing(), Clock())
    assert found.state() == AwsState(None, None)
    assert [each.values for each in found.metrics() if each.name == "mallard_buffered_events"] == [{}]


def test_health_lists_the_table_at_most_once_a_minute() -> None:
    store, clock = Listing(3), Clock()
    found = functions(store, MemoryQueue(), clock)
    assert {found.state() for _ in range(10)} == {AwsState(0, datetime.fromtimestamp(2, UTC))}
    clock.seconds += KEPT_SECONDS
    found.state()
    assert store.listings == 2


def test_last_write_time_is_omitted_for_a_very_large_table() -> None:
    assert functions(Listing(MAX_LISTED), MemoryQueue(), Clock()).state().written is not None
    assert functions(Listing(MAX_LISTED + 1), MemoryQueue(), Clock()).state().written is None
