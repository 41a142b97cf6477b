"""Where a visit comes from: the referrer, and the source's name."""

import re
from urllib.parse import urlsplit, urlunsplit

from mallard.ingest.page import host_of

_SOURCES = {
    "google.com": "Google",
    "bing.com": "Bing",
    "duckduckgo.com": "DuckDuckGo",
    "yahoo.com": "Yahoo!",
    "yandex.ru": "Yandex",
    "yandex.com": "Yandex",
    "ecosia.org": "Ecosia",
    "qwant.com": "Qwant",
    "baidu.com": "Baidu",
    "search.brave.com": "Brave",
    "startpage.com": "Startpage",
    "kagi.com": "Kagi",
    "facebook.com": "Facebook",
    "fb.com": "Facebook",
    "instagram.com": "Instagram",
    "twitter.com": "X",
    "x.com": "X",
    "t.co": "X",
    "linkedin.com": "LinkedIn",
    "lnkd.in": "LinkedIn",
    "reddit.com": "Reddit",
    "youtube.com": "YouTube",
    "youtu.be": "YouTube",
    "pinterest.com": "Pinterest",
    "tiktok.com": "TikTok",
    "threads.net": "Threads",
    "bsky.app": "Bluesky",
    "mastodon.social": "Mastodon",
    "t.me": "Telegram",
    "news.ycombinator.com": "Hacker News",
    "lobste.rs": "Lobsters",
    "github.com": "GitHub",
    "stackoverflow.com": "Stack Overflow",
    "medium.com": "Medium",
    "wikipedia.org": "Wikipedia",
    "producthunt.com": "Product Hunt",
    "chatgpt.com": "ChatGPT",
    "chat.openai.com": "ChatGPT",
    "perplexity.ai": "Perplexity",
    "claude.ai": "Claude",
    "gemini.google.com": "Gemini",
    "copilot.microsoft.com": "Copilot",
    "mail.google.com": "Gmail",
}

_GOOGLE = re.compile(r"(^|\.)google\.([a-z]{2}|com?\.[a-z]{2})$")
"""Google has a domain in every country: google.de, google.co.uk."""


def read_referrer(referrer: str | None, hostname: str, site_id: str) -> tuple[str | None, str | None]:
    """The referrer as stored (no credentials, no fragment) and its source's name.

    Both are None where there is no referrer, where it is the site itself, or where it is not a web address.
    """
    if not referrer or not referrer.startswith(("http://", "https://")):
        return None, None
    host = host_of(referrer)
    if host is None or _bare(host) in (_bare(hostname), _bare(site_id.partition(":")[0])):
        return None, None
    parts = urlsplit(referrer)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, parts.query, "")), source_name(host)


def source_name(host: str) -> str:
    """The name of the longest known ending of a host, else the host without ``www.``."""
    labels = host.split(".")
    for start in range(len(labels)):
        if name := _SOURCES.get(".".join(labels[start:])):
            return name
    if _GOOGLE.search(host):
        return "Google"
    return _bare(host)


def _bare(host: str) -> str:
    return host.removeprefix("www.")
