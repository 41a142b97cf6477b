"""Files that releases wrote, read by this version: each value is the one that was written."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from golden.make import GOLDEN, as_json, rollup_rows
from mallard.auth.api_keys import ApiKeys
from mallard.auth.password_hashing import PasswordHashing
from mallard.auth.shared_links import SharedLinks
from mallard.queue.local import LocalQueue
from mallard.store.local import LocalStore
from mallard.table.layout import Partition
from mallard.table.messages import read_deliveries
from support.place import DAYS, NOW, SITE
from support.rows import stored_rows

RELEASES = sorted(each.name for each in GOLDEN.iterdir() if (each / "expected.json").is_file())


class Release:
    """A copy of what a release wrote, and what is expected of it."""

    def __init__(self, name: str, folder: Path) -> None:
        shutil.copytree(GOLDEN / name, folder / name)
        self.folder = folder / name
        self.store = LocalStore(self.folder / "store")
        self.expected: dict[str, Any] = json.loads((self.folder / "expected.json").read_text())


@pytest.fixture(params=RELEASES)
def release(request: pytest.FixtureRequest, tmp_path: Path) -> Release:
    return Release(request.param, tmp_path)


def with_new_columns(rows: list[dict[str, Any]], expected: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The expected rows; a column that came later is null in them."""
    return [dict.fromkeys(row) | wanted for row, wanted in zip(rows, expected, strict=True)]


def test_releases_are_there() -> None:
    assert "0.1.0" in RELEASES


def test_segment_of_a_release_is_read(release: Release) -> None:
    rows = json.loads(as_json(stored_rows(release.store, Partition(SITE, DAYS[0]))))
    assert rows == with_new_columns(rows, release.expected["rows"])


def test_rollup_of_a_release_is_read(release: Release) -> None:
    found = json.loads(as_json(rollup_rows(release.store)))
    assert found.keys() == release.expected["rollup"].keys()
    for key, rows in found.items():
        assert rows == with_new_columns(rows, release.expected["rollup"][key])


def test_key_of_a_release_is_found_by_its_text(release: Release) -> None:
    key = ApiKeys(release.store, marks_use=False, now=lambda: NOW).find(release.expected["key_text"])
    assert key is not None
    found = json.loads(as_json(asdict(key)))
    assert {name: found[name] for name in release.expected["key"]} == release.expected["key"]


def test_link_of_a_release_is_found_and_opened_by_its_password(release: Release) -> None:
    links = SharedLinks(release.store, PasswordHashing(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)))
    link = links.find(release.expected["link"]["slug"])
    assert link is not None
    found = json.loads(as_json(asdict(link)))
    assert {name: found[name] for name in release.expected["link"]} == release.expected["link"]
    assert links.opens(link, release.expected["password"])
    assert not links.opens(link, "lantern-fjord-4")


def test_queue_of_a_release_gives_its_events(release: Release) -> None:
    queue = LocalQueue(release.folder / "queue.sqlite")
    bodies = [message.body for message in queue.receive(10)]
    queue.close()
    assert [body.decode() for body in bodies] == release.expected["messages"]
    assert read_deliveries(bodies)["event_id"].to_pylist() == [1, 2]
