"""Backup, restore and move, by the very commands of docs/self-hosting.md."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import boto3
import pytest

from support.front import GUIDE
from support.moto import moto_server
from support.operate import PASSWORD, ask, log_in
from support.server import Server

CLOSED = {"MALLARD_AUTH": "on"}


def excluded(command: str) -> set[str]:
    """The folders that a command of the guide leaves out."""
    (line,) = (each for each in GUIDE.read_text().splitlines() if each.startswith(f"$ {command}"))
    return {re.sub(r"^'?\.?/|/\*'$|'", "", name) for name in re.findall(r"--exclude (\S+)", line)}


def copied(source: Path, target: Path, without: set[str]) -> None:
    shutil.copytree(source, target, ignore=lambda folder, _: without if Path(folder) == source else set())


def numbers(server: Server) -> dict[str, Any]:
    status, text = ask(server, "/api/stats/main?site_id=example.com", headers=log_in(server))
    assert status == 200
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """The folder of a server that had some visits, whose password was set, and that was stopped."""
    folder = tmp_path / "data"
    with Server(folder, **CLOSED) as server:
        assert ask(server, "/api/auth/setup", {"password": PASSWORD})[0] == 200
        for page in range(3):
            assert server.send(u=f"https://example.com/{page}") == 202
        assert server.send(headers={"X-Forwarded-For": "203.0.113.9"}) == 202
    return folder


def test_backup_contains_numbers_and_password_but_no_salts(data: Path, tmp_path: Path) -> None:
    without = excluded("rsync")
    assert {"salts", "queue"} <= without
    assert excluded("docker compose exec -T mallard tar") == without
    assert any((data / "salts").rglob("*.json"))
    copied(data, tmp_path / "backup", without)
    assert not any("salts" in path.parts for path in (tmp_path / "backup").rglob("*"))
    with Server(data, **CLOSED) as server:
        before = numbers(server)
    with Server(tmp_path / "backup", **CLOSED) as restored:
        assert numbers(restored) == before
        assert (before["unique_visitors"], before["total_pageviews"]) == (2, 4)
        assert ask(restored, "/api/auth/setup", {"password": PASSWORD})[0] == 409


def test_table_moved_to_a_bucket_and_back_keeps_its_visitor_ids(data: Path, tmp_path: Path) -> None:
    without = excluded("aws s3 sync")
    assert "salts" not in without
    with moto_server() as address:
        client = boto3.client("s3", endpoint_url=address, region_name="us-east-1")
        client.create_bucket(Bucket="moved")
        for path in data.rglob("*"):
            key = path.relative_to(data)
            if path.is_file() and key.parts[0] not in without:
                client.upload_file(str(path), "moved", key.as_posix())
        bucket = {"MALLARD_STORE": "s3://moved", "MALLARD_S3_ENDPOINT": address, **CLOSED}
        with Server(tmp_path / "queue-only", **bucket) as server:
            assert server.send(u="https://example.com/again") == 202
            there = numbers(server)
            assert (there["unique_visitors"], there["total_pageviews"]) == (2, 5)
        for row in client.list_objects_v2(Bucket="moved")["Contents"]:
            target = tmp_path / "back" / row["Key"]
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file("moved", row["Key"], str(target))
    with Server(tmp_path / "back", **CLOSED) as server:
        assert numbers(server) == there
