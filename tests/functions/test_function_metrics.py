"""What the ingest and flush functions tell of themselves: what happened and how often, and nothing of whom."""

import base64
import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest

from mallard.auth.api_keys import ApiKeys
from mallard.aws.powertools import Powertools
from mallard.bootstrap.queue import open_queue
from mallard.bootstrap.store import open_store
from mallard.config import load_settings
from mallard.errors import QueueError, StoreUnavailableError, UnforeseenError
from mallard.ingest.drop_reasons import DropReason
from mallard.queue.sqs import SqsQueue
from mallard.store.s3 import S3Store
from support.functions import ROOT, Context, cold, load, request
from support.moto import moto_server
from support.rows import event

SITE = "smoke.example"
ADDRESS = "203.0.113.77"
ADDRESS_6 = "2001:db8:77::5eed"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0 Unmistakable/77"
QUERY = "token=geheim4711"
URL = f"https://{SITE}/page?{QUERY}"
PERSONAL = (ADDRESS, ADDRESS_6, "Unmistakable", "Gecko", "geheim")
HEADERS = {"user-agent": AGENT, "x-forwarded-for": ADDRESS_6, "accept-language": "de"}
PAGE_VIEW = json.dumps({"d": SITE, "n": "pageview", "u": URL, "r": f"https://other.example/?{QUERY}"})
MAX_CPU_MS_PER_EVENT = 3
MAX_CPU_MS_OF_IMPORTS = 1500
MAX_MODULES = 370

Printed = Callable[[], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as address:
        yield address


@pytest.fixture(autouse=True)
def _environment(server: str, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    smoke = load(ROOT / "localstack" / "smoke.py")
    with patch.dict(os.environ, {**smoke._resources(server), "MALLARD_CLOUDWATCH_METRICS": "true"}):
        yield


@pytest.fixture
def printed(capfd: pytest.CaptureFixture[str]) -> Printed:
    """The JSON lines on stdout since the last look; whatever came, on whatever stream, held nothing personal."""

    def look() -> list[dict[str, Any]]:
        out, err = capfd.readouterr()
        assert [word for word in PERSONAL if word in out + err] == []
        return [json.loads(line) for line in out.splitlines()]

    return look


def page_view(**more: Any) -> dict[str, Any]:
    return request(**{"body": PAGE_VIEW, "headers": HEADERS, "source": ADDRESS, **more})


def metrics(lines: list[dict[str, Any]]) -> dict[str, float]:
    """The values of the one EMF object among the lines, without the latency; its dimension is the service alone."""
    (found,) = [line for line in lines if "_aws" in line]
    (directive,) = found["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("Mallard", [["service"]])
    names = {each["Name"]: each["Unit"] for each in directive["Metrics"]}
    assert set(found) == {"_aws", "service", *names}
    assert names.pop("latency") == "Milliseconds"
    assert set(names.values()) <= {"Count"}
    return {name: sum(found[name]) for name in names}


def messages(lines: list[dict[str, Any]]) -> list[str]:
    """The log lines' messages; each line names service and request."""
    found = [line for line in lines if "_aws" not in line]
    assert {line["correlation_id"] for line in found} <= {Context.aws_request_id}
    assert {line["service"] for line in found} <= {"ingest", "flush"}
    return [line["message"] for line in found]


def test_event_logs_one_metrics_object_and_no_line(printed: Printed) -> None:
    assert cold("ingest").handle(page_view(), Context())["statusCode"] == 202
    lines = printed()
    assert len(lines) == 1
    assert metrics(lines) == {"accepted": 1}
    assert lines[0]["service"] == "ingest"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"headers": {"user-agent": "Googlebot/2.1 Unmistakable"}}, "bot"),
        ({"body": ""}, "empty"),
        ({"body": json.dumps({"d": SITE, "u": URL})}, "missing"),
        ({"body": "%%%", "isBase64Encoded": True}, "malformed"),
        ({"body": "\ud800" + ADDRESS}, "malformed"),
        ({"body": AGENT * 1000}, "too_large"),
        ({"body": json.dumps({"d": "elsewhere.example", "n": "pageview", "u": URL})}, "site"),
        ({"method": "GET", "query": f"d={SITE}&u={QUERY}"}, "missing"),
    ],
)
def test_a_drop_is_counted_by_its_reason(printed: Printed, change: dict[str, Any], reason: str) -> None:
    answer = cold("ingest").handle(page_view(**change), Context())
    assert answer["headers"]["x-mallard-dropped"] == reason
    lines = printed()
    assert metrics(lines) == {"dropped": 1, f"dropped_{reason}": 1}
    assert messages(lines) == []


def test_batch_logs_its_rows_in_one_metrics_object(printed: Printed) -> None:
    key, _ = ApiKeys(open_store(load_settings())).create("test", "Ingest", datetime.now(UTC))
    good = {"d": SITE, "n": "pageview", "u": URL, "ip": ADDRESS, "ua": AGENT}
    rows = [good, good | {"ip": f"{ADDRESS}.1"}, good | {"ua": "curl/8 Unmistakable"}, good | {"ts": ADDRESS_6}, good]
    batch = request(path="/api/events", body=json.dumps(rows), headers={"authorization": f"Bearer {key}"})
    answer = cold("ingest").handle(batch, Context())
    assert json.loads(base64.b64decode(answer["body"]))["accepted"] == 2
    lines = printed()
    counts = {"accepted": 2, "dropped": 3, "dropped_address": 1, "dropped_bot": 1, "dropped_time": 1}
    assert metrics(lines) == counts
    assert set(counts) - {"accepted", "dropped"} <= {f"dropped_{reason}" for reason in DropReason}


def test_queue_failure_is_a_503_with_a_log_line_and_the_retry_counts_once(
    printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = cold("ingest")
    again = page_view(body=json.dumps({"d": SITE, "n": "pageview", "u": URL, "i": "once"}))
    real = SqsQueue.send

    def lost_answer(queue: SqsQueue, bodies: Any) -> None:
        real(queue, bodies)
        raise QueueError("The queue did not answer as expected: ConnectTimeoutError.")

    monkeypatch.setattr(SqsQueue, "send", lost_answer)
    answer = ingest.handle(again, Context())
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "1")
    lines = printed()
    assert metrics(lines) == {"unavailable": 1}
    assert messages(lines) == ["event not stored: The queue did not answer as expected: ConnectTimeoutError."]

    monkeypatch.setattr(SqsQueue, "send", real)
    assert ingest.handle(again, Context())["statusCode"] == 202
    flushed = cold("flush").handle({}, Context())
    assert (flushed["written"], flushed["duplicates"]) == (1, 1)


def test_a_refused_connection_to_the_queue_is_a_503(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLARD_QUEUE", "http://127.0.0.1:1/queue")
    assert cold("ingest").handle(page_view(), Context())["statusCode"] == 503
    assert messages(printed()) == ["event not stored: The queue did not answer as expected: EndpointConnectionError."]


def test_store_failure_at_a_cold_start_is_503_and_leaves_no_state(
    printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest = cold("ingest")

    def away(store: S3Store, key: str) -> None:
        raise StoreUnavailableError(f"{key}: no answer.")

    with monkeypatch.context() as broken:
        broken.setattr(S3Store, "get", away)
        answer = ingest.handle(page_view(), Context())
        assert answer["statusCode"] == 503
        assert answer["headers"]["access-control-allow-origin"] == "*"
        pixel = ingest.handle(page_view(method="GET"), Context())
        assert (pixel["statusCode"], pixel["headers"]["x-mallard-dropped"]) == (200, "unavailable")
        lines = printed()
    assert [line["unavailable"] for line in lines if "_aws" in line] == [[1.0], [1.0]]
    assert messages(lines) == 2 * ["not ready: config/rotation.json: no answer."]
    assert ingest.handle(page_view(), Context())["statusCode"] == 202


def test_exception_that_quotes_the_request_is_logged_by_type_and_place(
    printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quoting(queue: SqsQueue, bodies: Any) -> None:
        logging.getLogger("mallard.queue").exception("while sending", exc_info=ValueError(ADDRESS))
        raise ValueError(f"{ADDRESS} {AGENT} {QUERY}")

    monkeypatch.setattr(SqsQueue, "send", quoting)
    assert cold("ingest").handle(page_view(), Context())["statusCode"] == 503
    lines = printed()
    assert metrics(lines) == {"faults": 1, "unavailable": 1}
    first, second = messages(lines)
    assert first == "while sending: ValueError in no frame"
    assert second.startswith("failed: ValueError in quoting (test_function_metrics.py:")


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"requestContext": None, "headers": None, "body": None},
        {"requestContext": {"http": {"method": "POST", "sourceIp": ADDRESS}}},
        page_view(headers=None),
        page_view(headers=[AGENT]),
        page_view(headers={"User-Agent": [AGENT, AGENT], "cookie": {"a": ADDRESS}}),
        page_view(headers={"user-agent": f"{AGENT},{AGENT}", "x-forwarded-for": f"{ADDRESS}, {ADDRESS_6}"}),
        page_view(source=f"{ADDRESS}\x00"),
        page_view(body={"d": ADDRESS}),
        page_view(body=AGENT, isBase64Encoded=True),
        page_view(rawPath=None),
        page_view(method="GET", rawQueryString=None),
        page_view(method="GET", query=f"d={SITE}&n=pageview&u=%ff{ADDRESS}"),
        {"httpMethod": "POST", "path": "/api/event", "multiValueHeaders": {"User-Agent": [AGENT]}, "body": PAGE_VIEW},
        {"Records": [{"body": ADDRESS}]},
    ],
)
def test_an_odd_event_is_answered_and_not_quoted(printed: Printed, odd: dict[str, Any]) -> None:
    answer = cold("ingest").handle(odd, Context())
    assert answer["statusCode"] in (200, 202, 400, 405, 503)
    metrics(printed())


def test_flush_logs_its_counts(printed: Printed) -> None:
    today = datetime.now(UTC).date().isoformat()
    queue = open_queue(load_settings())
    queue.send([event(n, site_id=SITE, date=today).to_message() for n in range(3)] + [f"no event {ADDRESS}".encode()])
    cold("flush").handle({}, Context())
    counts = metrics(printed())
    assert {name: counts[name] for name in ("written", "duplicates", "partitions", "failed", "set_aside")} == {
        "written": 3,
        "duplicates": 0,
        "partitions": 1,
        "failed": 0,
        "set_aside": 1,
    }
    record = {
        "messageId": "1",
        "receiptHandle": "none",
        "body": event(9, site_id=SITE, date=today).to_message().decode(),
    }
    assert cold("flush").handle({"Records": [record]}, Context()) == {"batchItemFailures": []}
    assert metrics(printed()) == {"received": 1, "failed": 0}


def test_failing_flush_raises_an_exception_without_request_data(
    printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    flush = cold("flush")
    with pytest.raises(UnforeseenError, match=r"^KeyError in _message \(sqs_records.py:\d+\) < ") as raised:
        flush.handle({"Records": [{"address": ADDRESS, "receiptHandle": AGENT}]}, Context())
    assert raised.value.__suppress_context__
    lines = printed()
    assert metrics(lines) == {"faults": 1}
    assert messages(lines) == [f"failed: {raised.value}"]

    def away(queue: SqsQueue) -> bool:
        raise QueueError("The queue did not answer as expected: ReadTimeoutError.")

    monkeypatch.setattr(SqsQueue, "is_idle", away)
    with pytest.raises(QueueError):
        flush.handle({}, Context())
    assert messages(printed()) == ["failed: The queue did not answer as expected: ReadTimeoutError."]


def test_functions_log_only_errors_when_metrics_are_off(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALLARD_CLOUDWATCH_METRICS")
    ingest = cold("ingest")
    assert ingest.handle(page_view(), Context())["statusCode"] == 202
    cold("flush").handle({}, Context())
    assert printed() == []

    def away(queue: SqsQueue, bodies: Any) -> None:
        raise QueueError("The queue did not answer as expected: ReadTimeoutError.")

    monkeypatch.setattr(SqsQueue, "send", away)
    assert ingest.handle(page_view(), Context())["statusCode"] == 503
    (told,) = [line for line in printed() if "_aws" in line]
    assert [each["Name"] for each in told["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["unavailable"]


def test_debug_level_logs_more_lines_without_personal_data(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLARD_LOG_LEVEL", "debug")
    ingest = cold("ingest")
    ingest.handle(page_view(), Context())
    logging.getLogger("mallard.ingest").debug("a line of debug")
    assert messages(printed()) == ["a line of debug"]


def test_latency_is_the_time_of_the_invocation(printed: Printed) -> None:
    clock = iter((10.0, 10.25))
    with Powertools("ingest", seconds=lambda: next(clock)).invocation(Context()) as counts:
        counts["accepted"] += 1
    (line,) = printed()
    assert line["latency"] == [250.0]


def test_tracing_without_the_sdk_logs_one_warning(printed: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "aws_xray_sdk", None)
    monkeypatch.setenv("MALLARD_TRACING", "true")
    assert cold("ingest").handle(page_view(), Context())["statusCode"] == 202
    (line,) = [line for line in printed() if "_aws" not in line]
    assert line["message"] == "MALLARD_TRACING is on, but no layer brings the X-Ray SDK: nothing is traced"


def test_traces_contain_calls_but_no_request_data() -> None:
    """With the SDK's own daemon protocol, as Lambda would set it up."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(30)
        lambda_ = {
            "MALLARD_TRACING": "true",
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "LAMBDA_TASK_ROOT": str(ROOT),
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        }
        code = (
            "import json, sys; sys.path.insert(0, 'tests'); from support.functions import Context, cold;"
            " print(cold('ingest').handle(json.load(sys.stdin), Context())['statusCode'])"
        )
        command = [sys.executable, "-c", code]
        ended = subprocess.run(
            command,
            input=json.dumps(page_view()),
            env={**os.environ, **lambda_},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        traces = daemon.recv(65_535).decode()
        daemon.settimeout(0.5)
        try:
            while True:
                traces += daemon.recv(65_535).decode()
        except TimeoutError:
            pass
    assert ended.stdout.splitlines()[-1] == "202"
    assert '"name": "sqs"' in traces
    assert '"name": "handle"' in traces
    assert [word for word in PERSONAL if word in traces + ended.stdout + ended.stderr] == []


def test_a_warm_event_takes_little_cpu_beside_the_call_to_sqs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processor time, not the clock's; some twenty times less than the limit."""
    ingest = cold("ingest")
    ingest.handle(page_view(), Context())
    monkeypatch.setattr(SqsQueue, "send", lambda queue, bodies: None)
    events = [page_view(source=f"198.51.100.{n % 256}") for n in range(200)]
    began = time.process_time()
    for each in events:
        assert ingest.handle(each, Context())["statusCode"] == 202
    assert 1000 * (time.process_time() - began) / len(events) < MAX_CPU_MS_PER_EVENT


def test_cold_start_imports_stay_within_their_budget() -> None:
    code = (
        "import sys, time; sys.path.insert(0, 'functions/ingest'); began = time.process_time(); import handler;"
        " print(1000 * (time.process_time() - began), len(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    cpu_ms, modules = ended.stdout.split()
    assert int(modules) < MAX_MODULES
    assert float(cpu_ms) < MAX_CPU_MS_OF_IMPORTS


def test_the_document_names_every_metric(printed: Printed) -> None:
    text = (ROOT / "docs" / "observing.md").read_text("utf-8")
    cold("ingest").handle(page_view(), Context())
    cold("ingest").handle(page_view(body="\ud800"), Context())
    cold("flush").handle({}, Context())
    cold("flush").handle({"Records": []}, Context())
    lines = [line for line in printed() if "_aws" in line]
    names = {each["Name"] for line in lines for each in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]}
    assert len(names) > 12
    reasons = {f"dropped_{reason}" for reason in DropReason}
    assert {name for name in names - reasons if f"`{name}`" not in text} == set()
