"""The three handlers against an emulated S3 and SQS."""

import os
import subprocess
import sys
from pathlib import Path

from support.moto import moto_server

SMOKE = Path(__file__).parents[2] / "localstack" / "smoke.py"


def test_a_page_view_goes_through_the_three_functions() -> None:
    with moto_server() as endpoint:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MALLARD_")}
        command = [sys.executable, str(SMOKE), endpoint]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "ingest: 202" in ended.stdout
    assert "'written': 1, 'duplicates': 0" in ended.stdout
    assert '"total_pageviews":1' in ended.stdout
