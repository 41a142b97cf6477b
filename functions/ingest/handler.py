"""Lambda: one request of a browser to the queue."""

from datetime import UTC, datetime
from functools import cache
from typing import Any

from mallard.config import load_settings
from mallard.ingest.gateway import answer_gateway
from mallard.ingest.pipeline import Door
from mallard.ingest.rate import RateLimit
from mallard.ingest.sites import Sites
from mallard.ingest.stamp import EventIds
from mallard.queue.base import Queue
from mallard.queue.open import open_queue
from mallard.salts import Salts, shared_secret
from mallard.store.open import open_store


@cache
def parts() -> tuple[Door, Queue]:
    """What outlives one request of a warm function."""
    settings = load_settings()
    store = open_store(settings)
    salts = Salts(store, shared_secret(store, settings.secret))
    # Here the list of sites is the template's required parameter: nobody can invent new ones.
    sites = Sites(settings.sites, new_per_hour=None if settings.sites else 0)
    rate_limit = RateLimit(settings.rate_limit)
    door = Door(sites, salts, EventIds(), rate_limit, settings.filter_bots, settings.honor_gpc)
    return door, open_queue(settings)


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """API Gateway (format 2.0) or Function URL."""
    door, queue = parts()
    return answer_gateway(event, door, queue, datetime.now(UTC))
