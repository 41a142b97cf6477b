"""Processor time of the warm ingest handler per event, without the call to SQS."""

import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import count, islice
from typing import Any

from mallard.auth.api_keys import ApiKeys
from mallard.aws.ingest_function import answer_gateway
from mallard.ingest.allowed_sites import AllowedSites
from mallard.ingest.event_ids import EventIds
from mallard.ingest.pipeline import IngestContext
from mallard.ingest.rate_limit import RateLimit
from mallard.privacy.salts import Salts
from mallard.sites.settings_store import SiteSettingsStore
from support.memory import MemoryQueue, MemoryStore

ROUNDS = 5
EVENTS = 2000
LIMIT_MS = 3


AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0"


def run() -> list[str]:
    """The best of some rounds: what else the machine does can only add."""
    store = MemoryStore()
    context = IngestContext(
        sites=AllowedSites((), new_per_hour=None),
        salts=Salts(store, b"bench"),
        event_ids=EventIds(b""),
        rate_limit=RateLimit(0),
        site_settings=SiteSettingsStore(store),
    )
    keys = ApiKeys(store)
    # The parsers' tables are read with the first agent: that is the cold start's.
    _ms_per_event([_request(0, 0)], context, keys)
    numbers = count(1000)
    usual = min(_ms_per_event([_request(n % 40, n) for n in range(EVENTS)], context, keys) for _ in range(ROUNDS))
    fresh = min(_ms_per_event([_request(n, n) for n in islice(numbers, EVENTS)], context, keys) for _ in range(ROUNDS))
    return [
        "| what | CPU ms per event | limit |",
        "| --- | --- | --- |",
        f"| 40 agents on 2,000 pages | {usual:.3f} | {LIMIT_MS} |",
        f"| every agent and page new | {fresh:.3f} | {LIMIT_MS} |",
    ]


def _ms_per_event(events: Iterable[dict[str, Any]], context: IngestContext, keys: ApiKeys) -> float:
    queue, now, began = MemoryQueue(), datetime.now(UTC), time.process_time()
    statuses = [answer_gateway(each, context, queue, keys, now)["statusCode"] for each in events]
    spent = time.process_time() - began
    assert set(statuses) == {202}
    assert queue.depth() == len(statuses)
    return 1000 * spent / len(statuses)


def _request(agent: int, page: int) -> dict[str, Any]:
    """A page view in API Gateway's format 2.0."""
    url = f"https://bench.example/page/{page}?utm_source=news"
    body = {"d": "bench.example", "n": "pageview", "u": url, "r": "https://www.google.com/", "w": 1440, "i": str(page)}
    return {
        "rawPath": "/api/event",
        "requestContext": {"http": {"method": "POST", "sourceIp": f"203.0.{page // 250 % 250}.{page % 250}"}},
        "headers": {"user-agent": AGENT.format(agent), "accept-language": "en-US,en;q=0.5"},
        "body": json.dumps(body),
        "isBase64Encoded": False,
    }
