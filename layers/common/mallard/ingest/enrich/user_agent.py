"""Browser, system, device and bot detection by user agent."""

import re
from dataclasses import dataclass
from functools import cache

import ua_parser

from mallard.ingest.enrich.bots import is_ai_crawler, is_program
from mallard.ingest.enrich.client_hints import (
    NO_HINTS,
    ClientHints,
    hinted_browser,
    hinted_device,
    hinted_system,
    is_headless,
)
from mallard.ingest.enrich.lazy_import import run_when_used
from mallard.normalize.hashed_cache import hashed_cache

# user_agents imports ua-parser's first interface, which compiles 1,200 patterns at once; we use none of them.
run_when_used("ua_parser.user_agent_parser")

from user_agents.parsers import (  # noqa: E402
    TABLET_DEVICE_FAMILIES,
    UserAgent,
    parse_browser,
    parse_device,
    parse_operating_system,
)

MAX_AGENT_LENGTH = 512
AGENTS_BYTES = 4 * 1024 * 1024
MOBILE_BELOW_PX = 768
TABLET_BELOW_PX = 1024

_TELEVISION = re.compile(r"smart-?tv|googletv|hbbtv|appletv|android ?tv|\bTV\b|\bAFT[A-Z]|BRAVIA|CrKey", re.IGNORECASE)
"""Marks of television sets, which Android's rule takes for tablets; there is no device class for them."""


@dataclass(frozen=True, slots=True)
class ParsedUserAgent:
    """One user agent understood. ``device_type`` is desktop, mobile or tablet; unknown parts are None.

    An AI crawler is a bot, too.
    """

    browser: str | None
    browser_version: str | None
    os: str | None
    os_version: str | None
    device_type: str | None
    is_bot: bool
    is_ai_crawler: bool = False


@cache
def _parser() -> ua_parser.Parser:
    """ua-parser's compiled matcher. The package's own parser keeps the last 2,000 agents as they came."""
    return ua_parser.Parser(ua_parser.BestAvailableResolver(ua_parser.load_lazy_builtins()))


class _FastUserAgent(UserAgent):  # type: ignore[misc]  # the package has no types
    """``user_agents`` over ua-parser's compiled matcher: its own parser takes 1 ms an agent, this one 50 µs."""

    def __init__(self, user_agent_string: str) -> None:
        self.ua_string = user_agent_string
        found = _parser().parse(user_agent_string)
        browser, system, device = found.user_agent, found.os, found.device
        self.browser = (
            parse_browser(browser.family, browser.major, browser.minor, browser.patch)
            if browser
            else parse_browser("Other")
        )
        self.os = (
            parse_operating_system(system.family, system.major, system.minor, system.patch, system.patch_minor)
            if system
            else parse_operating_system("Other")
        )
        self.device = (
            parse_device(device.family, device.brand, device.model) if device else parse_device("Other", None, None)
        )


@hashed_cache(most_bytes=AGENTS_BYTES)
def read_agent(user_agent: str, hints: ClientHints = NO_HINTS) -> ParsedUserAgent:
    """Parse one User-Agent header, and what client hints add; an absent one is a bot, since every browser sends it."""
    text = user_agent[:MAX_AGENT_LENGTH]
    for_ai = is_ai_crawler(text)
    agent = _by_agent(text, is_bot=for_ai or is_headless(hints) or is_program(text), for_ai=for_ai)
    return agent if hints is NO_HINTS or agent.is_bot else _refined(agent, hints)


def device_of_width(width_px: int) -> str:
    """The device class of a viewport, for agents that tell none: below 768 px mobile, below 1024 tablet."""
    if width_px < MOBILE_BELOW_PX:
        return "mobile"
    return "tablet" if width_px < TABLET_BELOW_PX else "desktop"


def _by_agent(text: str, *, is_bot: bool, for_ai: bool) -> ParsedUserAgent:
    parsed = _FastUserAgent(text)
    return ParsedUserAgent(
        browser=_known(parsed.browser.family),
        browser_version=_version(parsed.browser.version),
        os=_known(parsed.os.family),
        os_version=_version(parsed.os.version),
        device_type=_device_type(parsed),
        is_bot=is_bot,
        is_ai_crawler=for_ai,
    )


def _refined(agent: ParsedUserAgent, hints: ClientHints) -> ParsedUserAgent:
    browser = hinted_browser(hints, agent.browser) or (agent.browser, agent.browser_version)
    system = hinted_system(hints, agent.os, agent.os_version)
    return ParsedUserAgent(
        *browser, *system, hinted_device(hints, agent.device_type), agent.is_bot, agent.is_ai_crawler
    )


def _known(family: str | None) -> str | None:
    return None if family in (None, "", "Other") else family


def _version(version: tuple[int | str, ...]) -> str | None:
    """Major and minor: finer parts tell people apart and tell a reader nothing."""
    return ".".join(str(part) for part in version[:2]) or None


def _device_type(parsed: UserAgent) -> str | None:
    """None is the agent's silence: an unknown one, or a television set."""
    text, on_android = parsed.ua_string, parsed.os.family == "Android"
    if on_android and _TELEVISION.search(text):
        return None
    if parsed.device.family in TABLET_DEVICE_FAMILIES or (on_android and "; Tablet;" in text):
        return "tablet"
    if parsed.is_tablet and not (on_android and "Mobile" in text):
        return "tablet"
    if parsed.is_mobile or "Mobile Safari" in text or (on_android and "Mobile" in text):
        return "mobile"
    return "desktop" if parsed.is_pc or "(X11;" in text else None
