"""``receive``: ordered steps from a request to an ``Event`` or a ``Dropped``."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

import msgspec

from mallard.drops.drop_note import DropNotes
from mallard.event import ENGAGEMENT, Event, to_ms
from mallard.ingest.allowed_sites import AllowedSites, host_of_site, listed
from mallard.ingest.client import Client as Client
from mallard.ingest.drop_reasons import Dropped, DropReason
from mallard.ingest.enrich.cdn_headers import NO_EDGE, CdnHeaders
from mallard.ingest.enrich.client_hints import NO_HINTS, ClientHints
from mallard.ingest.enrich.geoip import NOWHERE, Geoip, coarsened
from mallard.ingest.enrich.language import read_language
from mallard.ingest.enrich.page_url import read_page
from mallard.ingest.enrich.referrer import read_origin
from mallard.ingest.enrich.user_agent import ParsedUserAgent, device_of_width, read_agent
from mallard.ingest.event_ids import EventIds, blind_event_id
from mallard.ingest.event_time import TOO_LATE, refuse_time
from mallard.ingest.hour_order import hour_order
from mallard.ingest.ignored_fields import IgnoredField, kind_of
from mallard.ingest.local_hosts import is_local
from mallard.ingest.rate_limit import RateLimit
from mallard.ingest.request import EventRequest
from mallard.normalize.hashed_cache import hashed_cache
from mallard.normalize.masks import masked_path
from mallard.normalize.names import stored_width
from mallard.privacy.redaction import KEEP_ALL, Redaction, kept_referrer
from mallard.privacy.salts import Salt, Salts
from mallard.privacy.visitor_id import visitor_id
from mallard.sites.erased_days import accepted_ms
from mallard.sites.settings import SiteSettings
from mallard.sites.settings_store import SiteSettingsStore

ARRIVALS_BYTES = 8 * 1024 * 1024

CLIENTS_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestContext:
    """The parts that the steps use beside the request."""

    sites: AllowedSites
    salts: Salts
    event_ids: EventIds
    rate_limit: RateLimit
    filter_bots: bool = True
    honor_gpc: bool = True
    site_settings: SiteSettingsStore | None = None
    privacy: Redaction = KEEP_ALL
    geo: Geoip = field(default_factory=Geoip)
    edge: CdnHeaders = NO_EDGE
    notes: DropNotes | None = None
    count_local: bool = False
    count_automation: bool = False

    def note(self, dropped: Dropped, now: datetime) -> list[bytes]:
        """The message that notes a drop for its site; none without a known site, or above the limit."""
        if self.notes is None or dropped.site_id is None:
            return []
        note = self.notes.make(dropped.site_id, dropped.reason, now)
        return [note.to_message()] if note else []

    def note_ignored(self, site_id: str, fields: Iterable[IgnoredField], now: datetime) -> list[bytes]:
        """The messages that note which values of an event were repaired or left out."""
        if self.notes is None:
            return []
        made = (self.notes.make_ignored(site_id, kind_of(field), now) for field in fields)
        return [note.to_message() for note in made if note]

    def attributed(self, dropped: Dropped) -> Dropped:
        """A refusal of a request, without its site where that is none we take events for."""
        if dropped.site_id is None or self.sites.knows(dropped.site_id):
            return dropped
        return replace(dropped, site_id=None)

    def refuse_site(self, site_id: str, now: datetime) -> Dropped | None:
        """The refusal of a site; None for an accepted one. Raises StoreUnavailableError."""
        return self.sites.refuse_site(
            site_id, now, self.site_settings.is_set_up if self.site_settings else lambda _: False
        )

    def settings(self, site_id: str) -> SiteSettings:
        """The site's own settings. Raises StoreUnavailableError where the store fails."""
        return self.site_settings.get(site_id) if self.site_settings else SiteSettings()

    def holds(self, site_id: str, now: datetime) -> bool:
        """True where an event of the site can be decided without a read of the store."""
        if self.sites.excludes(site_id):
            return True
        if self.site_settings and not self.site_settings.holds(site_id):
            return False
        return self.salts.holds(site_id, self.settings(site_id).zones.local_date(now))


class Draft(msgspec.Struct):
    """An event in the making: each step reads the request and fills ``columns``.

    ``moment`` is when it happened; ``now``, when it came, and ``now_ms`` the same in milliseconds since 1970.
    ``salt`` is the one behind its visitor id.
    """

    request: EventRequest
    sender: Client
    now: datetime
    now_ms: int
    moment: datetime
    settings: SiteSettings
    columns: dict[str, Any]
    salt: Salt | None = None


Step = Callable[[Draft, IngestContext], Dropped | None]


def check_origin(draft: Draft, context: IngestContext) -> Dropped | None:
    """The page may speak for the site."""
    return context.sites.refuse_origin(draft.request.site_id, draft.sender.origin, draft.settings.origins)


def check_rate(draft: Draft, context: IngestContext) -> Dropped | None:
    """Site and client are within their rates; a request with an API key counts for the site alone, and by events."""
    request, sender = draft.request, draft.sender
    address, size = ("", 0) if sender.vouched else (sender.address, request.size_bytes)
    wait = context.rate_limit.wait_seconds(request.site_id, draft.now_ms, address, size)
    return Dropped(DropReason.RATE, "This site or client sends more than the server's limit.", wait) if wait else None


def drop_prefetch(draft: Draft, context: IngestContext) -> Dropped | None:
    """Drop prefetched pages, which no person has seen yet."""
    return (
        Dropped(DropReason.PREFETCH, "The page was fetched ahead and not seen.") if draft.sender.is_prefetch else None
    )


def drop_bot(draft: Draft, context: IngestContext) -> Dropped | None:
    """A person's browser sent it."""
    if not context.filter_bots or (draft.sender.vouched and not draft.sender.user_agent):
        return None
    agent = _agent(draft.sender)
    if agent.is_ai_crawler:
        return Dropped(DropReason.AI_CRAWLER, "The user agent is an AI service's.")
    return Dropped(DropReason.BOT, "The user agent is a bot's.") if agent.is_bot else None


def drop_automation(draft: Draft, context: IngestContext) -> Dropped | None:
    """Drop events of automated browsers, as reported by the script."""
    if draft.request.automated and not context.count_automation:
        return Dropped(DropReason.AUTOMATION, "A program drives the browser (navigator.webdriver).")
    return None


def describe_arrival(draft: Draft, context: IngestContext) -> Dropped | None:
    """Hostname, path and campaign of the address; referrer, source and channel, and no referrer spam."""
    request = draft.request
    privacy = context.privacy
    found, local = _arrival(
        request.url, request.referrer, request.site_id, privacy.strip_referrer_query, privacy.mask_paths
    )
    if isinstance(found, Dropped):
        return found
    draft.columns.update(found)
    return _refuse_local(draft, context) if local and not context.count_local else None


@hashed_cache(most_bytes=ARRIVALS_BYTES)
def _arrival(
    url: str, referrer: str | None, site_id: str, strips: bool, masks: bool
) -> tuple[dict[str, Any] | Dropped, bool]:
    """The columns of an arrival, to be copied, and True where its host is local: most visits reach few pages.

    Referrers are stripped and paths masked here, so that memory keeps no more of them than the table does.
    """
    page = read_page(url, site_id)
    if page is None:
        return Dropped(DropReason.MALFORMED, "u must be a full URL or a path that begins with /."), False
    origin = read_origin(referrer, page.hostname, site_id, page.tags, named=page.named, click_id=page.click_id)
    if origin.is_spam:
        return Dropped(DropReason.SPAM, "The referrer is known for spam."), False
    columns = {
        "hostname": page.hostname,
        "pathname": masked_path(page.pathname) if masks else page.pathname,
        **page.tags,
        "referrer": origin.referrer and kept_referrer(origin.referrer, strips=strips, masks=masks),
        "referrer_source": origin.source,
        "channel": origin.channel,
    }
    return columns, is_local(page.hostname)


def _refuse_local(draft: Draft, context: IngestContext) -> Dropped | None:
    """A local copy of the site is refused; a site that is local itself, or lists the host, has no others."""
    hostname: str = draft.columns["hostname"]
    if is_local(host_of_site(draft.request.site_id)) or listed(hostname, draft.settings.origins):
        return None
    return Dropped(DropReason.LOCAL, "The page is on a local host, and MALLARD_COUNT_LOCAL is not set.")


def describe_place(draft: Draft, context: IngestContext) -> Dropped | None:
    """Country, region and city: by our own database, else by the word of the CDN."""
    sender = draft.sender
    place = context.geo.find(sender.address) or coarsened(sender.place or NOWHERE, context.geo.precision)
    if place is not NOWHERE:
        draft.columns |= {"country_code": place.country_code, "region": place.region, "city": place.city}
    return None


def describe_agent(draft: Draft, context: IngestContext) -> Dropped | None:
    """Browser, system, device, language."""
    sender = draft.sender
    # Without hints the cache need not hash them.
    hints = None if sender.hints is NO_HINTS else sender.hints
    draft.columns.update(_client(sender.user_agent, hints, sender.accept_language, draft.request.width_px))
    return None


@hashed_cache(most_bytes=CLIENTS_BYTES)
def _client(user_agent: str, hints: ClientHints | None, accept_language: str, width: int | None) -> dict[str, Any]:
    """The columns of a client, to be copied."""
    agent = read_agent(user_agent, hints or NO_HINTS)
    return {
        "browser": agent.browser,
        "browser_version": agent.browser_version,
        "os": agent.os,
        "os_version": agent.os_version,
        "device_type": agent.device_type or (device_of_width(width) if width else None),
        "screen_size": stored_width(width),
        "language": read_language(accept_language),
    }


def _agent(sender: Client) -> ParsedUserAgent:
    # Without hints the cache need not hash them: a microsecond of some twenty.
    return read_agent(sender.user_agent) if sender.hints is NO_HINTS else read_agent(sender.user_agent, sender.hints)


def describe_payload(draft: Draft, context: IngestContext) -> Dropped | None:
    """Properties, revenue, engagement, and whether the visitor caused the event."""
    request, columns = draft.request, draft.columns
    columns["props"] = request.props
    if request.interactive is False:
        columns["interactive"] = False
    if request.revenue_amount is not None:
        columns |= {"revenue_amount": str(request.revenue_amount), "revenue_currency": request.revenue_currency}
    if request.name == ENGAGEMENT:
        columns |= {"scroll_depth": request.scroll_depth, "engagement_ms": request.engagement_ms}
    return None


def identify_visitor(draft: Draft, context: IngestContext) -> Dropped | None:
    """An id that only the day's salt can make; none for visitors who opted out."""
    zones = draft.settings.zones
    day = zones.local_date(draft.moment)
    draft.columns["date"] = day.isoformat()
    has_no_visitor = draft.sender.vouched and not draft.sender.address
    if has_no_visitor or context.privacy.suppress_visitor_id or (draft.sender.opted_out and context.honor_gpc):
        return None
    salt = context.salts.find(draft.request.site_id, zones, day, draft.now)
    if salt is None:
        # A new salt could repeat one that another clock has destroyed already; without one no visitor is counted.
        return Dropped(DropReason.TIME, TOO_LATE)
    draft.salt, draft.columns["salt"] = salt, salt.name
    draft.columns["visitor_id"] = visitor_id(salt, draft.sender.address, draft.sender.user_agent)
    return None


def keep_less(draft: Draft, context: IngestContext) -> Dropped | None:
    """Columns that the settings leave empty."""
    for column in context.privacy.unkept:
        draft.columns[column] = None
    return None


def stamp(draft: Draft, context: IngestContext) -> Dropped | None:
    """Id, time and partition: decided here, once, so that a redelivery cannot land elsewhere."""
    request, now_ms, day, erased = draft.request, draft.now_ms, draft.columns["date"], draft.settings.erased
    moment_ms = now_ms if draft.moment is draft.now else to_ms(draft.moment)
    draft.columns |= {
        "site_id": request.site_id,
        "event_name": request.name,
        "timestamp": moment_ms,
        "accepted_ms": accepted_ms(erased, date.fromisoformat(day), now_ms) if erased else now_ms,
        "named_by_client": request.client_id is not None,
        "event_id": _event_id(draft, day, context),
    }
    if context.privacy.round_timestamps:
        _round(draft, context, moment_ms)
    return None


def _round(draft: Draft, context: IngestContext, moment_ms: int) -> None:
    """The begin of the site's local hour for the time, and what is left of the order within the hour."""
    hour_ms = to_ms(draft.settings.zones.hour_start(draft.moment))
    draft.columns["timestamp"] = hour_ms
    if draft.salt is not None:
        visitor, sequence = draft.columns["visitor_id"], context.event_ids.next(draft.now_ms)
        draft.columns["hour_order"] = hour_order(draft.salt, visitor, hour_ms, moment_ms, sequence)


def _event_id(draft: Draft, day: str, context: IngestContext) -> int:
    request = draft.request
    if request.client_id:
        return context.event_ids.named(request.site_id, day, request.client_id, keyed=draft.sender.vouched)
    return blind_event_id() if context.privacy.round_timestamps else context.event_ids.next(draft.now_ms)


STEPS: tuple[Step, ...] = (
    check_origin,
    check_rate,
    drop_prefetch,
    drop_bot,
    drop_automation,
    describe_arrival,
    describe_place,
    describe_agent,
    describe_payload,
    identify_visitor,
    keep_less,
    stamp,
)


def receive(
    request: EventRequest | Dropped,
    sender: Client,
    context: IngestContext,
    now: datetime,
    moment: datetime | None = None,
) -> Event | Dropped:
    """Take one request through all steps.

    ``now`` is aware; ``moment`` is the time of the event, where a server gives it. Raises StoreUnavailableError where
    the day's salt cannot be read. Waits for the store only where ``context.holds`` is False.
    """
    if isinstance(request, Dropped):
        return context.attributed(request)
    # Before its settings are read: an invented site costs no read.
    refused = context.refuse_site(request.site_id, now)
    if refused is not None:
        return refused
    settings = context.settings(request.site_id)
    if moment is not None:
        refused = refuse_time(moment, now, settings.zones, context.salts)
        if refused is not None:
            return replace(refused, site_id=request.site_id)
    draft = Draft(request, sender, now, to_ms(now), moment or now, settings, {"salt": None})
    for step in STEPS:
        dropped = step(draft, context)
        if dropped is not None:
            return replace(dropped, site_id=request.site_id)
    return Event(**draft.columns)
