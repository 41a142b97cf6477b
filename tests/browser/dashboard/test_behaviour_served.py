"""The reports of behaviour on a real server with demo traffic: what is shown is what the API answers."""

import json
import os
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from browser.dashboard.conftest import quiet_page, settings
from support.dashboard import shown
from support.server import Server

SITE = "demo.example.com"
START, END = "2026-03-01", "2026-03-08"
VIEW = f"/?site={SITE}&from={START}&to=2026-03-07&view=behaviour"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = tmp_path_factory.mktemp("demo") / "data"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLARD_")}
    options = ["--site", SITE, "--events", "4000", "--days", "7", "--until", "2026-03-07T23:00"]
    command = [sys.executable, "-m", "mallard", "demo", *options]
    subprocess.run(command, env={**environment, "MALLARD_DATA_DIR": str(data)}, check=True, capture_output=True)
    with Server(data) as server:
        yield server


@pytest.fixture
def page(browser: Browser, demo: Server) -> Iterator[Page]:
    with settings(browser, demo.origin) as context, quiet_page(context, demo.origin) as page:
        yield page


def answer(server: Server, name: str, **params: str) -> Any:
    query = urllib.parse.urlencode({"site_id": SITE, "start_date": START, "end_date": END, **params})
    with urllib.request.urlopen(f"{server.origin}/api/stats/{name}?{query}") as response:
        return json.load(response)


def test_sessions_and_the_suggested_funnel_are_the_servers_numbers(page: Page, demo: Server) -> None:
    page.goto(VIEW)
    expect(shown(page, "funnel-rate")).to_be_visible()
    sessions = answer(demo, "sessions")["total_sessions"]
    assert sessions > 100
    expect(shown(page, "sessions")).to_have_attribute("data-value", str(sessions))
    steps = urllib.parse.parse_qs(urllib.parse.urlsplit(page.url).query)["steps"][0]
    reached = [str(step["visitors"]) for step in answer(demo, "funnel", steps=steps)]
    assert len(reached) == 3
    assert int(reached[0]) > 50
    assert [bar.get_attribute("data-value") for bar in shown(page, "funnel-step").all()] == reached


def test_invalid_step_is_reported_at_its_field_and_can_be_corrected(page: Page) -> None:
    page.goto(f"{VIEW}&steps=page:/,page:pricing,event:signup")
    field = shown(page, "name").nth(1)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(shown(page, "problem").nth(1)).to_contain_text("a page, which begins with /")
    field.fill("/pricing")
    field.press("Enter")
    expect(shown(page, "funnel-step")).to_have_count(3)


def test_retention_note_names_the_visitor_rotation(page: Page) -> None:
    page.goto(f"{VIEW}&show=retention&interval=day")
    expect(shown(page, "cohort")).to_have_count(7)
    expect(shown(page, "note")).to_contain_text("MALLARD_VISITOR_ROTATION")
    expect(shown(page, "cell")).to_have_count(0)


def test_a_sequence_has_its_visitors_and_times(page: Page, demo: Server) -> None:
    steps = "page:/,page:/pricing"
    page.goto(f"{VIEW}&show=sequences&steps={steps}")
    found = answer(demo, "sequences", steps=steps)
    assert found["converting_visitors"] > 10
    expect(shown(page, "converting")).to_have_text(str(found["converting_visitors"]))
    expect(shown(page, "times").locator("tbody tr")).to_have_count(1)


def test_flow_shows_next_pages_of_the_server(page: Page, demo: Server) -> None:
    page.goto(f"{VIEW}&show=flow&page=/")
    (first, *_) = answer(demo, "flow", page="/")
    row = shown(page, "flow-row").first
    expect(row).to_contain_text(first["next_page"])
    expect(row.locator("td")).to_have_text(str(first["visitors"]))
    row.get_by_role("button").click()
    expect(shown(page, "flow-heading")).to_have_text(f"After {first['next_page']}")
    (second, *_) = answer(demo, "flow", page=first["next_page"])
    expect(shown(page, "flow-row").first).to_contain_text(second["next_page"])
