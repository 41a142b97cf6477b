"""``receive``: an ordered list of small steps that ends in an ``Event`` or in ``Dropped(reason)``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mallard.event import Event, local_date, to_ms
from mallard.ingest.agent import device_of_width, read_agent
from mallard.ingest.dropped import Dropped, Reason
from mallard.ingest.page import read_page
from mallard.ingest.rate import RateLimit
from mallard.ingest.request import EventRequest
from mallard.ingest.sites import Sites
from mallard.ingest.source import read_referrer
from mallard.ingest.stamp import EventIds, client_event_id
from mallard.ingest.visitor import visitor_id
from mallard.salts import Salts

MAX_LANGUAGE_LENGTH = 35


@dataclass(frozen=True, slots=True)
class Sender:
    """What the connection says of the client. It lives for one request and is never stored, queued or logged."""

    address: str
    user_agent: str
    origin: str | None = None
    accept_language: str = ""
    opted_out: bool = False


@dataclass(frozen=True, slots=True)
class Door:
    """What the steps need beside the request."""

    sites: Sites
    salts: Salts
    event_ids: EventIds
    rate_limit: RateLimit
    filter_bots: bool = True
    honor_gpc: bool = True


@dataclass(slots=True)
class Draft:
    """An event in the making: each step reads the request and fills ``columns``."""

    request: EventRequest
    sender: Sender
    now: datetime
    columns: dict[str, Any] = field(default_factory=dict)


Step = Callable[[Draft, Door], Dropped | None]


def check_site(draft: Draft, door: Door) -> Dropped | None:
    """The site is one we take events for."""
    return door.sites.refuse_site(draft.request.site_id, draft.now)


def check_origin(draft: Draft, door: Door) -> Dropped | None:
    """The page may speak for the site."""
    return door.sites.refuse_origin(draft.request.site_id, draft.sender.origin)


def check_rate(draft: Draft, door: Door) -> Dropped | None:
    """The site is within its rate."""
    wait = door.rate_limit.wait_seconds(draft.request.site_id, to_ms(draft.now))
    return Dropped(Reason.RATE, "This site sends more events than the server's limit.", wait) if wait else None


def drop_bot(draft: Draft, door: Door) -> Dropped | None:
    """A person's browser sent it."""
    if door.filter_bots and read_agent(draft.sender.user_agent).is_bot:
        return Dropped(Reason.BOT, "The user agent is a bot's.")
    return None


def describe_page(draft: Draft, door: Door) -> Dropped | None:
    """Hostname, path and campaign of the address."""
    page = read_page(draft.request.url, draft.request.site_id)
    if page is None:
        return Dropped(Reason.MALFORMED, "u must be a full URL or a path that begins with /.")
    draft.columns |= {"hostname": page.hostname, "pathname": page.pathname, **page.tags}
    return None


def describe_source(draft: Draft, door: Door) -> Dropped | None:
    """Referrer and source."""
    referrer, source = read_referrer(draft.request.referrer, draft.columns["hostname"], draft.request.site_id)
    draft.columns |= {"referrer": referrer, "referrer_source": source}
    return None


def describe_agent(draft: Draft, door: Door) -> Dropped | None:
    """Browser, system, device, language."""
    agent, width = read_agent(draft.sender.user_agent), draft.request.width_px
    language = draft.sender.accept_language.partition(",")[0].partition(";")[0].strip()
    draft.columns |= {
        "browser": agent.browser,
        "browser_version": agent.browser_version,
        "os": agent.os,
        "os_version": agent.os_version,
        "device_type": device_of_width(width) if width else agent.device_type,
        "screen_size": str(width) if width else None,
        "language": language[:MAX_LANGUAGE_LENGTH] if language not in ("", "*") else None,
    }
    return None


def describe_payload(draft: Draft, door: Door) -> Dropped | None:
    """Properties, revenue, engagement."""
    request = draft.request
    draft.columns |= {
        "props": request.props,
        "revenue_amount": None if request.revenue_amount is None else str(request.revenue_amount),
        "revenue_currency": request.revenue_currency,
        "scroll_depth": request.scroll_depth,
        "engagement_ms": request.engagement_ms,
    }
    return None


def identify_visitor(draft: Draft, door: Door) -> Dropped | None:
    """An id that only today's salt can make; none for who asked not to be followed."""
    draft.columns["date"] = local_date(draft.now).isoformat()
    if draft.sender.opted_out and door.honor_gpc:
        return None
    day = local_date(draft.now)
    key = door.salts.key(draft.request.site_id, day, draft.now)
    if key is not None:
        draft.columns["salt"] = day.isoformat()
        draft.columns["visitor_id"] = visitor_id(key, draft.sender.address, draft.sender.user_agent)
    return None


def stamp(draft: Draft, door: Door) -> Dropped | None:
    """Id, time and partition: decided here, once, so that a redelivery cannot land elsewhere."""
    request, now_ms, day = draft.request, to_ms(draft.now), draft.columns["date"]
    draft.columns |= {
        "site_id": request.site_id,
        "event_name": request.name,
        "timestamp": now_ms,
        "accepted_ms": now_ms,
        "named_by_client": request.client_id is not None,
        "event_id": client_event_id(request.site_id, day, request.client_id)
        if request.client_id
        else door.event_ids.next(now_ms),
    }
    return None


STEPS: tuple[Step, ...] = (
    check_site,
    check_origin,
    check_rate,
    drop_bot,
    describe_page,
    describe_source,
    describe_agent,
    describe_payload,
    identify_visitor,
    stamp,
)


def receive(request: EventRequest | Dropped, sender: Sender, door: Door, now: datetime) -> Event | Dropped:
    """Take one request through all steps.

    ``now`` is aware. Raises StoreUnavailableError where the day's salt cannot be had. Waits for the store only where
    ``door.salts`` does not hold that salt.
    """
    if isinstance(request, Dropped):
        return request
    draft = Draft(request, sender, now)
    for step in STEPS:
        dropped = step(draft, door)
        if dropped is not None:
            return dropped
    return Event(**{"salt": None, **draft.columns})
