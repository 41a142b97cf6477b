"""Sources of the demo's visits: referrers, source names, GA4's default channels and campaign tags."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DemoSource:
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


_SOURCES: tuple[DemoSource, ...] = (
    DemoSource(30.0, None, "Direct", "typed"),
    DemoSource(24.0, "Google", "Organic Search", "search", ("https://www.google.com/", "https://www.google.de/")),
    DemoSource(3.2, "Bing", "Organic Search", "search", ("https://www.bing.com/",)),
    DemoSource(3.4, "DuckDuckGo", "Organic Search", "search", ("https://duckduckgo.com/",)),
    DemoSource(0.8, "Ecosia", "Organic Search", "search", ("https://www.ecosia.org/",)),
    DemoSource(
        6.5, "Hacker News", "Organic Social", "link",
        ("https://news.ycombinator.com/", "https://news.ycombinator.com/item?id=41234567"),
    ),
    DemoSource(
        3.6, "Reddit", "Organic Social", "link",
        ("https://www.reddit.com/", "https://www.reddit.com/r/selfhosted/", "https://old.reddit.com/r/webdev/"),
    ),
    DemoSource(2.6, "X", "Organic Social", "link", ("https://t.co/", "https://x.com/")),
    DemoSource(1.6, "LinkedIn", "Organic Social", "link", ("https://www.linkedin.com/",)),
    DemoSource(0.7, "Mastodon", "Organic Social", "link", ("https://mastodon.social/",)),
    DemoSource(0.9, "YouTube", "Organic Video", "link", ("https://www.youtube.com/",)),
    DemoSource(
        4.6, "GitHub", "Referral", "code",
        ("https://github.com/", "https://github.com/example/starter", "https://github.com/topics/analytics"),
    ),
    DemoSource(1.1, "Stack Overflow", "Referral", "code", ("https://stackoverflow.com/",)),
    DemoSource(0.9, "dev.to", "Referral", "link", ("https://dev.to/",)),
    DemoSource(0.8, "Lobsters", "Referral", "link", ("https://lobste.rs/",)),
    DemoSource(1.9, "ChatGPT", "AI Assistants", "code", ("https://chatgpt.com/",)),
    DemoSource(0.8, "Perplexity", "AI Assistants", "search", ("https://www.perplexity.ai/",)),
    DemoSource(0.5, "Claude", "AI Assistants", "code", ("https://claude.ai/",)),
    DemoSource(
        2.8, None, "Email", "mail",
        utm=("newsletter", "email", "weekly-digest", "top-story", None),
    ),
    DemoSource(
        0.9, "Gmail", "Email", "mail", ("https://mail.google.com/",),
        utm=("newsletter", "email", "product-news", "button", None),
    ),
    DemoSource(
        2.9, "Google", "Paid Search", "ad", ("https://www.google.com/",),
        utm=("google", "cpc", "brand", "headline-a", "mallard analytics"),
    ),
    DemoSource(
        2.0, "Google", "Paid Search", "ad", ("https://www.google.com/",),
        utm=("google", "cpc", "alternatives", "headline-b", "privacy analytics"),
    ),
    DemoSource(
        0.6, "Bing", "Paid Search", "ad", ("https://www.bing.com/",),
        utm=("bing", "cpc", "alternatives", None, "cookieless analytics"),
    ),
    DemoSource(
        1.1, "LinkedIn", "Paid Social", "ad", ("https://www.linkedin.com/",),
        utm=("linkedin", "paid_social", "spring-launch", "carousel", None),
    ),
    DemoSource(
        0.8, "Reddit", "Paid Social", "ad", ("https://www.reddit.com/",),
        utm=("reddit", "paid_social", "spring-launch", "post", None),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class DemoOrigin:
    """One referrer of a source, with its share of all visits."""

    weight: float
    referrer: str | None
    source: DemoSource


def _origins(source: DemoSource) -> list[DemoOrigin]:
    """The source's referrers by Zipf's law: half as many visits from the second as from the first."""
    ranked = [(1 / rank, referrer) for rank, referrer in enumerate(source.referrers, 1)]
    total = sum(share for share, _ in ranked)
    return [DemoOrigin(source.weight * share / total, referrer, source) for share, referrer in ranked]


# The first one, Direct, also applies to rows of later pages: no external referrer, no tags.
ORIGINS: tuple[DemoOrigin, ...] = tuple(origin for source in _SOURCES for origin in _origins(source))
