"""Secrets in AWS's Parameter Store: read by name, by those who may, and nowhere else."""

import os
from collections.abc import Iterator
from unittest.mock import patch

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import clear_caches

from mallard.aws.parameter_store import read_parameter
from mallard.config import load_settings
from mallard.errors import ConfigError
from support.functions import Context, cold, request
from support.moto import moto_server

PASSWORD = "kettle-moss-17"
FUNCTION = {"AWS_LAMBDA_FUNCTION_NAME": "query", "MALLARD_ADMIN_PASSWORD": "ssm:/mallard/admin-password"}


@pytest.fixture(autouse=True)
def _parameter_store() -> Iterator[None]:
    with moto_server() as address, patch.dict(os.environ, {"AWS_ENDPOINT_URL": address}):
        client = boto3.client("ssm")
        client.put_parameter(Name="/mallard/admin-password", Value=PASSWORD, Type="SecureString", Overwrite=True)
        clear_caches()  # type: ignore[no-untyped-call]
        yield


def test_a_parameter_is_read_decrypted() -> None:
    assert read_parameter("/mallard/admin-password") == PASSWORD


def test_missing_parameter_is_named_in_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"^The parameter /mallard/secret cannot be read: .*\.$"):
        read_parameter("/mallard/secret")


def test_a_secret_is_read_where_its_setting_names_a_parameter() -> None:
    settings = load_settings(FUNCTION, read_parameter=read_parameter)
    assert settings.admin_password == PASSWORD


def test_query_function_accepts_the_password_of_the_parameter_store(tmp_path: object) -> None:
    with patch.dict(os.environ, {**FUNCTION, "MALLARD_STORE": str(tmp_path), "MALLARD_QUEUE": "local"}):
        settings = cold("query").settings()
    assert settings.admin_password == PASSWORD


def test_ingest_function_without_its_secret_is_503_and_logs_no_exception(
    tmp_path: object, capfd: pytest.CaptureFixture[str]
) -> None:
    environment = {"AWS_LAMBDA_FUNCTION_NAME": "ingest", "MALLARD_INGEST_KEY": "ssm:/mallard/absent"}
    with patch.dict(os.environ, {**environment, "MALLARD_STORE": str(tmp_path), "MALLARD_SITES": "a.example"}):
        answer = cold("ingest").handle(request(body="{}"), Context())
    assert (answer["statusCode"], answer["headers"]["retry-after"]) == (503, "1")
    assert "/mallard/absent cannot be read" in capfd.readouterr().out
