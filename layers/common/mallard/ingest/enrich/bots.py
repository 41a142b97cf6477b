"""Detection of bots, headless browsers and AI crawlers by user agent."""

import re
from functools import cache
from pathlib import Path

from is_bot import Bots

from mallard.ingest.enrich.device_names import without_device_names
from mallard.normalize.list_file import read_list

_LISTS = Path(__file__).parent / "lists"

_HEADLESS = re.compile(
    r"headless|phantomjs|slimerjs|puppeteer|playwright|selenium|webdriver|cypress|jsdom|happy-?dom|nightmare"
    r"|zombie\.js|htmlunit|splash/|prerender|lighthouse|pagespeed",
    re.IGNORECASE,
)
"""Browsers that a program drives, where they say so."""

_PEOPLES_WORDS = re.compile(
    r"SogouMSE|SogouMobileBrowser/|SogouSearch |GoogleTV|GooglePlayStore|WebAppManager|\.Catcher\d|Google Earth/"
    # WeChat's browser names its process; other apps end with the package and a version.
    r"|\bProcess/tools\w*|\[(?:air\.)?com\.[\w.]+/[\d.]+\]",
    re.IGNORECASE,
)
"""Words of browsers on phones and television sets that the list takes for those of a program."""

_list = Bots()


def is_ai_crawler(user_agent: str) -> bool:
    """True for a user agent that names a crawler or fetcher of an AI service."""
    return _ai_crawlers().search(user_agent) is not None


def is_program(user_agent: str) -> bool:
    """True for crawlers, libraries, monitors and headless browsers, and for an empty user agent."""
    if not user_agent.strip() or _HEADLESS.search(user_agent):
        return True
    return bool(_list.is_bot(_PEOPLES_WORDS.sub("", without_device_names(user_agent))))


def ai_crawler_tokens() -> frozenset[str]:
    """Product tokens of crawlers and fetchers of AI services: for training, for an index, or for one question."""
    return frozenset(read_list(_LISTS / "ai_crawlers.txt") + read_list(_LISTS / "ai_crawlers_own.txt"))


@cache
def _ai_crawlers() -> re.Pattern[str]:
    # The token as a word of its own: CCBot is not SuccBot, Devin not Devinci.
    words = "|".join(re.escape(each) for each in sorted(ai_crawler_tokens(), key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)
