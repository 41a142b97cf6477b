"""Builds the context of ingest, for `mallard serve` and for the ingest function."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from mallard.auth.api_keys import ApiKeys
from mallard.bootstrap.place_lookup import open_geo
from mallard.bootstrap.proxies import cdn_headers
from mallard.bootstrap.queue import open_queue
from mallard.bootstrap.store import open_store
from mallard.config import IngestSettings, PrivacySettings, Settings
from mallard.drops.drop_note import DropNotes
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.enrich.geoip import Geoip
from mallard.ingest.event_ids import EventIds
from mallard.ingest.new_sites import SharedNewSites
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.rate_limit import RateLimit
from mallard.normalize.hashed_cache import forget_all
from mallard.privacy.redaction import Redaction
from mallard.privacy.rotation import Rotation, known_rotation
from mallard.privacy.salts import Salts, ingest_key, visitor_key
from mallard.queue.base import Queue
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store

SITES_TTL_SECONDS = 60
"""A GET per instance and site each minute: less would cost more than the events do."""


def redaction_of(settings: PrivacySettings) -> Redaction:
    """The parts that are set, one by one or all by MALLARD_GDPR_MODE (but the visitor id, which is its own)."""
    gdpr = settings.gdpr_mode
    return Redaction(
        strip_referrer_query=gdpr or settings.strip_referrer_query,
        round_timestamps=settings.rounds_times,
        suppress_browser_version=gdpr or settings.suppress_browser_version,
        suppress_os_version=gdpr or settings.suppress_os_version,
        suppress_screen_size=gdpr or settings.suppress_screen_size,
        suppress_visitor_id=settings.suppress_visitor_id,
        mask_paths=settings.mask_paths,
    )


def rate_limit_of(settings: IngestSettings) -> RateLimit:
    """The limits of events and of bytes."""
    return RateLimit(
        settings.rate_limit,
        client_bytes=settings.client_kb_per_minute << 10,
        site_bytes=settings.site_mb_per_minute << 20,
    )


def ingest_context(
    settings: Settings,
    *,
    store: Store,
    rotation: Rotation,
    sites: AllowedSites,
    site_settings: SiteSettingsStore,
    geoip: Geoip,
) -> IngestContext:
    """The context of every request. Raises MallardError where the key cannot be read."""
    key = ingest_key(store, settings.ingest_key, settings.secret)
    return IngestContext(
        sites=sites,
        salts=Salts(store, visitor_key(key), rotation),
        event_ids=EventIds(key),
        rate_limit=rate_limit_of(settings),
        filter_bots=settings.filter_bots,
        honor_gpc=settings.honor_gpc,
        site_settings=site_settings,
        privacy=redaction_of(settings),
        geo=geoip,
        edge=cdn_headers(settings),
        notes=DropNotes(),
        count_local=settings.count_local,
        count_automation=settings.count_automation,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestParts:
    """Parts of a warm ingest function."""

    context: IngestContext
    queue: Queue
    keys: ApiKeys


def shared_sites(settings: IngestSettings, store: Store) -> AllowedSites:
    """The list of sites, and a bound on new ones that holds across all functions over the store.

    Without a list only sites with settings are taken.
    """
    limit = settings.new_sites_per_hour if settings.sites else 0
    return AllowedSites(settings.sites, new_sites=SharedNewSites(store, limit))


def open_parts(settings: Settings, store: Store, rotation: Rotation) -> IngestParts:
    """The parts that outlive one request of a function. Raises MallardError where one cannot be opened."""
    site_settings = SiteSettingsStore(store, ttl_seconds=SITES_TTL_SECONDS, may_list=False, on_erasure=forget_all)
    context = ingest_context(
        settings,
        store=store,
        rotation=rotation,
        sites=shared_sites(settings, store),
        site_settings=site_settings,
        # A thread would be frozen between two requests.
        geoip=open_geo(settings, in_background=False),
    )
    return IngestParts(context=context, queue=open_queue(settings), keys=ApiKeys(store, marks_use=False))


class WarmParts:
    """Cache of the parts: opened anew each UTC day, and at each request until the rotation is agreed on."""

    def __init__(self) -> None:
        self._cached: tuple[date, IngestParts] | None = None

    def parts(self, settings: Settings, now: datetime) -> IngestParts:
        """The parts. Raises MallardError where one cannot be opened; a failure is not cached."""
        today = now.astimezone(UTC).date()
        if self._cached is None or self._cached[0] != today:
            # The function lists nothing and writes salts/ only.
            store = open_store(settings, may_list=False)
            rotation = known_rotation(store)
            parts = open_parts(settings, store, rotation)
            # A flush writes the rotation down: until then days have salts of their own, and it is read again.
            if rotation.entries[-1][1] != settings.visitor_rotation:
                return parts
            self._cached = (today, parts)
        return self._cached[1]
