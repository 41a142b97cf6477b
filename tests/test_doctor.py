"""`mallard doctor`: one line for each check, and 0 only where all is well."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from mallard.cli import main
from mallard.store.s3 import S3Store
from support.moto import moto_server
from support.proxy import Proxy, proxy
from support.s3 import Server

CONDITIONS = ["reads", "taken name", "swap", "stale version", "absent object", "race for a name", "race for a version"]
STORE = [*CONDITIONS, "deletions", "clock", "query engine", "table", "objects"]
MACHINE = ["data folder", "file modes", "disk room", "scratch room", "memory", "GeoIP"]
ALL = [*MACHINE, *STORE, "password", "secret", "queue"]


@pytest.fixture(scope="module")
def aws() -> Iterator[Proxy]:
    with moto_server() as address, proxy(address) as between:
        yield between


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MALLARD_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def store(aws: Proxy, monkeypatch: pytest.MonkeyPatch) -> S3Store:
    """The settings name a new bucket."""
    aws.only_etags = ""
    made = Server(aws.address).new_store("prefix")
    monkeypatch.setenv("MALLARD_STORE", f"s3://{made.bucket}/prefix")
    monkeypatch.setenv("MALLARD_S3_ENDPOINT", aws.address)
    return made


def doctor(capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str], dict[str, str]]:
    """The exit code, and the sentences of what is well and of what is wrong, by name."""
    code = main(["doctor"])
    lines = capsys.readouterr().out.splitlines()
    found: dict[str, dict[str, str]] = {"ok": {}, "wrong": {}}
    for line in lines:
        found[line[:5].strip()][line[7:25].strip()] = line[27:]
    assert sum(map(len, found.values())) == len(lines)
    return code, found["ok"], found["wrong"]


def test_doctor_passes_a_new_folder_and_leaves_no_extra_files(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, well, wrong = doctor(capsys)
    assert (code, wrong) == (0, {})
    assert list(well) == ALL
    assert well["clock"] == "The store has no clock of its own."
    assert well["queue"] == "The queue is writable, and 0 messages wait."
    assert list((data / "probe").iterdir()) == []


def test_doctor_fails_every_check_that_needs_an_unusable_folder(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data.write_bytes(b"a file")
    code, well, wrong = doctor(capsys)
    assert (code, list(well)) == (1, ["scratch room", "memory", "GeoIP"])
    assert list(wrong) == ["data folder", "file modes", "disk room", "store", "queue"]
    assert wrong["data folder"].endswith("see MALLARD_DATA_DIR.")


def test_doctor_passes_a_bucket(store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    code, well, wrong = doctor(capsys)
    assert (code, wrong) == (0, {})
    assert list(well) == ALL
    assert well["clock"] == "The clocks agree within 60 s."
    assert list(store.list("")) == []


def test_doctor_fails_for_a_missing_bucket(
    store: S3Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MALLARD_STORE", "s3://never-made")
    code, well, wrong = doctor(capsys)
    assert (code, list(well)) == (1, [*MACHINE, "queue"])
    assert wrong["store"].startswith(
        "The bucket never-made did not answer as expected: NoSuchBucket. Check MALLARD_STORE,"
    )


def test_doctor_fails_a_versioned_bucket_because_of_deleted_salts(
    store: S3Store, aws: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Server(aws.address).client
    client.put_bucket_versioning(Bucket=store.bucket, VersioningConfiguration={"Status": "Enabled"})
    code, _, wrong = doctor(capsys)
    assert (code, list(wrong)) == (1, ["deletions", "secret"])
    assert "privacy cannot be promised" in wrong["deletions"]


def test_doctor_names_the_failed_checks_of_a_server_refusing_swaps(
    store: S3Store, aws: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.only_etags = "none"
    code, _, wrong = doctor(capsys)
    assert (code, list(wrong)) == (1, ["swap", "stale version", "race for a version"])
    assert wrong["swap"] == "The store refuses a write with If-Match whose condition holds."


@pytest.mark.parametrize(
    ("etags", "sentence"),
    [
        ("", "The store supports all conditional writes: MALLARD_SINGLE_WRITER is not needed."),
        (
            "none",
            "The store refuses a write with If-Match whose condition holds; MALLARD_SINGLE_WRITER does not need it,"
            " within its limits.",
        ),
    ],
)
def test_doctor_tells_a_single_writer_whether_the_setting_is_needed(
    store: S3Store,
    aws: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    etags: str,
    sentence: str,
) -> None:
    aws.only_etags = etags
    monkeypatch.setenv("MALLARD_SINGLE_WRITER", "true")
    code, well, wrong = doctor(capsys)
    assert (code, wrong) == (0, {})
    assert well["conditions"] == sentence


def make_queue(aws: Proxy, name: str, days: int, **attributes: Any) -> tuple[str, str]:
    """The URL and the ARN of a new queue."""
    client = boto3.client("sqs", endpoint_url=aws.address, region_name="us-east-1")
    attributes = {"MessageRetentionPeriod": str(days * 86_400), **attributes}
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    return url, arn


def redrive(arn: str, receives: int) -> str:
    return f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "{receives}"}}'


def test_doctor_passes_an_sqs_queue_with_long_retention(
    store: S3Store, aws: Proxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, dead = make_queue(aws, "dead", 14)
    url, _ = make_queue(aws, "events", 7, RedrivePolicy=redrive(dead, 100))
    monkeypatch.setenv("MALLARD_QUEUE", url)
    code, well, wrong = doctor(capsys)
    assert (code, wrong) == (0, {})
    assert list(well)[-4:] == ["queue", "queue retention", "dead letters", "receives"]


def test_doctor_fails_an_sqs_queue_with_short_retention_with_advice(
    store: S3Store, aws: Proxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, dead = make_queue(aws, "dead-early", 4)
    url, _ = make_queue(aws, "events-early", 1, RedrivePolicy=redrive(dead, 3))
    monkeypatch.setenv("MALLARD_QUEUE", url)
    code, _, wrong = doctor(capsys)
    assert code == 1
    assert wrong == {
        "queue retention": "Messages are kept in the queue for 1 days; set MessageRetentionPeriod to 604800 s or more.",
        "dead letters": "Messages are kept in the dead-letter queue for 4 days; set MessageRetentionPeriod to"
        " 1209600 s or more.",
        "receives": "A message becomes a dead letter after 3 receives; set maxReceiveCount to 100.",
    }


def test_doctor_fails_an_sqs_queue_without_dead_letters(
    store: S3Store, aws: Proxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url, _ = make_queue(aws, "events-alone", 7)
    monkeypatch.setenv("MALLARD_QUEUE", url)
    code, _, wrong = doctor(capsys)
    assert (code, list(wrong)) == (1, ["dead letters"])


def test_doctor_fails_for_a_missing_sqs_queue(
    store: S3Store, aws: Proxy, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MALLARD_QUEUE", f"{aws.address}/123456789012/never-made")
    code, _, wrong = doctor(capsys)
    assert (code, list(wrong)) == (1, ["queue"])


def test_doctor_exits_with_2_for_an_invalid_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MALLARD_SINGLE_WRITER", "perhaps")
    assert main(["doctor"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "mallard: MALLARD_SINGLE_WRITER is 'perhaps', but must be true or false.\n"
