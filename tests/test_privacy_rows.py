"""docs/privacy.md shows what one page view really leaves: each block is made anew here and compared."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from support.one_page_view import ADDRESS, AGENT, recomputed_visitor_id, shown
from support.server import FIREFOX, Server

DOCUMENT = Path(__file__).parents[1] / "docs" / "privacy.md"
BLOCK = re.compile(r"<!-- shown: (\w+) -->\n+```\w*\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def blocks() -> Iterator[dict[str, str]]:
    logger = logging.getLogger("mallard")
    before = logger.handlers[:], dict(vars(logger))
    yield shown()
    logger.handlers[:], kept = before
    vars(logger).clear()
    vars(logger).update(kept)


def test_privacy_document_blocks_match_a_real_pageview(blocks: dict[str, str]) -> None:
    found = dict(BLOCK.findall(DOCUMENT.read_text("utf-8")))
    assert found == blocks


def test_privacy_document_shows_address_and_agent_in_the_request_only(blocks: dict[str, str]) -> None:
    assert ADDRESS in blocks["request"]
    assert AGENT in blocks["request"]
    for place, text in blocks.items():
        if place != "request":
            assert [word for word in (ADDRESS, "Mozilla", "Gecko", "50123", "4711") if word in text] == [], place


def test_documented_formula_gives_the_visitor_id(blocks: dict[str, str]) -> None:
    assert f'"visitor_id": {recomputed_visitor_id()}' in blocks["message"]


def test_metrics_count_the_documented_pageview_and_the_log_stays_empty(tmp_path: Path) -> None:
    """The lines that the document shows of /metrics."""
    wanted = [line for line in DOCUMENT.read_text("utf-8").splitlines() if line.startswith("mallard_")]
    assert wanted
    with Server(tmp_path / "data", MALLARD_FLUSH_INTERVAL="3600", MALLARD_LOG_LEVEL="debug") as server:
        assert server.send(FIREFOX) == 202
        assert server.send("Googlebot/2.1 (+http://www.google.com/bot.html)") == 202
        with urlopen(f"{server.origin}/metrics", timeout=30) as answer:
            metrics = answer.read().decode().splitlines()
        log = server.log()
    assert [line for line in wanted if line not in metrics] == []
    assert "pageview" not in log
    assert "example.com" not in log
