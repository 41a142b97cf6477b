"""Lambda: one request of a browser to the queue."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from mallard.auth.keys import KeyRing
from mallard.config import load_settings
from mallard.ingest.gateway import answer_gateway
from mallard.ingest.geo import open_edge, open_geo
from mallard.ingest.pipeline import Door
from mallard.ingest.privacy import Privacy
from mallard.ingest.rate import RateLimit
from mallard.ingest.sites import Sites
from mallard.ingest.stamp import EventIds
from mallard.queue.base import Queue
from mallard.queue.open import open_queue
from mallard.rotation import agreed_rotation
from mallard.salts import Salts, shared_secret
from mallard.sites.book import SiteBook
from mallard.store.open import open_store

SITES_KEPT_SECONDS = 60
"""A GET per instance and site each minute: less would cost more than the events do."""


@cache
def parts() -> tuple[Door, Queue, KeyRing]:
    """What outlives one request of a warm function."""
    settings = load_settings()
    store = open_store(settings)
    rotation = agreed_rotation(store, settings.visitor_rotation, datetime.now(UTC))
    salts = Salts(store, shared_secret(store, settings.secret), rotation)
    # Here the list of sites is the template's required parameter: nobody can invent new ones.
    sites = Sites(settings.sites, new_per_hour=None if settings.sites else 0)
    rate_limit = RateLimit(settings.rate_limit)
    door = Door(
        sites,
        salts,
        EventIds(),
        rate_limit,
        settings.filter_bots,
        settings.honor_gpc,
        SiteBook(store, kept_seconds=SITES_KEPT_SECONDS),
        Privacy.of(settings),
        # A thread would be frozen between two requests.
        open_geo(settings, in_background=False),
        open_edge(settings),
    )
    return door, open_queue(settings), KeyRing(store)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """API Gateway (format 2.0) or Function URL."""
    door, queue, keys = parts()
    return answer_gateway(event, door, queue, keys, datetime.now(UTC))
