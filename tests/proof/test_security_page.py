"""SECURITY.md names the tests that show what it says."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_security_page_names_only_existing_tests() -> None:
    named = set(re.findall(r"`(tests/[\w/.]+)`", (ROOT / "SECURITY.md").read_text("utf-8")))
    assert {each for each in named if not (ROOT / each).exists()} == set()


def test_security_page_names_every_proof_file() -> None:
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    here = {file for file in Path(__file__).parent.glob("test_*.py") if file != Path(__file__)}
    assert {file.name for file in here if f"`tests/proof/{file.name}`" not in text} == set()
