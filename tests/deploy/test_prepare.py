"""Preparation of a deployment: the ingest key, and reservations where the account's quota has room for them."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from support.functions import ROOT, load
from support.moto import moto_server
from support.templates import parsed

THERE = {"ReserveConcurrency": "on", "IngestConcurrency": "6", "QueryConcurrency": "3", "FlushReserved": "2"}


@pytest.fixture(scope="module")
def prepare() -> Any:
    return load(ROOT / "deploy" / "prepare.py")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with moto_server() as address:
        yield address


def test_defaults_are_those_of_the_template(prepare: Any) -> None:
    parameters = parsed()["Parameters"]
    assert {name: str(parameters[name]["Default"]) for name in prepare.DEFAULTS} == prepare.DEFAULTS


@pytest.mark.parametrize(
    ("given", "there", "free", "chosen"),
    [
        ({}, {}, 1000, {"ReserveConcurrency": "on"}),
        ({}, {}, 111, {"ReserveConcurrency": "on"}),
        ({}, {}, 110, {"ReserveConcurrency": "off"}),
        ({}, {}, 10, {"ReserveConcurrency": "off"}),
        ({"IngestConcurrency": "900"}, {}, 1000, {"ReserveConcurrency": "off"}),
        # What the stack has reserved already is free for it.
        ({}, THERE, 100, {"ReserveConcurrency": "on"}),
        ({"IngestConcurrency": "7"}, THERE, 100, {"ReserveConcurrency": "off"}),
        ({}, {**THERE, "ReserveConcurrency": "off"}, 1000, {"ReserveConcurrency": "on"}),
        ({}, {"Sites": "example.com"}, 1000, {"ReserveConcurrency": "on"}),
        ({"ReserveConcurrency": "on"}, {}, 10, {}),
        ({}, {}, None, {}),
        ({"FlushTrigger": "queue"}, {}, None, {"FlushReserved": "3"}),
        ({}, {"FlushTrigger": "queue", "FlushConcurrency": "5"}, None, {"FlushReserved": "6"}),
        ({"FlushTrigger": "queue", "FlushReserved": "9"}, {}, None, {}),
    ],
)
def test_choose_reserves_concurrency_when_possible_and_keeps_given_values(
    prepare: Any, given: dict[str, str], there: dict[str, str], free: int | None, chosen: dict[str, str]
) -> None:
    assert prepare.choose(given, there, free) == chosen


def test_ingest_key_is_created_once_when_a_path_is_given(prepare: Any, server: str) -> None:
    client: Any = boto3.client("ssm", endpoint_url=server)
    prepare.make_ingest_key("", client)
    prepare.make_ingest_key("/mine", client)
    first = client.get_parameter(Name="/mine/ingest-key", WithDecryption=True)["Parameter"]
    prepare.make_ingest_key("/mine", client)
    again = client.get_parameter(Name="/mine/ingest-key", WithDecryption=True)["Parameter"]
    assert first["Value"] == again["Value"]
    assert (len(first["Value"]), first["Type"]) == (64, "SecureString")
    assert len(client.describe_parameters()["Parameters"]) == 1


def test_missing_stack_has_no_parameters(prepare: Any, server: str) -> None:
    assert prepare.parameters_of("none", boto3.client("cloudformation", endpoint_url=server)) == {}
