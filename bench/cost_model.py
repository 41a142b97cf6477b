"""Dollars a month on AWS, from measured usage of the functions and list prices.

No free tier is counted in. docs/cost.md says what each figure stands for; `python -m bench cost` measures and prints.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from random import Random

import pyarrow as pa

from mallard.flush.batching import Batching
from mallard.table.layout import Partition

MONTH_MINUTES = 30 * 24 * 60
PRICES_OF = "us-east-1, arm64, November 2026"

PRICES: Mapping[str, float] = {
    "HTTP API, a request": 1.00e-6,
    "Lambda, a request": 0.20e-6,
    "Lambda, a GB-second": 13.3334e-6,
    "SQS, a request": 0.40e-6,
    "S3, a PUT or LIST": 5.00e-6,
    "S3, a GET": 0.40e-6,
    "S3, a GB-month": 0.023,
    "CloudFront, a request": 1.00e-6,
    "CloudFront, a GB": 0.085,
    "Scheduler, an invocation": 1.00e-6,
}
"""In dollars."""

CALL_MS: Mapping[str, float] = {"sqs": 10, "get": 20, "put": 35, "list": 30}
"""Wait of a call in the same region in milliseconds: assumed, not measured."""

INGEST_MB, FLUSH_MB, QUERY_MB = 512, 1769, 1769
MB_OF_A_CORE = 1769
"""A function with less memory has that part of a core."""

MESSAGES_OF_A_CALL = 10
LOOKS_OF_A_SITE = 100
"""Dashboard views per month; each view makes three requests, one of them an overview."""

SCRIPTS_OF_A_VIEW = 0.4
"""The script is cached for an hour: about once per visit."""

SCRIPT_BYTES, ANSWER_BYTES = 1_700, 400
"""With headers, as CloudFront counts."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Processor time in milliseconds, and calls; of the functions over an emulated AWS."""

    ingest_cpu: float
    idle_flush_cpu: float
    message_cpu: float
    partition_cpu: float
    overview_cpu: float
    overview_gets: float
    overview_lists: float
    errand_lists: float
    """Every ten minutes."""
    sweep_lists: float
    """Every hour, and one for each further thousand segments."""
    bytes_of_an_event: float


@dataclass(frozen=True, slots=True)
class Month:
    """Dollars of one month, by what is paid for."""

    front: float
    ingest: float
    queue: float
    flush: float
    requests: float
    storage: float
    queries: float
    delivery: float

    @property
    def total(self) -> float:
        """All of it."""
        return (
            self.front + self.ingest + self.queue + self.flush + self.requests + self.storage + self.queries
        ) + self.delivery


@dataclass(frozen=True, slots=True)
class Writes:
    """Of one day of flushes, one each minute: those that found anything, partitions written, messages hidden."""

    busy_runs: int
    partitions: int
    held: int


@cache
def simulate(views: float, sites: int, quiet_seconds: int, minutes: int = 1, seed: int = 1) -> Writes:
    """One day of ``views`` a month, evenly in time and at random over ``sites``, gathered by the product's own rule.

    A flush runs every so many ``minutes``, a divisor of a day's.
    """
    random, batching = Random(seed), Batching(quiet_seconds)
    begin = datetime(2026, 3, 10, tzinfo=UTC)
    names = [Partition(f"s{number}.example", begin.date()) for number in range(sites)]
    waiting: dict[int, list[tuple[int, int, int]]] = {}
    busy = written = held = 0
    for minute in range(minutes - 1, 24 * 60, minutes):
        now = begin + timedelta(minutes=minute + 1)
        groups: dict[int, tuple[int, int]] = {}
        came = int((minute + 1) * views / MONTH_MINUTES) - int((minute + 1 - minutes) * views / MONTH_MINUTES)
        for site in random.choices(range(sites), k=came):
            count, _ = groups.get(site, (0, 0))
            groups[site] = count + 1, int((now.timestamp() - 30 * minutes) * 1000)
        for site, held_back, accepted in waiting.pop(minute, []):
            before, _ = groups.get(site, (0, 0))
            groups[site] = before + held_back, accepted
        if not groups:
            continue
        busy += 1
        parts = [(names[site], _rows(count, accepted)) for site, (count, accepted) in groups.items()]
        pauses = batching.pauses(parts, now)
        written += len(groups) - len(pauses)
        for site, (count, accepted) in groups.items():
            if names[site] in pauses:
                held += count
                due = minute + minutes * math.ceil(pauses[names[site]] / 60 / minutes)
                waiting.setdefault(due, []).append((site, count, accepted))
    return Writes(busy, written, held)


def month(
    measured: Measured,
    views: float,
    sites: int,
    *,
    front: str = "http",
    quiet_seconds: int = 1800,
    minutes: int = 1,
    years: float = 1,
) -> Month:
    """``front``: http (HTTP API), url (Function URL), cloudfront (HTTP API behind CloudFront). Storage of ``years``.

    ``minutes`` is the template's FlushMinutes.
    """
    day = simulate(views, sites, quiet_seconds, minutes)
    runs, written, held = MONTH_MINUTES // minutes, 30 * day.partitions, 30 * day.held
    looks = LOOKS_OF_A_SITE * sites
    requests = views + 3 * looks
    queue_calls = views + 2 * (views + held) / MESSAGES_OF_A_CALL + held / MESSAGES_OF_A_CALL + runs
    segments = sites * 365 * years
    lists = 6 * 24 * 30 * measured.errand_lists + 24 * 30 * (measured.sweep_lists + segments // 1000)
    flush_ms = (
        runs * (measured.idle_flush_cpu + CALL_MS["sqs"])
        + (views + held) * (measured.message_cpu + 3 * CALL_MS["sqs"] / MESSAGES_OF_A_CALL / 8)
        + written * (measured.partition_cpu + CALL_MS["put"])
        + lists * CALL_MS["list"]
    )
    look_ms = (
        measured.overview_cpu + measured.overview_gets * CALL_MS["get"] + measured.overview_lists * CALL_MS["list"]
    )
    through_cdn = front == "cloudfront"
    return Month(
        front=0 if front == "url" else requests * PRICES["HTTP API, a request"],
        ingest=_lambda(views, measured.ingest_cpu * MB_OF_A_CORE / INGEST_MB + CALL_MS["sqs"], INGEST_MB),
        queue=queue_calls * PRICES["SQS, a request"],
        flush=_lambda(runs, flush_ms / runs, FLUSH_MB) + runs * PRICES["Scheduler, an invocation"],
        requests=(written + lists) * PRICES["S3, a PUT or LIST"],
        storage=views * 12 * years * measured.bytes_of_an_event / 1e9 * PRICES["S3, a GB-month"],
        queries=_lambda(3 * looks, look_ms / 3, QUERY_MB)
        + looks
        * (measured.overview_gets * PRICES["S3, a GET"] + measured.overview_lists * PRICES["S3, a PUT or LIST"]),
        delivery=(requests + views * SCRIPTS_OF_A_VIEW) * PRICES["CloudFront, a request"]
        + (views * SCRIPTS_OF_A_VIEW * SCRIPT_BYTES + views * ANSWER_BYTES) / 1e9 * PRICES["CloudFront, a GB"]
        if through_cdn
        else 0,
    )


def _lambda(invocations: float, milliseconds: float, memory_mb: int) -> float:
    seconds = invocations * math.ceil(milliseconds) / 1000
    return invocations * PRICES["Lambda, a request"] + seconds * memory_mb / 1024 * PRICES["Lambda, a GB-second"]


@lru_cache(maxsize=10_000)
def _rows(count: int, accepted_ms: int) -> pa.Table:
    return pa.table({"accepted_ms": pa.array([accepted_ms] * count, pa.int64())})
