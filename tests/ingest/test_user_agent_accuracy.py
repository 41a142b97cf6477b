"""How right the reading of agents is, on lists that others keep and the product does not use.

docs/ingest.md shows the figures; the last test holds them to what is measured here. The quick tests take every fifth
of device-detector's browsers, the heavy one all of them.
"""

import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from ingest.agent_lists import Labelled, ai_crawlers, crawlers, detector_bots, detector_browsers, people
from mallard.ingest.enrich.bots import is_ai_crawler, is_program
from mallard.ingest.enrich.client_hints import read_hints
from mallard.ingest.enrich.user_agent import ParsedUserAgent, read_agent

DOCS = Path(__file__).parents[2] / "docs" / "ingest.md"

BROWSERS = {
    "android": "android browser",
    "samsung internet": "samsung browser",
    "edge mobile": "microsoft edge",
    "edge": "microsoft edge",
    "ie": "internet explorer",
    "ie mobile": "internet explorer",
    "yandexsearch": "yandex browser",
    "miuibrowser": "mi browser",
    "huawei browser": "huawei browser mobile",
    "vivobrowser": "vivo browser",
    "amazon silk": "silk",
    "opera devices": "opera",
    "puffin": "puffin web browser",
    "dolfin": "dolphin",
    "hibrowser": "hi browser",
    "epiphany": "gnome web",
    "qt web engine": "qtwebengine",
    "heytap browser": "heytapbrowser",
    "duckduckgo": "duckduckgo privacy browser",
    "avg": "avg secure browser",
    "avira": "avira secure browser",
}
"""Our names and device-detector's for the same browser, both without ``mobile``, ``webview`` and the system."""

SYSTEMS = {
    "gnu/linux": "linux",
    "mac": "mac os x",
    "web0s": "webos",
    "chromium os": "chrome os",
    "windows mobile": "windows phone",
    "windows rt": "windows",
    "symbian os series 60": "symbian os",
    "google tv": "googletv",
}
ANDROIDS = {
    "fire os", "android tv", "harmonyos", "mocordroid", "cyanogenmod", "wear os", "lineage os", "yaos", "smartisan os",
    "meta horizon", "pico os", "hyperos", "yunos", "clearos mobile",
}  # fmt: skip
"""Systems that the agent itself calls Android."""


EVERY, SOME = 1, 5


def is_bot(user_agent: str) -> bool:
    return is_ai_crawler(user_agent[:1024]) or is_program(user_agent[:1024])


def share(values: Iterable[bool]) -> float:
    """In percent."""
    found = list(values)
    return 100 * sum(found) / len(found)


@cache
def read(labelled: Labelled) -> ParsedUserAgent:
    return read_agent.__wrapped__(labelled.user_agent, read_hints(dict(labelled.headers)))


def browser_word(name: str | None) -> str:
    plain = re.sub(r"\b(mobile|webview|ui/wkwebview|ios)\b", "", (name or "").lower())
    plain = re.sub(r"\s+", " ", plain).strip()
    return BROWSERS.get(plain, plain)


def system_word(name: str | None) -> str:
    plain = (name or "").lower()
    return "android" if plain in ANDROIDS else SYSTEMS.get(plain, plain)


def agreement(listed: list[Labelled], word: Callable[[str | None], str], part: str) -> float:
    """How often our word for ``part`` is the list's, where the list has one."""
    return share(word(getattr(read(each), part)) == word(getattr(each, part)) for each in listed if getattr(each, part))


@cache
def measured(step: int) -> dict[str, float]:
    """Every figure, in percent, by the label that docs/ingest.md gives it; of the longest list each ``step``-th row."""
    browsers = detector_browsers()[::step]
    crawlers_found = [is_bot(each) for each in crawlers()]
    people_lost = [read(each).is_bot for each in people()]
    return {
        "bots recognised, crawler-user-agents": share(crawlers_found),
        "bots recognised, device-detector": share(map(is_bot, detector_bots())),
        "precision, crawler-user-agents and fake-useragent together": 100
        * sum(crawlers_found)
        / (sum(crawlers_found) + sum(people_lost)),
        "real browsers dropped, fake-useragent": share(people_lost),
        "real browsers dropped, device-detector": share(read(each).is_bot for each in browsers),
        "AI crawlers named so, crawler-user-agents": share(map(is_ai_crawler, ai_crawlers())),
        "browser agrees, fake-useragent": agreement(people(), browser_word, "browser"),
        "browser agrees, device-detector": agreement(browsers, browser_word, "browser"),
        "system agrees, fake-useragent": agreement(people(), system_word, "os"),
        "system agrees, device-detector": agreement(browsers, system_word, "os"),
    }


BOUNDS = {
    "bots recognised, crawler-user-agents": (99.0, 100),
    "bots recognised, device-detector": (99.0, 100),
    "precision, crawler-user-agents and fake-useragent together": (99.9, 100),
    "real browsers dropped, fake-useragent": (0, 0.1),
    "real browsers dropped, device-detector": (0, 0.1),
    "AI crawlers named so, crawler-user-agents": (60, 100),
    "browser agrees, fake-useragent": (99.0, 100),
    "browser agrees, device-detector": (93.0, 100),
    "system agrees, fake-useragent": (99.9, 100),
    "system agrees, device-detector": (99.0, 100),
}


@pytest.mark.parametrize("label", BOUNDS)
def test_agent_accuracy_on_public_lists_is_within_bounds(label: str) -> None:
    low, high = BOUNDS[label]
    assert low <= measured(SOME)[label] <= high


def test_agent_lists_are_large_enough() -> None:
    assert len(crawlers()) > 2000
    assert len(detector_bots()) > 1000
    assert len(people()) > 6000
    assert len(detector_browsers()) > 30_000


def test_client_hints_improve_agreement_with_the_labels() -> None:
    hinted = [each for each in detector_browsers() if each.headers]
    without = [Labelled(each.user_agent, each.browser, each.os) for each in hinted]
    assert len(hinted) > 100
    assert agreement(hinted, browser_word, "browser") > agreement(without, browser_word, "browser")
    assert agreement(hinted, system_word, "os") >= agreement(without, system_word, "os")


@pytest.mark.heavy
def test_documented_accuracy_figures_match_the_measured_ones() -> None:
    shown = dict(re.findall(r"^\| ([^|]+) \| ([\d.]+) % \|$", DOCS.read_text("utf-8"), re.MULTILINE))
    assert shown == {label: f"{value:.2f}" for label, value in measured(EVERY).items()}
