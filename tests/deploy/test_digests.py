"""Digests of images: read from the registry, put behind each tag, and kept out of files where one is missing."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.functions import ROOT, load

DIGEST = f"sha256:{'ab' * 32}"
OLD = f"sha256:{'0' * 64}"
FILES = ["Dockerfile", "docker-compose.minio.yml", "localstack/docker-compose.yml"]


@pytest.fixture(scope="module")
def digests() -> Any:
    return load(ROOT / "deploy" / "digests.py")


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("FROM node:22-slim AS browser\n", f"FROM node:22-slim@{DIGEST} AS browser\n"),
        (f"FROM node:22-slim@{OLD} AS browser\n", f"FROM node:22-slim@{DIGEST} AS browser\n"),
        ("    image: a/b:1.2.3\n", f"    image: a/b:1.2.3@{DIGEST}\n"),
        ("    image: ${IMAGE:-a/b:R.1}\n", f"    image: ${{IMAGE:-a/b:R.1@{DIGEST}}}\n"),
        ("    image: mallard-metrics\n", "    image: mallard-metrics\n"),
        ("# FROM node:22-slim\n", "# FROM node:22-slim\n"),
    ],
)
def test_pin_puts_the_digest_behind_the_tag(digests: Any, text: str, pinned: str) -> None:
    assert digests.pin(text, lambda _: DIGEST) == pinned


def test_pin_finds_every_fetched_image(digests: Any) -> None:
    names: list[str] = []

    def find(image: str) -> str:
        names.append(image)
        return DIGEST

    for file in FILES:
        digests.pin((ROOT / file).read_text(), find)
    assert [name.partition(":")[0] for name in names] == [
        "node",
        "python",
        "python",
        "alpine/minio",
        "localstack/localstack",
    ]
    assert list(digests.FILES) == FILES


def test_fetched_images_have_a_digest(digests: Any) -> None:
    for file in FILES:
        references = [match[0].strip() for match in digests.REFERENCE.finditer((ROOT / file).read_text())]
        assert references
        assert [each for each in references if not digests.DIGEST.search(each)] == []


@pytest.mark.parametrize(("answer", "code"), [(f'{{"digest": "{DIGEST}"}}', 0), ('{"digest": "latest"}', 1), ("", 1)])
def test_digests_are_written_to_all_files_or_none(tmp_path: Path, answer: str, code: int) -> None:
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "digests.py").write_text((ROOT / "deploy" / "digests.py").read_text())
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\nprintf '%s' '{answer}'\ntest -n '{answer}'\n")
    docker.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, str(tmp_path / "deploy" / "digests.py")]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == code
    assert ended.stderr.startswith("Images are not pinned: ") == bool(code)
    for name in FILES:
        assert (DIGEST in (tmp_path / name).read_text()) == (code == 0)
