"""Client hints: what they add to an agent, and what they never change."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.contexts import FIREFOX, IPHONE
from mallard.ingest.enrich.client_hints import HEADERS, MAX_HINT_LENGTH, NO_HINTS, ClientHints, read_hints
from mallard.ingest.enrich.user_agent import ParsedUserAgent, read_agent

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36"
LINUX = f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/131.0.0.0 Safari/537.36"
MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/131.0.0.0 Safari/537.36"
ANDROID = f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36"
CHROME_BRANDS = '"Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24"'


def hinted(user_agent: str, brands: str = CHROME_BRANDS, **hints: str) -> ParsedUserAgent:
    headers = {f"sec-ch-ua-{name.replace('_', '-')}": value for name, value in hints.items()}
    return read_agent(user_agent, read_hints({"sec-ch-ua": brands, **headers}))


@pytest.mark.parametrize(
    ("brands", "browser", "version"),
    [
        (CHROME_BRANDS, "Chrome", "131.0"),
        ('"Brave";v="131", "Chromium";v="131", "Not_A Brand";v="24"', "Brave", "131.0"),
        ('"Not(A:Brand";v="8", "Chromium";v="131", "Vivaldi";v="7.0"', "Vivaldi", "7.0"),
        ('"Chromium";v="131", "Opera";v="115", "Not?A_Brand";v="99"', "Opera", "115.0"),
        ('"Chromium";v="131", "DuckDuckGo";v="131"', "DuckDuckGo", "131.0"),
        ('"Somebody\'s Own";v="3", "Chromium";v="131"', "Chrome", "131.0"),
        ("", "Chrome", "131.0"),
        ("nonsense", "Chrome", "131.0"),
        ('"Brave";v="99999"', "Chrome", "131.0"),
    ],
)
def test_known_brand_sets_the_browser_and_unknown_brands_are_ignored(brands: str, browser: str, version: str) -> None:
    agent = hinted(WINDOWS, brands)
    assert (agent.browser, agent.browser_version) == (browser, version)


@pytest.mark.parametrize(
    ("platform", "version", "told"),
    [
        ('"Windows"', "", "10"),
        ('"Windows"', '"10.0.0"', "10"),
        ('"Windows"', '"13.0.0"', "11"),
        ('"Windows"', '"15.0.0"', "11"),
        ('"Windows"', '"0.3.0"', "10"),
        ('"Windows"', '"x"', "10"),
    ],
)
def test_windows_11_shows_in_the_platform_s_version_alone(platform: str, version: str, told: str) -> None:
    agent = hinted(WINDOWS, platform=platform, platform_version=version)
    assert (agent.os, agent.os_version) == ("Windows", told)


def test_platform_version_hint_replaces_the_frozen_version() -> None:
    mac = hinted(MAC, platform='"macOS"', platform_version='"15.1.0"')
    assert (mac.os, mac.os_version) == ("Mac OS X", "15.1")
    android = hinted(ANDROID, platform='"Android"', platform_version='"14.0.0"')
    assert (android.os, android.os_version) == ("Android", "14")
    assert hinted(ANDROID, platform='"Android"', platform_version='"8.1.0"').os_version == "8.1"


def test_phone_requesting_the_desktop_site_is_mobile() -> None:
    agent = hinted(LINUX, platform='"Android"', mobile="?1")
    assert (agent.os, agent.os_version, agent.device_type) == ("Android", None, "mobile")
    assert hinted(LINUX, platform='"Android"', mobile="?0").device_type == "tablet"


def test_mobile_hint_makes_an_android_agent_a_phone() -> None:
    unsaid = ANDROID.replace(" Mobile", "")
    assert hinted(unsaid, platform='"Android"', mobile="?1").device_type == "mobile"
    assert hinted(unsaid, platform='"Android"', mobile="?0").device_type == "tablet"


def test_linux_platform_hint_does_not_override_the_agent() -> None:
    ubuntu = LINUX.replace("X11; Linux", "X11; Ubuntu; Linux")
    assert hinted(ubuntu, platform='"Linux"').os == "Ubuntu"
    assert hinted(ANDROID, platform='"Linux"').os == "Android"


def test_headless_brand_is_a_bot_for_any_agent() -> None:
    assert hinted(WINDOWS, '"HeadlessChrome";v="131", "Chromium";v="131"').is_bot
    assert not hinted(WINDOWS).is_bot


@pytest.mark.parametrize("user_agent", [FIREFOX, IPHONE])
def test_brand_hint_does_not_rename_other_browsers(user_agent: str) -> None:
    brave = '"Brave";v="131"'
    assert hinted(user_agent, brave).browser == read_agent(user_agent).browser


def test_hints_are_bounded_and_absent_ones_share_one_value() -> None:
    assert read_hints({"user-agent": "x", "sec-ch-ua-mobile": "?1"}) is NO_HINTS
    assert len(read_hints({"sec-ch-ua": "x" * 5000}).brands) == MAX_HINT_LENGTH


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(HEADERS)), st.text(max_size=80)))
def test_any_hints_are_read_and_only_headless_makes_a_bot(headers: dict[str, str]) -> None:
    hints = read_hints(headers)
    assert isinstance(hints, ClientHints)
    assert read_agent.__wrapped__(WINDOWS, hints).is_bot == ("HeadlessChrome" in hints.brands)
