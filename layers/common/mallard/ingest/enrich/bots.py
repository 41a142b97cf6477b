"""Which agents are programs: a well-kept list of patterns, what the list lacks, and the crawlers of AI services."""

import re
from functools import cache

from is_bot import Bots

from mallard.ingest.enrich.device_names import without_device_names

AI_CRAWLERS = (
    # Each is the product token that its operator documents.
    "AI2Bot",
    "Ai2Bot-Dolma",
    "aiHitBot",
    "Amazonbot",
    "Amzn-SearchBot",
    "Amzn-User",
    "AndiBot",
    "anthropic-ai",
    "Applebot-Extended",
    "AzureAI-SearchBot",
    "bedrockbot",
    "Bytespider",
    "CCBot",
    "ChatGLM-Spider",
    "ChatGPT-User",
    "claude-code",
    "Claude-SearchBot",
    "Claude-User",
    "Claude-Web",
    "ClaudeBot",
    "Cloudflare-AutoRAG",
    "CloudVertexBot",
    "cohere-ai",
    "cohere-training-data-crawler",
    "Cotoyogi",
    "Crawl4AI",
    "Crawlspace",
    "DeepSeekBot",
    "Devin",
    "Diffbot",
    "DuckAssistBot",
    "ExaBot",
    "FacebookBot",
    "FirecrawlAgent",
    "Gemini-Deep-Research",
    "Google-CloudVertexBot",
    "Google-Extended",
    "Google-GeminiNotebook",
    "Google-NotebookLM",
    "GoogleAgent-Mariner",
    "GPTBot",
    "GrokBot",
    "iAskBot",
    "iaskspider",
    "ImagesiftBot",
    "img2dataset",
    "Kangaroo Bot",
    "Kimi-SearchBot",
    "Kimi-User",
    "KimiBot",
    "LinerBot",
    "LinkupBot",
    "Manus-User",
    "meta-externalagent",
    "meta-externalfetcher",
    "meta-webindexer",
    "MistralAI-Index",
    "MistralAI-User",
    "MistralBot",
    "OAI-AdsBot",
    "OAI-SearchBot",
    "omgili",
    "omgilibot",
    "PanguBot",
    "Perplexity-User",
    "PerplexityBot",
    "PhindBot",
    "SBIntuitionsBot",
    "SemrushBot-OCOB",
    "ShapBot",
    "TavilyBot",
    "Thinkbot",
    "TikTokSpider",
    "Timpibot",
    "Webzio-Extended",
    "xAI-Bot",
    "YouBot",
)
"""Crawlers and fetchers that read pages for language models: for training, for an index, or for one user's question."""

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
"""What browsers of phones and television sets say that the list takes for the word of a program."""

_list = Bots()


def is_ai_crawler(user_agent: str) -> bool:
    """Whether an agent names itself as a crawler or fetcher for AI."""
    return _ai_crawlers().search(user_agent) is not None


def is_program(user_agent: str) -> bool:
    """Whether an agent is a crawler, a library, a monitor or a browser without a person; an empty one is."""
    if not user_agent.strip() or _HEADLESS.search(user_agent):
        return True
    return bool(_list.is_bot(_PEOPLES_WORDS.sub("", without_device_names(user_agent))))


@cache
def _ai_crawlers() -> re.Pattern[str]:
    # The token as a word of its own: CCBot is not SuccBot, Devin not Devinci.
    words = "|".join(re.escape(each) for each in sorted(AI_CRAWLERS, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{words})(?![\w-])", re.IGNORECASE)
