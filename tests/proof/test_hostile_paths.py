"""Site ids that mean to be paths: wherever one is taken, nothing outside of the store is read or written."""

import json
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mallard.errors import QueryError
from mallard.sites.site_id import read_site
from mallard.table.layout import Partition
from support.proof_people import People
from support.proof_table import lines

CANARY = "what nobody may read"
HOSTILE = [
    "..",
    ".",
    "../canary",
    "../../canary",
    "..\\..\\canary",
    "%2e%2e",
    "%2e%2e%2fcanary",
    "..%2fcanary",
    "..%252fcanary",
    "a/../../../canary",
    "a/..",
    "/etc/passwd",
    "//etc/passwd",
    "file:///etc/passwd",
    "~root",
    "a\0b",
    "a%00.example",
    "a\nb",
    "..;/canary",
    "\uff0e\uff0e/canary",
    "\u2025/canary",
    "\u202e..",
    "..\u2215canary",
    "a\u0000",
    "a b",
    "*",
    "site_id=a/date=2026-01-01",
    "a" * 201,
    ":" * 90,
    "a" * 60_000,
    "",
]
VALID_BUT_ODD = ["-rf", "..a", "a..b", "con", "a:8000", "_", "1", "config", "events"]
"""Site ids that look like something else; they are nothing but names."""

AGENT = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"}
REFUSED = {400, 401, 404, 405, 414, 422, 431}
"""401: Plausible's routes refuse an unknown site as a wrong key."""


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    """A store some folders deep, with something beside it that is worth reading."""
    folder = tmp_path / "a" / "b" / "data"
    folder.mkdir(parents=True)
    for place in (folder.parent, folder.parent.parent, tmp_path):
        (place / "canary").mkdir()
        (place / "canary" / "config.json").write_text(CANARY)
    with People(folder) as people:
        yield people


def outside(tmp_path: Path) -> dict[str, bytes]:
    """All files that are not the store's."""
    store = tmp_path / "a" / "b" / "data"
    return {
        str(file.relative_to(tmp_path)): file.read_bytes()
        for file in sorted(tmp_path.rglob("*"))
        if file.is_file() and not file.is_relative_to(store)
    }


def stored(tmp_path: Path) -> set[str]:
    """The folders of the store that are named after sites, and whatever stands beside them."""
    store = tmp_path / "a" / "b" / "data"
    rooms = ("events", "rollups", "salts", "config/sites", "rejected")
    return {entry.name for room in rooms if (store / room).exists() for entry in (store / room).iterdir()}


def requests_with(site: str) -> Iterator[tuple[str, str, Any]]:
    """Every place that takes a site id: in the address, the path and bodies of the API, and in events."""
    for line in lines():
        if "{site}" in line.target:
            yield line.method, line.target.replace("{site}", escaped(site)), line.body or None
    event = {"d": site, "n": "pageview", "u": "/"}
    yield "POST", "/api/event", json.dumps(event)
    yield "POST", "/api/events", json.dumps([event])
    yield "POST", "/api/keys", json.dumps({"name": "a", "scope": "Admin", "sites": [site]})
    yield "POST", "/api/links", json.dumps({"name": "a", "site_id": site})
    yield "GET", f"/api/links?site_id={escaped(site)}", None


def escaped(site: str) -> str:
    """Dots too: of paths of dots clients make others before they send them."""
    return quote(site, safe="").replace(".", "%2E")


def was_refused(answer: Any, target: str) -> bool:
    """A batch says of each row what became of it, and the pixel is an image whatever happens."""
    if target.startswith("/api/event?"):
        return "x-mallard-dropped" in answer.headers
    if target == "/api/events" and answer.status_code == 202:
        return bool(answer.json()["accepted"] == 0)
    return answer.status_code in REFUSED


def test_hostile_site_id_is_refused_on_every_route(people: People, tmp_path: Path) -> None:
    before, at_first = outside(tmp_path), stored(tmp_path)
    owner = {**AGENT, **people.headers("Admin key"), "content-type": "application/json"}
    wrong = []
    for site in HOSTILE:
        for method, target, body in requests_with(site):
            answer = people.ask(method, target, owner, content=body)
            assert CANARY not in answer.text
            if not was_refused(answer, target):
                wrong.append((method, target[:80], site[:40], answer.status_code))
    assert wrong == []
    assert outside(tmp_path) == before
    assert stored(tmp_path) == at_first


def test_unusual_site_id_is_only_a_name(people: People, tmp_path: Path) -> None:
    before = outside(tmp_path)
    owner = {**AGENT, **people.headers("Admin key"), "content-type": "application/json"}
    for site in VALID_BUT_ODD:
        for method, target, body in requests_with(site):
            answer = people.ask(method, target, owner, content=body)
            assert answer.status_code < 500, (method, target)
            assert CANARY not in answer.text
    people.app.stop()
    people.app.stop = lambda: None  # type: ignore[method-assign]  # it has ended
    assert outside(tmp_path) == before
    sites = {f"site_id={quote(site, safe='')}" for site in VALID_BUT_ODD}
    assert sites <= stored(tmp_path)
    assert {name for name in stored(tmp_path) if name.startswith("site_id=")} <= {*sites, "site_id=public.example"}


PATHS = st.text(st.sampled_from("./\\:%~\0 aA0-_é\uff0e\u2025*=?")) | st.text() | st.sampled_from(HOSTILE)


@given(PATHS)
def test_accepted_site_id_is_a_single_folder_name(text: str) -> None:
    try:
        site = read_site(text)
    except QueryError:
        return
    key = PurePosixPath(Partition(site, date(2026, 1, 2)).prefix)
    assert key.parts == ("events", f"site_id={site.replace(':', '%3A')}", "date=2026-01-02")
    assert len(key.parts[1].encode()) <= 255
    assert site == site.lower()


@pytest.mark.parametrize("folder", ["/", "/tracking/", "/docs/", "/vendor/", "/.well-known/"])
def test_files_outside_the_static_folder_are_not_served(people: People, folder: str) -> None:
    climbs = ["..", "%2E%2E", ".%2E", "..%5C", "..%2F..%2F..%2F..%2F..", "%2E%2E%2F" * 8, "%252E%252E", "/", "%2F"]
    ends = ["etc/passwd", "etc%2Fpasswd", "pyproject.toml", "static.py", ".git/config", "%2Egit%2Fconfig", "a%00.css"]
    for climb, end in product(climbs, ends):
        answer = people.ask("GET", f"{folder}{climb}/{end}", {})
        assert answer.status_code in (400, 404), (climb, end)
        assert "root:" not in answer.text
