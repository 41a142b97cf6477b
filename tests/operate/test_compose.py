"""The compose files: safe by default, true to the image and to the settings, and their commands do their work."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml

from mallard.config import Settings, load_settings, variable
from support.image import ROOT, stages
from support.moto import moto_server
from support.peers import compose_program

FILES = ["docker-compose.yml", "docker-compose.minio.yml"]
OURS = {"PUBLISH", "MINIO_USER", "MINIO_PASSWORD"}
"""Variables of the compose files themselves: MALLARD_* would be taken for settings."""


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / name).read_text())
    return found


def example() -> dict[str, str]:
    """What .env.example sets, as it comes and with its comments taken away."""
    lines = re.findall(r"^#?([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    return dict(lines)


@pytest.fixture
def mallard() -> dict[str, Any]:
    found: dict[str, Any] = read("docker-compose.yml")["services"]["mallard"]
    return found


def test_the_container_may_write_to_its_volume_and_to_tmp_only(mallard: dict[str, Any]) -> None:
    assert mallard["read_only"] is True
    assert mallard["volumes"] == ["data:/data"]
    assert [each.partition(":")[0] for each in mallard["tmpfs"]] == ["/tmp"]
    assert stages()[-1].environment()["MALLARD_DATA_DIR"] == mallard["environment"]["MALLARD_DATA_DIR"] == "/data"


@pytest.mark.parametrize("name", FILES)
def test_containers_may_not_gain_privileges(name: str) -> None:
    for service in read(name)["services"].values():
        given = {**read("docker-compose.yml")["services"]["mallard"], **service} if "extends" in service else service
        assert given["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in given


def test_container_restarts_after_a_fault_and_has_time_for_its_last_flush(mallard: dict[str, Any]) -> None:
    assert mallard["restart"] == "unless-stopped"
    assert int(mallard["stop_grace_period"].rstrip("s")) > Settings().shutdown_timeout


def test_compose_publishes_on_loopback_unless_configured(mallard: dict[str, Any]) -> None:
    assert mallard["ports"] == ["${PUBLISH:-127.0.0.1:8000}:8000"]
    assert example()["PUBLISH"] == "127.0.0.1:8000"
    for name, service in read("docker-compose.minio.yml")["services"].items():
        assert "ports" not in service, name


def test_env_example_contains_only_settings() -> None:
    settings = {variable(each.name) for each in fields(Settings)}
    assert set(example()) - OURS <= settings
    load_settings({name: value for name, value in example().items() if name in settings})


def test_the_example_holds_no_secret_that_somebody_would_keep() -> None:
    secret = [name for name in example() if re.search("SECRET|PASSWORD|TOKEN", name)]
    assert len(secret) == 4
    assert [example()[name] for name in secret] == [""] * 4


def test_every_variable_of_the_compose_files_is_in_the_example() -> None:
    used = {name for file in FILES for name in re.findall(r"\$\{(\w+)", (ROOT / file).read_text())}
    assert used - {"MINIO_IMAGE"} == OURS
    assert set(example()) >= OURS


def test_the_service_that_makes_the_bucket_makes_it_once() -> None:
    bucket = read("docker-compose.minio.yml")["services"]["bucket"]
    with moto_server() as address:
        environment = {"MALLARD_STORE": bucket["environment"]["MALLARD_STORE"], "MALLARD_S3_ENDPOINT": address}
        keys = {"AWS_ACCESS_KEY_ID": "mallard", "AWS_SECRET_ACCESS_KEY": "x"}
        words: list[str] = [*bucket["entrypoint"], *bucket["command"]]
        assert words[0] == "python"
        for _ in range(2):
            subprocess.run(
                [sys.executable, *words[1:]], env={**os.environ, **environment, **keys}, check=True, timeout=60
            )
        client = boto3.client("s3", endpoint_url=address, region_name="us-east-1")
        # Servers of one process share their buckets.
        assert [each["Name"] for each in client.list_buckets()["Buckets"]].count("mallard") == 1


def config(name: str, env_file: Path) -> subprocess.CompletedProcess[str]:
    """What Compose makes of a file. (This way of having it ends with 0 whatever happened.)"""
    command = [str(compose_program()), "-f", name, "--env-file", str(env_file), "config"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MINIO_")}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.heavy
@pytest.mark.parametrize("name", FILES)
def test_compose_files_are_valid_for_compose(name: str, tmp_path: Path) -> None:
    text = (ROOT / ".env.example").read_text().replace("MINIO_PASSWORD=", "MINIO_PASSWORD=lantern-fjord-4")
    (tmp_path / ".env").write_text(text)
    found = config(name, tmp_path / ".env")
    assert found.stderr == ""
    port = yaml.safe_load(found.stdout)["services"]["mallard"]["ports"][0]
    assert (port["host_ip"], port["published"], port["target"]) == ("127.0.0.1", "8000", 8000)


@pytest.mark.heavy
def test_compose_with_minio_fails_without_its_password(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("")
    found = config("docker-compose.minio.yml", tmp_path / ".env")
    assert found.stdout == ""
    assert "MINIO_PASSWORD is missing a value" in found.stderr
