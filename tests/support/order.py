"""Order of test files: the longest begin first, so that no worker is left alone with one at the end."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
LONGEST = [
    "flush/test_machine_heavy.py",
    "proof/test_openapi.py",
    # The first to want the build for this machine makes it: those that would only wait come later.
    "deploy/test_stack.py",
    "store/test_peers.py",
    "test_kill.py",
    "operate/test_image.py",
    "query/test_reference.py",
    "deploy/test_localstack.py",
    "proof/test_attack.py",
    "deploy/test_build.py",
    "test_privacy_audit.py",
    "behaviour/test_sequences.py",
    "behaviour/test_reports.py",
    "test_serve.py",
    "query/test_export.py",
    "flush/test_machine.py",
    "proof/test_fat_events.py",
    "ingest/test_user_agent_accuracy.py",
    "behaviour/test_flow.py",
    "proof/test_table.py",
    "test_doctor.py",
    "table/test_readers.py",
    "transfer/test_export.py",
    "transfer/test_memory_heavy.py",
    "store/test_contract.py",
    "docs/test_commands.py",
]
"""By the time that they take."""


def longest_first(items: list[pytest.Item]) -> None:
    """Sort files; tests of one stay together and in order."""
    ranks = {TESTS / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(LONGEST)))
