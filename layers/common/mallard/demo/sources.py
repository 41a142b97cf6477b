"""Where the demo's visits come from: referrers, their names, GA4's default channel words and campaign tags."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One origin of visits: ``weight`` is its share of all visits, ``referrers`` its URLs, the frequent first.

    ``name`` is None where there is no referrer. ``utm`` is (source, medium, campaign, content, term).
    ``landing`` names a row of ``pages.LANDINGS``.
    """

    weight: float
    name: str | None
    channel: str
    landing: str
    referrers: tuple[str | None, ...] = (None,)
    utm: tuple[str | None, str | None, str | None, str | None, str | None] = (None, None, None, None, None)


_SOURCES: tuple[Source, ...] = (
    Source(30.0, None, "Direct", "typed"),
    Source(24.0, "Google", "Organic Search", "search", ("https://www.google.com/", "https://www.google.de/")),
    Source(3.2, "Bing", "Organic Search", "search", ("https://www.bing.com/",)),
    Source(3.4, "DuckDuckGo", "Organic Search", "search", ("https://duckduckgo.com/",)),
    Source(0.8, "Ecosia", "Organic Search", "search", ("https://www.ecosia.org/",)),
    Source(
        6.5, "Hacker News", "Organic Social", "link",
        ("https://news.ycombinator.com/", "https://news.ycombinator.com/item?id=41234567"),
    ),
    Source(
        3.6, "Reddit", "Organic Social", "link",
        ("https://www.reddit.com/", "https://www.reddit.com/r/selfhosted/", "https://old.reddit.com/r/webdev/"),
    ),
    Source(2.6, "X", "Organic Social", "link", ("https://t.co/", "https://x.com/")),
    Source(1.6, "LinkedIn", "Organic Social", "link", ("https://www.linkedin.com/",)),
    Source(0.7, "Mastodon", "Organic Social", "link", ("https://mastodon.social/",)),
    Source(0.9, "YouTube", "Organic Video", "link", ("https://www.youtube.com/",)),
    Source(
        4.6, "GitHub", "Referral", "code",
        ("https://github.com/", "https://github.com/example/starter", "https://github.com/topics/analytics"),
    ),
    Source(1.1, "Stack Overflow", "Referral", "code", ("https://stackoverflow.com/",)),
    Source(0.9, "dev.to", "Referral", "link", ("https://dev.to/",)),
    Source(0.8, "Lobsters", "Referral", "link", ("https://lobste.rs/",)),
    Source(1.9, "ChatGPT", "AI Assistants", "code", ("https://chatgpt.com/",)),
    Source(0.8, "Perplexity", "AI Assistants", "search", ("https://www.perplexity.ai/",)),
    Source(0.5, "Claude", "AI Assistants", "code", ("https://claude.ai/",)),
    Source(
        2.8, None, "Email", "mail",
        utm=("newsletter", "email", "weekly-digest", "top-story", None),
    ),
    Source(
        0.9, "Gmail", "Email", "mail", ("https://mail.google.com/",),
        utm=("newsletter", "email", "product-news", "button", None),
    ),
    Source(
        2.9, "Google", "Paid Search", "ad", ("https://www.google.com/",),
        utm=("google", "cpc", "brand", "headline-a", "mallard analytics"),
    ),
    Source(
        2.0, "Google", "Paid Search", "ad", ("https://www.google.com/",),
        utm=("google", "cpc", "alternatives", "headline-b", "privacy analytics"),
    ),
    Source(
        0.6, "Bing", "Paid Search", "ad", ("https://www.bing.com/",),
        utm=("bing", "cpc", "alternatives", None, "cookieless analytics"),
    ),
    Source(
        1.1, "LinkedIn", "Paid Social", "ad", ("https://www.linkedin.com/",),
        utm=("linkedin", "paid_social", "spring-launch", "carousel", None),
    ),
    Source(
        0.8, "Reddit", "Paid Social", "ad", ("https://www.reddit.com/",),
        utm=("reddit", "paid_social", "spring-launch", "post", None),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Origin:
    """One referrer of a source, with its share of all visits."""

    weight: float
    referrer: str | None
    source: Source


def _origins(source: Source) -> list[Origin]:
    """The source's referrers by Zipf's law: half as many visits from the second as from the first."""
    ranked = [(1 / rank, referrer) for rank, referrer in enumerate(source.referrers, 1)]
    total = sum(share for share, _ in ranked)
    return [Origin(source.weight * share / total, referrer, source) for share, referrer in ranked]


# The first one, Direct, is also what an inner page's rows carry: no referrer of another site, no tags.
ORIGINS: tuple[Origin, ...] = tuple(origin for source in _SOURCES for origin in _origins(source))
