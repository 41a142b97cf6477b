"""Opens what the door behind API Gateway needs, by the settings."""

from datetime import UTC, date, datetime

from mallard.auth.api_keys import ApiKeys
from mallard.bootstrap.place_lookup import open_geo
from mallard.bootstrap.queue import open_queue
from mallard.bootstrap.store import open_store
from mallard.config import Settings
from mallard.drops.drop_note import DropNotes
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.enrich.cdn_headers import open_edge
from mallard.ingest.event_ids import EventIds
from mallard.ingest.new_sites import SharedNewSites
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.rate_limit import open_rate_limit
from mallard.normalize.hashed_cache import forget_all
from mallard.privacy.redaction import Redaction
from mallard.privacy.rotation import Rotation, known_rotation
from mallard.privacy.salts import Salts, ingest_key, visitor_key
from mallard.queue.base import Queue
from mallard.sites.settings_store import SiteSettingsStore
from mallard.store.base import Store

Parts = tuple[IngestContext, Queue, ApiKeys]

SITES_TTL_SECONDS = 60
"""A GET per instance and site each minute: less would cost more than the events do."""


def open_sites(settings: Settings, store: Store) -> AllowedSites:
    """The list of sites, and a bound on new ones that holds across all functions over the store.

    Without a list only sites with settings are taken.
    """
    most = settings.new_sites_per_hour if settings.sites else 0
    return AllowedSites(settings.sites, new_sites=SharedNewSites(store, most))


class WarmParts:
    """The parts of a warm function: opened anew each UTC day, and at each request until the rotation is agreed on."""

    def __init__(self) -> None:
        self._kept: tuple[date, Parts] | None = None

    def parts(self, settings: Settings, now: datetime) -> Parts:
        """The parts. Raises MallardError where one cannot be opened; a failure is not kept."""
        today = now.astimezone(UTC).date()
        if self._kept is None or self._kept[0] != today:
            # The function lists nothing and writes salts/ only.
            store = open_store(settings, may_list=False)
            rotation = known_rotation(store)
            parts = open_parts(settings, store, rotation)
            # Written down by a flush: until then days have salts of their own, and it is looked for again.
            if rotation.entries[-1][1] != settings.visitor_rotation:
                return parts
            self._kept = (today, parts)
        return self._kept[1]


def open_parts(settings: Settings, store: Store, rotation: Rotation) -> Parts:
    """What outlives one request. Raises MallardError where a part cannot be opened."""
    key = ingest_key(store, settings.ingest_key, settings.secret)
    door = IngestContext(
        open_sites(settings, store),
        Salts(store, visitor_key(key), rotation),
        EventIds(key),
        open_rate_limit(settings),
        settings.filter_bots,
        settings.honor_gpc,
        SiteSettingsStore(store, ttl_seconds=SITES_TTL_SECONDS, may_list=False, on_erasure=forget_all),
        Redaction.of(settings),
        # A thread would be frozen between two requests.
        open_geo(settings, in_background=False),
        open_edge(settings),
        DropNotes(),
        settings.count_local,
        settings.count_automation,
    )
    return door, open_queue(settings), ApiKeys(store, marks_use=False)
