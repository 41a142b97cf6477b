"""The three handlers against an emulated S3 and SQS."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from support.ministack import ministack
from support.moto import moto_server

ROOT = Path(__file__).parents[2]
SMOKE = ROOT / "localstack" / "smoke.py"
MAX_HANDLER_LINES = 60


@pytest.mark.parametrize("server", [moto_server, pytest.param(ministack, marks=pytest.mark.heavy)])
def test_page_views_go_through_the_three_functions(server: Callable[[], AbstractContextManager[str]]) -> None:
    with server() as endpoint:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLARD_")}
        command = [sys.executable, str(SMOKE), endpoint]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "ingest: 202" in ended.stdout
    assert "'written': 1, 'duplicates': 0" in ended.stdout
    assert "flush by the queue: {'batchItemFailures': [], 'received': 2}" in ended.stdout
    assert '"total_pageviews":2' in ended.stdout


@pytest.mark.parametrize("name", ["ingest", "flush", "query"])
def test_a_handler_is_thin(name: str) -> None:
    lines = (ROOT / "functions" / name / "handler.py").read_text().splitlines()
    assert len(lines) <= MAX_HANDLER_LINES
