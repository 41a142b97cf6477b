"""What a user agent says, and that people are not taken for bots."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.contexts import FIREFOX, GOOGLEBOT, IPHONE
from mallard.ingest.enrich.bots import ai_crawler_tokens
from mallard.ingest.enrich.user_agent import ParsedUserAgent, device_of_width, read_agent

WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT}"
CHROME = f"{WINDOWS} Chrome/131.0.0.0 Safari/537.36"

PEOPLE = {
    CHROME: ParsedUserAgent("Chrome", "131.0", "Windows", "10", "desktop", False),
    f"{CHROME} Edg/131.0.2903.51": ParsedUserAgent("Edge", "131.0", "Windows", "10", "desktop", False),
    f"{CHROME} OPR/115.0.0.0": ParsedUserAgent("Opera", "115.0", "Windows", "10", "desktop", False),
    FIREFOX: ParsedUserAgent("Firefox", "132.0", "Linux", None, "desktop", False),
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
    " Safari/605.1.15": ParsedUserAgent("Safari", "18.1", "Mac OS X", "10.15", "desktop", False),
    IPHONE: ParsedUserAgent("Mobile Safari", "18.1", "iOS", "18.1", "mobile", False),
    "Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148"
    " Safari/604.1": ParsedUserAgent("Mobile Safari", "17.6", "iOS", "17.6", "tablet", False),
    f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36": ParsedUserAgent(
        "Chrome Mobile", "131.0", "Android", "10", "mobile", False
    ),
    f"Mozilla/5.0 (Linux; Android 14; SM-X710) {WEBKIT} Chrome/131.0.0.0 Safari/537.36": ParsedUserAgent(
        "Chrome", "131.0", "Android", "14", "tablet", False
    ),
    f"Mozilla/5.0 (Linux; Android 14; SAMSUNG SM-S921B) {WEBKIT} SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile"
    " Safari/537.36": ParsedUserAgent("Samsung Internet", "26.0", "Android", "14", "mobile", False),
}

ALSO_PEOPLE = [
    f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {WEBKIT} Chrome/131.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} Chrome/130.0.0.0 Safari/537.36 Vivaldi/7.0.3495.11",
    f"Mozilla/5.0 (Linux; Android 13; CUBOT X70) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; SM-A546B) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36 GSA/15.44.34",
    f"Mozilla/5.0 (Linux; Android 14; SM-A546B; wv) {WEBKIT} Version/4.0 Chrome/131.0.6778.39 Mobile Safari/537.36"
    " Instagram 358.0.0.51.97 Android",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
    " [FBAN/FBIOS;FBAV/489.0.0.53.73;FBDV/iPhone14,5;FBSN/iOS;FBSV/18.1;FBLC/de_DE]",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " CriOS/131.0.6778.73 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/131.0.0.0 Safari/537.36 DuckDuckGo/7",
]

BOTS = [
    GOOGLEBOT,
    f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36"
    " (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    f"Mozilla/5.0 (X11; Linux x86_64) {WEBKIT} HeadlessChrome/131.0.0.0 Safari/537.36",
    f"{CHROME} Chrome-Lighthouse",
    "Mozilla/5.0 (compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "facebookexternalhit/1.1",
    "curl/8.5.0",
    "Wget/1.21.4",
    "python-requests/2.32.3",
    "python-httpx/0.28.1",
    "Go-http-client/2.0",
    "okhttp/4.12.0",
    "",
    "   ",
]


AI_CRAWLERS = [
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko); compatible; GPTBot/1.2; +https://openai.com/gptbot",
    f"Mozilla/5.0 {WEBKIT}; compatible; ChatGPT-User/1.0; +https://openai.com/bot",
    "Mozilla/5.0 (compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    f"Mozilla/5.0 {WEBKIT[:-1]}; compatible; PerplexityBot/1.0; +https://perplexity.ai/perplexitybot)",
    "CCBot/2.0 (https://commoncrawl.org/faq/)",
    "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "Mozilla/5.0 (compatible; bytespider; spider-feedback@bytedance.com)",
]

CALLED_LIKE_BOTS = [
    f"Mozilla/5.0 (Linux; Android 7.0; VR BOT 552) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 8.1.0; Newsday_E1 Build/O11019) {WEBKIT} Chrome/131.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; U; Android 4.4.2; de-de; Discovery Air) {WEBKIT} Chrome/81.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Web0S; Linux/SmartTV) {WEBKIT} Chrome/108.0.5359.211 Safari/537.36 WebAppManager",
]


@pytest.mark.parametrize("user_agent", PEOPLE)
def test_browser_system_and_device_are_read_from_the_agent(user_agent: str) -> None:
    assert read_agent(user_agent) == PEOPLE[user_agent]


@pytest.mark.parametrize("user_agent", ALSO_PEOPLE)
def test_a_person_s_browser_is_no_bot(user_agent: str) -> None:
    agent = read_agent(user_agent)
    assert not agent.is_bot
    assert agent.device_type in ("desktop", "mobile", "tablet")
    assert agent.browser
    assert agent.os


@pytest.mark.parametrize("major", [120, 131, 145, 199])
def test_a_browser_s_coming_versions_are_no_bots(major: int) -> None:
    for user_agent in (
        CHROME.replace("131", str(major)),
        f"{CHROME} Edg/{major}.0.0.0".replace("131", str(major)),
        FIREFOX.replace("132", str(major)),
    ):
        agent = read_agent(user_agent)
        assert (agent.is_bot, agent.browser_version) == (False, f"{major}.0")


@pytest.mark.parametrize("user_agent", BOTS)
def test_programs_and_crawlers_are_bots(user_agent: str) -> None:
    assert read_agent(user_agent).is_bot


@pytest.mark.parametrize("user_agent", AI_CRAWLERS)
def test_ai_crawler_is_a_bot_and_marked_as_ai_crawler(user_agent: str) -> None:
    agent = read_agent(user_agent)
    assert (agent.is_bot, agent.is_ai_crawler) == (True, True)


@pytest.mark.parametrize("user_agent", [*BOTS, *PEOPLE, "SuccBot/1.0", "CCBots/1.0", "Kayak-Devinci/2"])
def test_other_agents_are_not_ai_crawlers(user_agent: str) -> None:
    assert not read_agent(user_agent).is_ai_crawler


@pytest.mark.parametrize("token", sorted(ai_crawler_tokens()))
def test_every_token_of_an_ai_crawler_is_found_in_any_case(token: str) -> None:
    for name in (token, token.lower(), token.upper()):
        assert read_agent(f"Mozilla/5.0 (compatible; {name}/1.0)").is_ai_crawler


CUBOT = (
    f"Mozilla/5.0 (Linux; Android 13; CUBOT X70 Build/TP1A.220624.014; wv) {WEBKIT} Version/4.0 Chrome/131.0.6778.39"
)
FACEBOOK = "FB_IAB/FB4A;FBAV/489.0.0.53.73;FBMF/CUBOT;FBBD/CUBOT;FBDV/CUBOT_X70;FBSV/13"

NAMED_TWICE = {
    "Instagram": f"{CUBOT} Mobile Safari/537.36 Instagram 358.0.0.51.97 Android"
    " (33/13; 320dpi; 720x1440; CUBOT; CUBOT X70; CUBOT_X70; mt6789; de_DE; 650001)",
    "Threads": f"{CUBOT} Mobile Safari/537.36 Barcelona 300.0.0.1 Android"
    " (33/13; 320dpi; 720x1440; FOSSiBOT; FOSSiBOT F102; F102; mt6789; de_DE; 650001)",
    "Facebook": f"{CUBOT} Mobile Safari/537.36 [{FACEBOOK};]",
    "Facebook, a model of words": f"{CUBOT} Mobile Safari/537.36 [FBAN/FB4A;FBDV/VR BOT 552;FBCR/Spider Mobile;]",
    "TikTok": f"{CUBOT} Mobile Safari/537.36 musical_ly_2023300100 JsSdk/1.0 NetType/WIFI Channel/googleplay"
    " AppName/musical_ly app_version/33.1.0 DeviceModel/CUBOT_X70 BytedanceWebview/d8a21c6",
    "Snapchat": f"{CUBOT} Mobile Safari/537.36 Snapchat/13.1.0 (CUBOT X70; Android 13#1690000000; gzip; )",
    "a maker's name in the build": f"Mozilla/5.0 (Linux; U; Android 4.2.2; it-it; S222 Build/CUBOT) {WEBKIT}"
    " Version/4.0 Mobile Safari/534.30",
    "a model with a bot's word, twice": f"Mozilla/5.0 (Linux; Android 12; Discovery Air) {WEBKIT} Chrome/131.0.0.0"
    " Mobile Safari/537.36 SomeApp/2.1 Discovery_Air",
    "Firefox": "Mozilla/5.0 (Android 13; Mobile; CUBOT X70; rv:132.0) Gecko/132.0 Firefox/132.0",
    "Windows Phone": "Mozilla/5.0 (MSIE 9.0; Windows Phone OS 7.5; Trident/5.0; IEMobile/9.0; HTC; Radar 4G)",
    "WeChat": "Mozilla/5.0 (Linux; Android 12; LGE-AN10 Build/HONORLGE-AN10; wv) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Version/4.0 Chrome/86.0.4240.99 XWEB/3211 MMWEBSDK/20220303 Mobile Safari/537.36 MMWEBID/7223"
    " MicroMessenger/8.0.21.2120(0x2800153B) Process/toolsmp WeChat/arm64 Weixin NetType/5G Language/zh_CN ABI/arm64",
    "Sogou": "Mozilla/5.0 (Linux; Android 9; KT20201188; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0"
    " Chrome/89.0.4389.105 Mobile Safari/537.36 SGInfo/720/1408/2.0 SogouSearch Android1.0 version3.0 AppVersion/7966",
}


@pytest.mark.parametrize("app", NAMED_TWICE)
def test_bot_search_ignores_device_names_in_an_in_app_browser(app: str) -> None:
    agent = read_agent(NAMED_TWICE[app])
    assert (agent.is_bot, agent.device_type) == (False, "mobile")


@pytest.mark.parametrize(
    "user_agent",
    [
        f"{CUBOT} Mobile Safari/537.36 [{FACEBOOK};] (compatible; Googlebot/2.1)",
        f"{CUBOT} Mobile Safari/537.36 Instagram 358.0.0.51.97 Android (33/13; 320dpi; 720x1440; x; y; z) bingbot/2.0",
        f"Mozilla/5.0 (Linux; Android 13; Googlebot) {WEBKIT} Mobile Safari/537.36 (compatible; Googlebot/2.1)",
        f"Mozilla/5.0 (Linux; Android 13; Storebot-Google/1.0) {WEBKIT} Mobile Safari/537.36 Storebot-Google/1.0",
        "cubot/1.0 (+https://bot.example/)",
        "XBot/1.0",
        "iRobot/2.1",
    ],
)
def test_bot_search_finds_bots_beside_device_names(user_agent: str) -> None:
    assert read_agent(user_agent).is_bot


@pytest.mark.parametrize("user_agent", CALLED_LIKE_BOTS)
def test_device_with_a_bot_like_name_is_no_bot(user_agent: str) -> None:
    assert not read_agent(user_agent).is_bot


@pytest.mark.parametrize(
    "user_agent",
    [
        f"Mozilla/5.0 (Linux; Android 8.0; Pixel 2 Build/OPD3; Storebot-Google/1.0) {WEBKIT} Mobile Safari/537.36",
        f"Mozilla/5.0 (Linux; Android 7.0;) {WEBKIT} Mobile Safari/537.36 (compatible; PetalBot)",
    ],
)
def test_bot_with_a_phone_name_is_a_bot(user_agent: str) -> None:
    assert read_agent(user_agent).is_bot


@pytest.mark.parametrize(
    "name", ["HeadlessChrome/131", "PhantomJS/2.1", "Playwright/1.4", "jsdom/22.1", "Cypress/13", "HtmlUnit/4.2"]
)
def test_headless_browser_is_a_bot_when_declared(name: str) -> None:
    assert read_agent(f"{CHROME} {name}").is_bot


def test_versions_stop_at_the_minor_part() -> None:
    agent = read_agent(f"{WINDOWS} Chrome/131.0.6778.86 Safari/537.36")
    assert agent.browser_version == "131.0"


def test_an_unknown_agent_has_no_parts() -> None:
    agent = read_agent("something entirely else")
    assert (agent.browser, agent.browser_version, agent.os, agent.os_version, agent.device_type) == (None,) * 5


def test_user_agent_is_read_up_to_1024_characters() -> None:
    assert read_agent(FIREFOX.ljust(1024) + "Googlebot") == read_agent(FIREFOX)


@settings(deadline=None)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_read_agent_accepts_any_text(user_agent: str) -> None:
    assert isinstance(read_agent(user_agent), ParsedUserAgent)


ANDROID = f"Mozilla/5.0 (Linux; Android 14; K) {WEBKIT} Chrome/131.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        ("Mozilla/5.0 (Android 14; Tablet; rv:132.0) Gecko/132.0 Firefox/132.0", "tablet"),
        ("Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0", "mobile"),
        (f"{ANDROID} YaBrowser/24.1.2.86 Mobile", "mobile"),
        (f"{ANDROID} Safari/537.36", "tablet"),
        (
            f"Mozilla/5.0 (Linux; Tizen 3.0; SAMSUNG SM-Z400F) {WEBKIT} SamsungBrowser/2.0 Mobile Safari/537.36",
            "mobile",
        ),
        (f"{ANDROID} YaBrowser/22.8.0.9 (lite) TV Safari/537.36", None),
        (f"Mozilla/5.0 (Linux; Android 11; BRAVIA 4K UR2 Build/PTT1) {WEBKIT} Chrome/109.0.0.0 Safari/537.36", None),
        (f"Mozilla/5.0 (Linux; Android 9; AFTT Build/PS7) {WEBKIT} Chrome/109.0.0.0 Mobile Safari/537.36", None),
        ("Mozilla/5.0 (X11; OpenBSD amd64; rv:132.0) Gecko/20100101 Firefox/132.0", "desktop"),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1.15",
            "desktop",
        ),
    ],
)
def test_device_type_is_read_from_the_agent(user_agent: str, device: str | None) -> None:
    assert read_agent(user_agent).device_type == device


@pytest.mark.parametrize(
    ("width_px", "device"),
    [(1, "mobile"), (767, "mobile"), (768, "tablet"), (1023, "tablet"), (1024, "desktop"), (5120, "desktop")],
)
def test_a_width_decides_the_device_at_768_and_1024_px(width_px: int, device: str) -> None:
    assert device_of_width(width_px) == device
