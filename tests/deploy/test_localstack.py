"""The stack in LocalStack's core by the script that localstack/README.md names, up to a number in the dashboard."""

import json
import os
import re
import shlex
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
import pytest
import yaml
from playwright.sync_api import expect, sync_playwright

from support import chromium
from support.dashboard import shown
from support.functions import ROOT, load
from support.localstack import COMPOSE, compose, localstack
from support.moto import CREDENTIALS
from support.peers import PINS, compose_program
from support.pins import read_pins
from support.rows import event

pytestmark = pytest.mark.heavy

SITE = "localhost"
PAGE = "http://localhost:8080"
PASSWORD = "kettle-moss-17"
SEAL_ROWS = 1000
"""The fewest that a sealed segment may have."""

DEPLOY_SECONDS = 240
SOON_SECONDS = 90
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


class Stack:
    """What was deployed, and how it is reached."""

    def __init__(self, endpoint: str, printed: str) -> None:
        self.endpoint, self._output = endpoint, printed
        stacks: Any = self.client("cloudformation")
        (found,) = stacks.describe_stacks(StackName="mallard")["Stacks"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
        self.functions: Any = self.client("lambda")
        self.s3: Any = self.client("s3")
        self._token = ""

    def client(self, service: Any) -> Any:
        """Of the emulator."""
        return boto3.client(service, endpoint_url=self.endpoint)

    def ask(self, url: str, method: str = "GET", body: Any = None, **headers: str) -> tuple[int, Any, Any]:
        """Status, headers and body of an answer at an address that was printed, whose name nobody need resolve."""
        parts = urlsplit(url)
        data = None if body is None else json.dumps(body).encode()
        # Of a form, which urllib would say, the emulator keeps the body for itself.
        given = {"Host": parts.netloc, "User-Agent": FIREFOX, "Content-Type": "text/plain", **headers}
        path = f"{self.endpoint}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        with urllib.request.urlopen(urllib.request.Request(path, data, given, method=method), timeout=60) as answer:
            return answer.status, answer.headers, answer.read().decode()

    def page_views(self, site: str) -> int:
        """As the dashboard would be told."""
        api, is_json = self.outputs["QueryUrl"], {"Content-Type": "application/json"}
        if not self._token:
            login = self.ask(f"{api}api/auth/login", "POST", {"password": PASSWORD}, **is_json)
            self._token = json.loads(login[2])["token"]
        address = f"{api}api/stats/main?site_id={site}&period=today"
        return int(json.loads(self.ask(address, Authorization=f"Bearer {self._token}")[2])["total_pageviews"])

    def soon(self, site: str, count: int) -> bool:
        """Whether so many page views are counted in good time."""
        deadline = time.monotonic() + SOON_SECONDS
        while time.monotonic() < deadline:
            if self.page_views(site) == count:
                return True
            time.sleep(0.5)
        return False

    def printed(self, name: str) -> str:
        """What the script said, in a line of its own."""
        found = re.search(rf"^{name}: (.+)$", self._output, re.MULTILINE)
        assert found, self._output
        return found[1]

    @property
    def event_url(self) -> str:
        """Where events go."""
        return f"{self.outputs['ApiUrl']}api/event"

    def function(self, part: str) -> str:
        """A function's name."""
        found: str = next(
            each["FunctionName"]
            for each in self.functions.list_functions()["Functions"]
            if part in each["FunctionName"]
        )
        return found


@pytest.fixture(scope="module")
def stack(here: Path) -> Iterator[Stack]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with localstack() as endpoint, patch.dict(os.environ, CREDENTIALS):
        port = urlsplit(endpoint).port
        environment |= {"AWS_ENDPOINT_URL": endpoint, "LOCALSTACK_HOST": f"localhost:{port}"}
        environment |= {"BUILD": str(here)}
        began = time.monotonic()
        ended = subprocess.run(
            [str(ROOT / "localstack" / "deploy.sh"), f"Sites={SITE},batch.example", f"AdminPassword={PASSWORD}"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEPLOY_SECONDS,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
        print(f"\ndeployed in {time.monotonic() - began:.0f} s", end="")
        yield Stack(endpoint, ended.stdout)


def test_event_through_function_urls_and_queue_is_counted(stack: Stack) -> None:
    tried = subprocess.run(shlex.split(stack.printed("Try")), capture_output=True, text=True, check=True, timeout=60)
    assert tried.stdout.startswith("HTTP/1.1 202"), tried.stdout
    body = {"d": SITE, "n": "pageview", "u": f"{PAGE}/"}
    status, headers, _ = stack.ask(stack.event_url, "POST", body, Origin=PAGE)
    assert (status, headers["Access-Control-Allow-Origin"], headers["X-Mallard-Dropped"]) == (202, "*", None)
    assert stack.soon(SITE, 2)
    listed = stack.s3.list_objects_v2(Bucket=stack.outputs["BucketName"], Prefix=f"events/site_id={SITE}/")
    assert [each["Key"].rpartition("/")[2] for each in listed["Contents"]] == ["00000.parquet"]

    program = chromium.find()
    assert program, chromium.HOW
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(stack.printed("DashboardUrl"))
        shown(page, "password").fill(PASSWORD)
        shown(page, "password").press("Enter")
        # QueryCounts that are asked at once start a function each.
        expect(shown(page, "total-pageviews")).to_have_attribute("data-value", "2", timeout=1000 * SOON_SECONDS)
        browser.close()


def test_a_sealed_segment_is_read_through_httpfs(stack: Stack) -> None:
    flush, site, today = stack.function("Flush"), "batch.example", f"{datetime.now(UTC).date()}"
    given = stack.functions.get_function_configuration(FunctionName=flush)["Environment"]["Variables"]
    given |= {"MALLARD_SEAL_ROWS": str(SEAL_ROWS)}
    stack.functions.update_function_configuration(FunctionName=flush, Environment={"Variables": given})
    stack.functions.get_waiter("function_updated_v2").wait(FunctionName=flush, WaiterConfig={"Delay": 1})
    bodies = [event(n, site_id=site, date=today).to_message().decode() for n in range(SEAL_ROWS + 1)]
    for batch in (bodies[:SEAL_ROWS], bodies[SEAL_ROWS:]):
        records = [{"messageId": f"{n}", "receiptHandle": "-", "body": body} for n, body in enumerate(batch)]
        answer = stack.functions.invoke(FunctionName=flush, Payload=json.dumps({"Records": records}))
        assert json.load(answer["Payload"]) == {"batchItemFailures": []}
    listed = stack.s3.list_objects_v2(Bucket=stack.outputs["BucketName"], Prefix=f"events/site_id={site}/")
    assert [each["Key"].rpartition("/")[2] for each in listed["Contents"]] == ["00000.parquet", "00001.parquet"]
    # The last one is read whole; the sealed one DuckDB reads from the bucket by itself.
    assert stack.page_views(site) == SEAL_ROWS + 1


def test_flush_function_runs_maintenance_when_invoked_like_the_schedule(stack: Stack) -> None:
    answer = stack.functions.invoke(FunctionName=stack.function("Flush"), Payload=b"{}")
    assert "FunctionError" not in answer
    assert json.load(answer["Payload"])["failed"] == 0
    (schedule,) = stack.client("scheduler").list_schedules()["Schedules"]
    assert schedule["Name"].startswith("mallard-"), "two stacks would have one name"


def test_dashboard_and_script_are_served_from_the_bucket_of_the_snippet(stack: Stack) -> None:
    script = re.search(r'src="([^"]+)"', stack.printed("Snippet"))
    api = re.search(r'data-api="([^"]+)"', stack.printed("Snippet"))
    assert script
    assert api
    assert api[1] == stack.event_url
    status, headers, body = stack.ask(script[1])
    assert (status, headers["Content-Type"]) == (200, "text/javascript")
    assert "mallard" in body
    _, headers, page = stack.ask(stack.printed("DashboardUrl"))
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert f'name="mallard-api" content="{stack.outputs["QueryUrl"].rstrip("/")}"' in page


def test_emulator_refuses_origins_missing_from_the_compose_file(stack: Stack) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        stack.ask(stack.event_url, "POST", {}, Origin="https://stranger.example")


def test_stack_uses_only_services_of_the_localstack_core_and_a_cloudwatch_dashboard(stack: Stack) -> None:
    found = stack.client("cloudformation").list_stack_resources(StackName="mallard")["StackResourceSummaries"]
    kinds = {each["ResourceType"] for each in found}
    assert {kind.split("::")[1] for kind in kinds} == {"S3", "SQS", "Lambda", "IAM", "Logs", "Scheduler", "CloudWatch"}


def test_localstack_compose_file_pins_the_tested_version_on_loopback() -> None:
    service = compose()
    (pinned,) = (pin.requirement for pin in read_pins(PINS / "localstack.txt") if pin.name == "localstack-core")
    assert service["image"].partition("@")[0] == f"localstack/localstack:{str(pinned.specifier).removeprefix('==')}"
    assert service["ports"] == ["127.0.0.1:4566:4566"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


def test_compose_file_is_valid_for_compose() -> None:
    program = str(compose_program())
    command = [program, "-f", str(COMPOSE), "config"]
    found = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert found.stderr == ""
    service = yaml.safe_load(found.stdout)["services"]["localstack"]
    assert [(each["host_ip"], each["published"], each["target"]) for each in service["ports"]] == [
        ("127.0.0.1", "4566", 4566)
    ]
    assert service["environment"]["EXTRA_CORS_ALLOWED_ORIGINS"] == PAGE


def test_packer_refuses_two_layers_with_the_same_file(tmp_path: Path) -> None:
    packer: Any = load(ROOT / "localstack" / "pack.py")
    for folder in ("Function", "One/python", "Other/python"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "same.py").write_text("")
    with pytest.raises(ValueError, match=r"hold same\.py twice"):
        packer.pack(tmp_path, tmp_path / "into", {"Function": ("One", "Other")})
