"""Pages of the demo's content site, transitions between them and custom events."""

from dataclasses import dataclass, field

_FEATURES = "/features /features/funnels /features/retention /features/goals /features/privacy /features/api"
_BLOG = """
cookie-free-analytics what-is-a-bounce duckdb-on-object-storage why-we-left-cookies counting-visitors-without-ids
parquet-explained weekly-active-users funnels-that-tell-the-truth serverless-costs the-end-of-third-party-cookies
reading-a-retention-table self-hosting-guide utm-links-done-right sessions-and-midnights release-2-0
one-tag-under-two-kilobytes the-privacy-checklist how-we-test-storage daily-salts bots-in-your-numbers
engaged-time choosing-a-dashboard small-data gdpr-for-developers public-dashboards release-1-9 scroll-depth
speed-is-a-feature events-and-goals hello-world
"""
_DOCS = """
quickstart install script-tag configuration events goals funnels api api/query docker aws-lambda import export
privacy revenue custom-properties proxy troubleshooting upgrade glossary
"""
_COMPANY = "/about /changelog /customers /contact /privacy /careers"


@dataclass(frozen=True)
class Action:
    """A custom event of a section: ``share`` of its page views send one, with one of the weighted ``details``.

    A detail is (weight, props as JSON text, revenue in cents or None).
    """

    name: str
    share: float
    details: tuple[tuple[float, str | None, int | None], ...]


@dataclass(frozen=True)
class Section:
    """Pages with the same reader behaviour, the most read first (Zipf's law with exponent 1).

    ``bounce`` is the share that leaves from here as a landing page, ``leave`` the share later on;
    ``onward`` weighs the section of the next page. ``dwell_seconds`` is the median time on a page.
    """

    paths: tuple[str, ...]
    bounce: float
    leave: float
    dwell_seconds: float
    onward: dict[str, float] = field(default_factory=dict)
    action: Action | None = None


def _under(folder: str, slugs: str) -> tuple[str, ...]:
    return (folder, *(f"{folder}/{slug}" for slug in slugs.split()))


_OUTBOUND = (
    (5.0, '{"url":"https://github.com/example/starter"}', None),
    (3.0, '{"url":"https://duckdb.org/"}', None),
    (2.0, '{"url":"https://parquet.apache.org/"}', None),
    (1.0, '{"url":"https://en.wikipedia.org/wiki/Web_analytics"}', None),
)
_FILES = (
    (5.0, '{"file":"starter.zip"}', None),
    (3.0, '{"file":"docker-compose.yml"}', None),
    (2.0, '{"file":"privacy-whitepaper.pdf"}', None),
)
_SIGNUPS = (
    (6.0, '{"plan":"free"}', None),
    (3.0, '{"plan":"pro"}', None),
    (1.0, '{"plan":"team"}', None),
)
_PURCHASES = (
    (5.0, '{"plan":"pro","billing":"monthly"}', 1900),
    (3.0, '{"plan":"pro","billing":"yearly"}', 19000),
    (1.5, '{"plan":"team","billing":"monthly"}', 4900),
    (0.5, '{"plan":"team","billing":"yearly"}', 49000),
)

SECTIONS: dict[str, Section] = {
    "home": Section(
        ("/",), 0.42, 0.22, 22,
        {"features": 30, "pricing": 22, "docs": 18, "blog": 14, "company": 12, "signup": 4},
    ),
    "features": Section(
        tuple(_FEATURES.split()), 0.46, 0.24, 35,
        {"features": 30, "pricing": 26, "docs": 22, "home": 16, "signup": 6},
    ),
    "pricing": Section(
        ("/pricing",), 0.44, 0.3, 40,
        {"features": 28, "signup": 26, "docs": 20, "home": 18, "company": 8},
    ),
    "blog": Section(
        _under("/blog", _BLOG), 0.64, 0.38, 75,
        {"blog": 48, "home": 26, "features": 10, "docs": 8, "pricing": 5, "company": 3},
        Action("outbound click", 0.045, _OUTBOUND),
    ),
    "docs": Section(
        _under("/docs", _DOCS), 0.5, 0.26, 60,
        {"docs": 78, "home": 7, "download": 6, "pricing": 6, "signup": 3},
        Action("outbound click", 0.03, _OUTBOUND),
    ),
    "company": Section(
        tuple(_COMPANY.split()), 0.55, 0.36, 28,
        {"home": 40, "company": 26, "features": 16, "pricing": 10, "blog": 8},
    ),
    "download": Section(
        ("/download",), 0.3, 0.42, 25,
        {"docs": 80, "home": 20},
        Action("download", 0.5, _FILES),
    ),
    "signup": Section(
        ("/signup",), 0.5, 0.4, 45,
        {"welcome": 50, "pricing": 28, "home": 22},
    ),
    "welcome": Section(
        ("/welcome",), 0.3, 0.32, 30,
        {"docs": 54, "checkout": 32, "home": 14},
        Action("signup", 0.94, _SIGNUPS),
    ),
    "checkout": Section(
        ("/checkout",), 0.4, 0.5, 70,
        {"docs": 46, "home": 30, "pricing": 24},
        Action("purchase", 0.6, _PURCHASES),
    ),
}  # fmt: skip

LANDINGS: dict[str, dict[str, float]] = {
    "typed": {"home": 62, "docs": 14, "blog": 12, "pricing": 6, "features": 4, "company": 2},
    "search": {"blog": 44, "docs": 26, "home": 20, "features": 5, "pricing": 4, "company": 1},
    "link": {"blog": 52, "home": 32, "docs": 10, "features": 6},
    "code": {"docs": 48, "home": 34, "download": 12, "blog": 6},
    "mail": {"blog": 66, "company": 16, "features": 12, "pricing": 6},
    "ad": {"features": 46, "pricing": 26, "home": 22, "signup": 6},
}
"""Weights of the section a visit lands in, by the manner it arrives in (``sources.Source.landing``)."""
