"""Events of three days in New York, on the second of which the clock goes from 02:00 to 03:00."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from mallard.event import ENGAGEMENT, PAGEVIEW
from support.reference import Row

ZONE = "America/New_York"
START, END = date(2026, 3, 7), date(2026, 3, 9)

GOALS = [
    {"name": "Signup", "event": "signup", "currency": "USD"},
    {"name": "Pro", "event": "signup", "props": {"plan": "pro"}},
    {"name": "Blog", "page": "/blog/**"},
    {"name": "Read", "page": "/pricing", "scroll_threshold": 75},
]

_COLUMNS = (
    *("referrer", "referrer_source", "channel", "utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"),
    *("browser", "browser_version", "os", "os_version", "device_type", "screen_size", "language"),
    *("country_code", "region", "city"),
)


def _client(*values: str | None) -> dict[str, str | None]:
    return dict(zip(_COLUMNS, values, strict=True))


NOTHING = _client(*[None] * len(_COLUMNS))
NO_TAGS = (None,) * 5
SEARCH = _client(
    *("https://www.google.com/", "Google", "Organic Search", *NO_TAGS),
    *("Chrome", "120", "Windows", "11", "desktop", "1400", "en-US", "US", "New York", "Albany"),
)
MAIL = _client(
    *(None, "newsletter", "Email", "newsletter", "email", "spring", "button", "duck"),
    *("Firefox", "128", "Linux", None, "desktop", "1900", "de", "DE", "Bavaria", "Munich"),
)
SOCIAL = _client(
    *("https://news.ycombinator.com/item", "Hacker News", "Organic Social", *NO_TAGS),
    *("Safari", "17", "iOS", "17", "mobile", "300", "de-AT", "AT", "Vienna", "Vienna"),
)
WORDS = {**NOTHING, "referrer_source": "Direct / None", "browser": "(unknown)", "region": "(not set)", "city": "Bonn"}
"""Stored texts that read as missing values."""

_numbers = count(1)


def _seen(
    moment: str, visitor: int | None, client: dict[str, str | None], name: str, path: str, host: str | None, **more: Any
) -> Row:
    """An event at a local day and time."""
    local = datetime.fromisoformat(f"2026-03-{moment}")
    return {
        "event_id": next(_numbers),
        "visitor_id": visitor,
        "timestamp": local.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC).replace(tzinfo=None),
        "local": local,
        "event_name": name,
        "pathname": path,
        "hostname": host,
        **client,
        "props": None,
        "interactive": None,
        **more,
    }


def _viewed(
    moment: str, visitor: int | None, client: dict[str, str | None], path: str, host: str | None = "a.example"
) -> Row:
    return _seen(moment, visitor, client, PAGEVIEW, path, host)


def _ping(
    moment: str, visitor: int | None, client: dict[str, str | None], path: str, depth: int | None, ms: int
) -> Row:
    return _seen(moment, visitor, client, ENGAGEMENT, path, "a.example", scroll_depth=depth, engagement_ms=ms)


def _done(
    moment: str, visitor: int | None, client: dict[str, str | None], name: str, usd: str | None = None, **props: Any
) -> Row:
    paid = {"revenue_amount": Decimal(usd), "revenue_currency": "USD"} if usd else {}
    return _seen(
        moment, visitor, client, name, "/pricing", "a.example", props=json.dumps(props) if props else None, **paid
    )


ROWS = [
    # A visit with a payment, whose later events came from elsewhere.
    _viewed("07 10:00", 701, SEARCH, "/"),
    _ping("07 10:01", 701, SEARCH, "/", 40, 20_000),
    _viewed("07 10:05", 701, SOCIAL, "/pricing"),
    _ping("07 10:06", 701, SOCIAL, "/pricing", 80, 30_000),
    _done("07 10:20", 701, SOCIAL, "signup", "49.90", plan="pro", seats=5),
    # Another visit of the same visitor, on another host; a bounce.
    _viewed("07 16:00", 701, SOCIAL, "/blog/x", "b.example"),
    _ping("07 16:01", 701, SOCIAL, "/blog/x", 100, 45_000),
    # A bounce, as what a page does by itself is not the visitor's.
    _viewed("07 14:00", 702, NOTHING, "/", None),
    _seen("07 14:00:30", 702, NOTHING, "download", "/", None, interactive=False),
    # Half an hour is no gap, and a second more is one.
    _viewed("07 09:00", 703, MAIL, "/"),
    _viewed("07 09:30", 703, NOTHING, "/pricing"),
    _viewed("07 10:00:01", 703, NOTHING, "/"),
    # Nobody's.
    _viewed("07 15:00", None, SEARCH, "/pricing"),
    # Around midnight: a visit of each day.
    _viewed("07 23:50", 704, WORDS, "/blog/y"),
    _viewed("08 00:10", 804, WORDS, "/blog/y"),
    # From 01:50 to 03:05 are fifteen minutes.
    _viewed("08 01:50", 801, SEARCH, "/"),
    _viewed("08 03:05", 801, SEARCH, "/pricing", "b.example"),
    _done("08 03:10", 801, SEARCH, "signup", "20.00", plan="free"),
    _viewed("08 12:00", 802, MAIL, "/blog/x", "b.example"),
    _done("08 12:02", 802, MAIL, "purchase", "100.00"),
    _done("08 12:03", 802, MAIL, "refund", "-10.05"),
    _done("08 13:00", None, NOTHING, "signup", "5.55", plan="pro"),
    # A visit without a pageview, and one in which nothing is the visitor's.
    _done("08 18:00", 803, SOCIAL, "signup"),
    _seen("08 20:00", 805, MAIL, "heartbeat", "/", "a.example", interactive=False),
    # The first moment of a day.
    _viewed("09 00:00", 901, SOCIAL, "/"),
    _ping("09 00:03", 901, SOCIAL, "/", 10, 5000),
    _viewed("09 00:04", 901, SOCIAL, "/blog/x"),
    _ping("09 00:05", 901, SOCIAL, "/blog/x", None, 7500),
    # Of several pings the deepest counts, and the sum of their times.
    _viewed("09 08:00", 902, MAIL, "/pricing"),
    _ping("09 08:01", 902, MAIL, "/pricing", 90, 12_000),
    _ping("09 08:02", 902, MAIL, "/pricing", 60, 8000),
    _done("09 08:10", 902, MAIL, "signup", "49.90", plan="pro", seats=5),
    _viewed("09 20:00", None, NOTHING, "/"),
    _ping("09 20:01", None, NOTHING, "/pricing", 100, 1000),
    _viewed("09 23:59:59", 903, SEARCH, "/pricing"),
]


def _goals_met(row: Row) -> list[str]:
    is_signup, is_pro = row["event_name"] == "signup", '"plan": "pro"' in (row["props"] or "")
    is_blog = row["event_name"] == PAGEVIEW and row["pathname"].startswith("/blog/")
    is_read = row["event_name"] == ENGAGEMENT and row["pathname"] == "/pricing" and (row["scroll_depth"] or 0) >= 75
    met = {"Signup": is_signup, "Pro": is_signup and is_pro, "Blog": is_blog, "Read": is_read}
    return [name for name in met if met[name]]


for _row in ROWS:
    _row["goals"] = _goals_met(_row)
