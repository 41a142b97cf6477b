"""The template as a stack: `make deploy` into an emulated AWS that runs the functions, and an event all through it."""

import json
import os
import re
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import boto3
import pytest

from support.functions import ROOT
from support.ministack import WITH_LAMBDA, ministack
from support.rows import event

pytestmark = pytest.mark.heavy

SITE = "proof.example"
PASSWORD = "kettle-moss-17"
EDGE_SECRET = "between-edge-and-function-4711"
DEPLOY_SECONDS = 240
ANSWER_SECONDS = 60
TRIES = 5
FLUSH_SECONDS = 150
"""Of a schedule that runs each minute."""

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
FROM_CLOUDFRONT = {
    "X-Mallard-Edge": EDGE_SECRET,
    "CloudFront-Viewer-Address": "203.0.113.9:50001",
    "CloudFront-Viewer-Country": "AT",
}


class Stack:
    """What was deployed, and how it is reached."""

    def __init__(self, endpoint: str, printed: str) -> None:
        self.endpoint, self.printed = endpoint, printed
        stacks: Any = boto3.client("cloudformation", endpoint_url=endpoint)
        (found,) = stacks.describe_stacks(StackName="proof")["Stacks"]
        self.outputs = {each["OutputKey"]: each["OutputValue"] for each in found["Outputs"]}
        self.s3 = boto3.client("s3", endpoint_url=endpoint)
        self.sqs = boto3.client("sqs", endpoint_url=endpoint)
        self.token = ""

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """One request at the API's door, with the owner's token where there is one; a 503 is asked again later."""
        data = None if body is None else json.dumps(body).encode()
        given = {"Host": urlsplit(self.outputs["ApiUrl"]).netloc, "User-Agent": FIREFOX, "X-Mallard-Edge": EDGE_SECRET}
        given |= headers
        given |= {"Authorization": f"Bearer {self.token}"} if self.token else {}
        request = urllib.request.Request(self.endpoint + path, data, given, method=method)
        for is_last in [False] * TRIES + [True]:
            try:
                with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
                    text = answer.read()
                break
            except urllib.error.HTTPError as error:
                if error.code != HTTPStatus.SERVICE_UNAVAILABLE or is_last:
                    raise
                time.sleep(1)
        return answer.status, json.loads(text) if text else None

    def page_views(self, site: str) -> int:
        """As the dashboard would be told."""
        if not self.token:
            login = self.ask("POST", "/api/auth/login", {"password": PASSWORD}, **{"Content-Type": "application/json"})
            self.token = login[1]["token"]
        status, answer = self.ask("GET", f"/api/stats/main?site_id={site}&period=today")
        assert status == 200
        return int(answer["total_pageviews"])

    def waiting(self, output: str) -> int:
        """Messages in a queue, handed out or not."""
        names: Any = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.outputs[output], AttributeNames=names)
        return sum(int(each) for each in answer["Attributes"].values())

    def send_back(self) -> None:
        """What SQS's own redrive does, which the emulator does not know: dead letters go to the queue again."""
        dead = self.outputs["DeadLettersUrl"]
        for each in self.sqs.receive_message(QueueUrl=dead, WaitTimeSeconds=5)["Messages"]:
            self.sqs.send_message(QueueUrl=self.outputs["QueueUrl"], MessageBody=each["Body"])
            self.sqs.delete_message(QueueUrl=dead, ReceiptHandle=each["ReceiptHandle"])


def make_deploy(build: Path, architecture: str, *parameters: str) -> str:
    """`make deploy` of what is built already; what it printed."""
    command = ["make", "--silent", "--old-file=build", "--old-file=setup", "deploy", "STACK=proof"]
    ended = subprocess.run(
        [*command, f"ARCH={architecture}", f"BUILD={build}", f"PARAMETERS={' '.join(parameters)}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEPLOY_SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-3000:]
    return ended.stdout


@contextmanager
def deployed(build: Path, architecture: str, *parameters: str, stored: Sequence[str] = ()) -> Iterator[Stack]:
    """A stack in an emulator of its own. ``stored`` names secrets in AWS."""
    with ministack(WITH_LAMBDA) as endpoint, patch.dict(os.environ, {"AWS_ENDPOINT_URL": endpoint}):
        parameter_store: Any = boto3.client("ssm", endpoint_url=endpoint)
        for name in stored:
            parameter_store.put_parameter(Name=name, Value=f"stored-{PASSWORD}", Type="SecureString")
        began = time.monotonic()
        given = [f"Sites={SITE}", f"AdminPassword={PASSWORD}", f"EdgeSecret={EDGE_SECRET}", *parameters]
        printed = make_deploy(build, architecture, *given)
        print(f"\ndeployed in {time.monotonic() - began:.0f} s", end="")
        yield Stack(endpoint, printed)


@pytest.fixture(scope="module")
def stack(here: Path, architecture: str) -> Iterator[Stack]:
    with deployed(here, architecture, "AthenaDatabase=proof") as found:
        yield found


def soon(what: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + FLUSH_SECONDS
    while time.monotonic() < deadline:
        if what():
            return True
        time.sleep(1)
    return False


def test_a_deployment_uploads_the_dashboard_and_every_script_and_names_the_snippet(stack: Stack) -> None:
    bucket = stack.outputs["SiteBucketName"]
    page = stack.s3.get_object(Bucket=bucket, Key="index.html")
    assert (page["ContentType"], page["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
    script = stack.s3.get_object(Bucket=bucket, Key="tracking/script.hash.outbound.js")
    assert b"mallard" in script["Body"].read()
    assert stack.outputs["Snippet"] in stack.printed
    assert "files uploaded, 0 removed." in stack.printed


def test_events_are_counted_and_dead_letters_can_be_redriven(stack: Stack) -> None:
    """All at once, for one run of the schedule."""
    body = {"d": SITE, "n": "pageview", "u": f"https://{SITE}/hello"}
    assert stack.ask("POST", "/api/event", body, **FROM_CLOUDFRONT) == (202, None)
    stack.sqs.send_message(QueueUrl=stack.outputs["QueueUrl"], MessageBody="no event")
    today = f"{datetime.now(UTC).date()}"
    stack.sqs.send_message(
        QueueUrl=stack.outputs["DeadLettersUrl"], MessageBody=event(7, site_id=SITE, date=today).to_message().decode()
    )
    stack.send_back()
    assert soon(lambda: stack.page_views(SITE) == 2)
    assert soon(lambda: (stack.waiting("QueueUrl"), stack.waiting("DeadLettersUrl")) == (0, 1))
    listed = stack.s3.list_objects_v2(Bucket=stack.outputs["BucketName"], Prefix=f"events/site_id={SITE}/")
    assert [each["Key"].rpartition("/")[2] for each in listed["Contents"]] == ["00000.parquet"]
    _, countries = stack.ask("GET", f"/api/stats/breakdown/countries?site_id={SITE}&period=today")
    assert "AT" in [each["value"] for each in countries], "the CDN's word, which came with its secret"


def test_redeployment_keeps_other_parameters_and_skips_unchanged_files(
    stack: Stack, here: Path, architecture: str
) -> None:
    printed = make_deploy(here, architecture, "FlushMinutes=5")
    stacks: Any = boto3.client("cloudformation", endpoint_url=stack.endpoint)
    (found,) = stacks.describe_stacks(StackName="proof")["Stacks"]
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in found["Parameters"]}
    assert (parameters["FlushMinutes"], parameters["Sites"], parameters["AthenaDatabase"]) == ("5", SITE, "proof")
    assert re.search(r"^0 of \d+ files uploaded, 0 removed\.$", printed, re.MULTILINE)
    assert stack.page_views(SITE) == 2


def test_athena_table_is_in_the_catalog(stack: Stack) -> None:
    catalog: Any = boto3.client("glue", endpoint_url=stack.endpoint)
    table = catalog.get_table(DatabaseName="proof", Name="events")["Table"]
    assert table["Parameters"]["projection.enabled"] == "true"
    where = f"s3://{stack.outputs['BucketName']}/events/site_id=${{site_id}}/date=${{date}}/"
    assert table["Parameters"]["storage.location.template"] == where


def test_function_url_and_queue_trigger_options_are_deployed(here: Path, architecture: str) -> None:
    parameters = ("FrontDoor=FunctionUrl", "FlushTrigger=queue", "FlushWindowSeconds=1", "Cdn=off")
    stored = [f"/proof/{name}" for name in ("admin-password", "secret", "ingest-key", "edge-secret")]
    with deployed(here, architecture, *parameters, "SecretsPath=/proof", stored=stored) as stack:
        assert "SiteBucketName" not in stack.outputs
        functions: Any = boto3.client("lambda", endpoint_url=stack.endpoint)
        urls = {each["FunctionName"] for each in functions.list_functions()["Functions"]}
        ingest, query = (next(each for each in urls if part in each) for part in ("Ingest", "Query"))
        assert functions.get_function_url_config(FunctionName=ingest)["AuthType"] == "NONE"
        assert functions.get_function_url_config(FunctionName=query)["FunctionUrl"] == stack.outputs["QueryUrl"]
        given: Any = functions.get_function_configuration(FunctionName=ingest)["Environment"]["Variables"]
        assert (given["MALLARD_INGEST_KEY"], given["MALLARD_EDGE_SECRET"]) == (
            "ssm:/proof/ingest-key",
            "ssm:/proof/edge-secret",
        )
        body = {"d": SITE, "n": "pageview", "u": f"https://{SITE}/hello"}
        assert stack.ask("POST", "/", body)[0] == 202, "and the secrets were read"
        # The emulator takes a number that a parameter gives for text, and then hands over nothing.
        (mapping,) = functions.list_event_source_mappings()["EventSourceMappings"]
        functions.update_event_source_mapping(UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": 2})
        assert soon(lambda: stack.waiting("QueueUrl") == 0)
        bucket = stack.outputs["BucketName"]
        assert soon(lambda: "Contents" in stack.s3.list_objects_v2(Bucket=bucket, Prefix=f"events/site_id={SITE}/"))
