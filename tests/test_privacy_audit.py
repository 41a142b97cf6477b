"""After a wild day, no byte of what is left anywhere tells an address or an agent."""

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3
import pytest

from mallard.auth.api_keys import ApiKeys
from mallard.bootstrap.queue import open_local_queue, open_queue
from mallard.bootstrap.store import open_store
from mallard.config import load_settings
from support.audit import Person, as_bytes, decoded_parquet, people, places_below, traces
from support.functions import ROOT, Context, cold, load, request
from support.moto import moto_server
from support.server import Server
from support.wild_traffic import OTHER, SITE, Wire, ask, batch, page_view, wild

PEOPLE = 400
SEED = 20261124


@pytest.fixture(scope="module")
def persons() -> list[Person]:
    return people(PEOPLE, SEED)


def mallard(data: Path, *arguments: str, **settings: str) -> bytes:
    """A command on the server's folder; all that it wrote."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLARD_")}
    environment |= {"MALLARD_DATA_DIR": str(data), "MALLARD_LOG_LEVEL": "debug", **settings}
    command = [sys.executable, "-m", "mallard", *arguments]
    ended = subprocess.run(command, env=environment, capture_output=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout + ended.stderr


def make_yesterday(data: Path, days_ago: int) -> None:
    """Move what is stored of today some days back, so that the next start counts closed days."""
    today = datetime.now(UTC).date()
    for folder in list((data / "events").glob(f"site_id=*/date={today}")):
        folder.rename(folder.with_name(f"date={today - timedelta(days=days_ago)}"))


def some_reports(site_id: str, today: date) -> Iterator[str]:
    yield f"/api/stats/main?site_id={site_id}&period=30d"
    yield f"/api/stats/timeseries?site_id={site_id}&period=30d"
    for dimension in ("pages", "sources", "browsers", "os", "devices", "countries", "languages", "events"):
        yield f"/api/stats/breakdown/{dimension}?site_id={site_id}&period=30d&limit=1000"
    yield f"/api/stats/breakdown/browser_versions?site_id={site_id}&start_date={today}&end_date={today}"
    yield "/metrics"
    yield "/health/detailed"
    yield "/api/sites"
    yield f"/api/sites/{site_id}"


class Day:
    """A server's day: what it was sent, what it answered, and where its traces would be."""

    def __init__(self, folder: Path, persons: list[Person]) -> None:
        self.data, self.temporary = folder / "data", folder / "temporary"
        self.persons = persons
        self.answers: list[bytes] = []
        self.statuses: set[int] = set()
        self.temporary.mkdir()

    def server(self, **settings: str) -> Server:
        fixed = {"TMPDIR": str(self.temporary), "MALLARD_LOG_LEVEL": "debug"}
        return Server(self.data, **fixed | settings)

    def send(self, server: Server, wires: Iterator[Wire]) -> None:
        for wire in wires:
            status, answer = ask(server.origin, wire)
            self.statuses.add(status)
            self.answers.append(answer)

    def get(self, server: Server, *paths: str) -> None:
        self.send(server, (Wire("GET", path, {}) for path in paths))

    def places(self, server: Server) -> dict[str, bytes]:
        """Everything there is now."""
        kept = {f"temporary {name}": data for name, data in places_below(self.temporary).items()}
        answers = {"answers": b"\n".join(self.answers)}
        return {**places_below(self.data), **kept, **answers, "log": server.log().encode()}


def live_through(day: Day) -> dict[str, bytes]:
    """Two runs with a SIGKILL between them, flushes, queries, closed days, an erasure; all that was left on the way."""
    first, second, third, fourth = (day.persons[n::4] for n in range(4))
    seen: dict[str, bytes] = {}
    server = day.server(MALLARD_FLUSH_INTERVAL="3600")
    with server:
        day.send(server, wild(first))
        day.send(server, (page_view(each, d=OTHER) for each in first[:20]))
        day.get(server, *some_reports(SITE, datetime.now(UTC).date()))
        day.send(server, (page_view(each) for each in second[:40]))
        seen |= {f"while events wait, {name}": data for name, data in day.places(server).items()}
        server.stop(signal.SIGKILL)
    seen |= {f"after the kill, {name}": data for name, data in day.places(server).items()}
    key = mallard(day.data, "keys", "create", "--name", "ours", "--scope", "Ingest").split()[0].decode()
    seen["output of mallard flush"] = mallard(day.data, "flush")
    make_yesterday(day.data, 3)
    server = day.server(MALLARD_LOG_FORMAT="json", MALLARD_FLUSH_INTERVAL="1")
    with server:
        day.send(server, wild(second))
        day.send(server, iter([batch(third, key), batch(fourth[:7], "mm_wrong")]))
        day.send(server, wild(fourth))
        today = datetime.now(UTC).date()
        erase = f"/api/gdpr/erase?site_id={OTHER}&start_date={today - timedelta(days=9)}&end_date={today}"
        day.send(server, iter([Wire("DELETE", erase, {})]))
        server.wait_until_flushed()
        day.get(server, *some_reports(SITE, today))
        assert server.stop() == 0
    seen["output of mallard export"] = mallard(day.data, "export", "--site", SITE)
    return seen | {f"at the end, {name}": data for name, data in day.places(server).items()}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory, persons: list[Person]) -> Day:
    return Day(tmp_path_factory.mktemp("audit"), persons)


@pytest.fixture(scope="module")
def left(day: Day) -> dict[str, bytes]:
    return live_through(day)


def test_audited_day_covers_all_responses_and_places(day: Day, left: Mapping[str, bytes]) -> None:
    """All kinds of answers, and all the places that are searched."""
    assert day.statuses >= {200, 202, 204, 400, 401, 404, 405, 413, 422}
    kinds = (
        "queue.sqlite, decoded",
        "queue.sqlite-wal",
        "events/",
        "rollups/",
        "visits/",
        "salts/",
        "config/",
        "log",
        "answers",
    )
    assert [kind for kind in kinds if not any(kind in place for place in left)] == []
    decoded = [data for place, data in left.items() if "at the end, events/" in place and "decoded" in place]
    assert b"signup" in b"".join(decoded)
    assert b"pageview" in left["while events wait, queue/queue.sqlite, decoded"]
    assert len(left["output of mallard export"].splitlines()) > PEOPLE / 4


def test_server_leaves_no_trace_of_addresses_or_agents(left: Mapping[str, bytes], persons: list[Person]) -> None:
    assert traces(left, persons) == []


@pytest.mark.parametrize("form", ["address", pytest.param("agent", marks=[pytest.mark.heavy, pytest.mark.divided])])
def test_privacy_audit_finds_a_leak_through_a_property(tmp_path: Path, persons: list[Person], form: str) -> None:
    """A real leak, by a property: it is seen in the queue, in the table and in a copy of the log."""
    person = persons[1]
    own = str(person.address) if form == "address" else person.agent
    with Server(tmp_path / "data", MALLARD_FLUSH_INTERVAL="3600") as server:
        assert ask(server.origin, page_view(person, p={"own": own}))[0] == 202
        waiting = traces(places_below(tmp_path / "data"), persons)
        assert f"queue/queue.sqlite, decoded: {form}" in waiting
        assert f"queue/queue.sqlite-wal: {form}" in waiting
        assert server.stop() == 0
    stored = traces(places_below(tmp_path / "data"), persons)
    assert any(place.endswith(f"00000.parquet, decoded: {form}") for place in stored)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("number", [0, 1])
def test_privacy_audit_recognises_every_encoding(persons: list[Person], number: int) -> None:
    """0 is on IPv6, 1 on IPv4."""
    person = persons[number]
    for form, planted in {**person.words, **person.bytes_}.items():
        assert f"here: {form}" in traces({"here": b"\x00" + planted + b"\x00"}, persons)
    packed = b"".join(each.address.packed for each in persons if each.address.version == 4)
    assert "here: addresses, packed" in traces({"here": packed}, persons)
    assert traces({"here": os.urandom(1_000_000)}, persons) == []


@pytest.fixture
def aws() -> Iterator[str]:
    smoke = load(ROOT / "localstack" / "smoke.py")
    with (
        moto_server() as endpoint,
        patch.dict(os.environ, smoke._resources(endpoint)),
        patch.dict(
            os.environ, {"MALLARD_SITES": SITE, "MALLARD_LOG_LEVEL": "debug", "MALLARD_CLOUDWATCH_METRICS": "true"}
        ),
    ):
        yield endpoint


def as_gateway_event(wire: Wire, person: Person) -> dict[str, Any]:
    """How API Gateway hands over a request: names of headers in small letters, the address beside them."""
    headers = {name.lower(): value for name, value in wire.headers.items()}
    path, _, query = wire.path.partition("?")
    body = wire.body.decode("latin-1")
    return request(wire.method, path, body=body, query=query, headers=headers, source=str(person.address))


def bucket_and_queues(endpoint: str, folder: Path) -> dict[str, bytes]:
    """Every object, decoded too, and every message that waits or was set aside."""
    s3, sqs = boto3.client("s3", endpoint_url=endpoint), boto3.client("sqs", endpoint_url=endpoint)
    bucket, found = load_settings().store_location.removeprefix("s3://"), {}
    for each in s3.list_objects_v2(Bucket=bucket).get("Contents", []):
        data = s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read()
        found[each["Key"]] = each["Key"].encode() + data
        if each["Key"].endswith(".parquet"):
            (folder / "object.parquet").write_bytes(data)
            found[f"{each['Key']}, decoded"] = decoded_parquet(folder / "object.parquet")
    for name in ("", "-dead"):
        url = load_settings().queue + name
        messages: list[Any] = []
        wanted: Any = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}
        while few := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **wanted).get("Messages"):
            messages += few
        found[f"queue{name}"] = as_bytes(messages)
        for message in messages:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    return found


def test_functions_leave_no_trace_of_addresses_or_agents(
    aws: str, persons: list[Person], capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    some = persons[:120]
    ingest, flush = cold("ingest"), cold("flush")
    key, _ = ApiKeys(open_store(load_settings())).create("ours", "Ingest", datetime.now(UTC))
    answers = [
        ingest.handle(as_gateway_event(wire, person), Context()) for wire, person in zip(wild(some), some, strict=True)
    ]
    answers.append(ingest.handle(as_gateway_event(batch(persons[120:150], key), persons[120]), Context()))
    poison = {"date": datetime.now(UTC).date().isoformat(), "site_id": SITE, "event_id": "no number"}
    open_queue(load_settings()).send([json.dumps(poison).encode()])
    seen = {f"before the flush, {place}": data for place, data in bucket_and_queues(aws, tmp_path).items()}
    answers.append(flush.handle({}, Context()))
    seen |= {f"after the flush, {place}": data for place, data in bucket_and_queues(aws, tmp_path).items()}
    out, err = capfd.readouterr()
    bodies = [base64.b64decode(answer.get("body", "")) for answer in answers]
    seen |= {"answers": as_bytes(answers), "bodies": b"\n".join(bodies), "stdout": out.encode(), "stderr": err.encode()}

    assert {answer.get("statusCode") for answer in answers} >= {200, 202, 204, 400, 405, 413, 422}
    assert seen["before the flush, queue"].count(b"event_id") > 40
    assert b"no number" in seen["after the flush, queue-dead"]
    assert any("events/" in place and b"pageview" in data for place, data in seen.items() if "decoded" in place)
    assert b'"accepted"' in seen["stdout"]
    assert b"ip must be" in seen["bodies"]
    assert traces(seen, persons) == []


def test_privacy_audit_searches_messages_in_the_local_queue(tmp_path: Path, persons: list[Person]) -> None:
    """A message planted in the queue's file is found there."""
    with patch.dict(os.environ, {"MALLARD_DATA_DIR": str(tmp_path)}):
        queue = open_local_queue(load_settings())
    queue.send([persons[0].agent.encode()])
    queue.close()
    assert any(": slice of the agent" in each for each in traces(places_below(tmp_path), persons))


def test_debug_log_contains_no_lines_of_libraries(aws: str, tmp_path: Path) -> None:
    """Their own lines of debug would hold signed requests, and messages as they are sent."""
    out = mallard(tmp_path / "data", "flush", MALLARD_STORE=os.environ["MALLARD_STORE"], MALLARD_S3_ENDPOINT=aws)
    assert b"0 events written" in out
    loggers = {line.split()[3] for line in out.splitlines() if b" DEBUG " in line}
    assert all(name.startswith(b"mallard") for name in loggers), loggers
    assert b"Authorization" not in out
