"""Opens what the door behind API Gateway needs, by the settings."""

from datetime import datetime

from mallard.auth.keys import KeyRing
from mallard.config import Settings
from mallard.ingest.gateway import Parts
from mallard.ingest.geo import open_edge, open_geo
from mallard.ingest.pipeline import Door
from mallard.ingest.privacy import Privacy
from mallard.ingest.rate import open_rate_limit
from mallard.ingest.sites import Sites
from mallard.ingest.stamp import EventIds
from mallard.queue.open import open_queue
from mallard.rejected.note import Notes
from mallard.rotation import agreed_rotation
from mallard.salts import Salts, ingest_key, visitor_key
from mallard.sites.book import SiteBook
from mallard.store.open import open_store

SITES_KEPT_SECONDS = 60
"""A GET per instance and site each minute: less would cost more than the events do."""


def open_parts(settings: Settings, now: datetime) -> Parts:
    """What outlives one request of a warm function. Raises MallardError where a part cannot be opened."""
    store = open_store(settings)
    key = ingest_key(store, settings.ingest_key, settings.secret)
    rotation = agreed_rotation(store, settings.visitor_rotation, now)
    door = Door(
        # The list of sites is the template's required parameter: nobody can invent new ones.
        Sites(settings.sites, new_per_hour=None if settings.sites else 0),
        Salts(store, visitor_key(key), rotation),
        EventIds(key),
        open_rate_limit(settings),
        settings.filter_bots,
        settings.honor_gpc,
        SiteBook(store, kept_seconds=SITES_KEPT_SECONDS),
        Privacy.of(settings),
        # A thread would be frozen between two requests.
        open_geo(settings, in_background=False),
        open_edge(settings),
        Notes(),
        settings.count_local,
        settings.count_automation,
    )
    return door, open_queue(settings), KeyRing(store)
