"""Health data of one ``mallard serve``: queue, flushes, queries, logins and disk."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mallard import __version__
from mallard.auth.service import AuthService
from mallard.engine.duckdb.result_cache import ResultCache
from mallard.flush.flush_metrics import FlushHistory
from mallard.health.background_probe import BackgroundProbe
from mallard.health.password_check import PASSWORD_SECONDS, password_probe
from mallard.health.prometheus import PrometheusMetric
from mallard.health.query_counts import QueryCounts
from mallard.health.queue_age import LOOKED_AT, age_seconds
from mallard.health.readiness import Readiness, ReadinessCheck, status_of, store_answers
from mallard.health.serve_metrics import Numbers, metrics_of
from mallard.health.source import known
from mallard.ingest.enrich.geoip import Geoip
from mallard.ingest.http.asgi import IngestApp
from mallard.queue.local import LocalQueue
from mallard.store.base import Store

_NO_RESULTS = ResultCache(0)


@dataclass(kw_only=True)
class ServeSource:
    """A ``HealthSource`` over the parts of one process. ``clock`` gives the aware time.

    ``cache`` and ``damaged_files`` are those of the engine, None and empty before its first query.
    """

    store: Store
    queue: LocalQueue
    flushes: FlushHistory
    ingest: IngestApp
    query_counts: QueryCounts
    cache: Callable[[], ResultCache | None]
    damaged_files: Callable[[], list[str]]
    auth: AuthService
    geo: Geoip
    data_dir: Path
    filter_bots: bool
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    readiness: Readiness = field(init=False)
    began: datetime = field(init=False)
    _has_password: BackgroundProbe[bool | None] = field(init=False)

    def __post_init__(self) -> None:
        looks = {
            "store": (lambda: store_answers(self.store), "The store does not answer; `mallard doctor` says more."),
            "queue": (self.queue.prove_writable, "The queue cannot be written; `mallard doctor` says more."),
        }
        self.readiness = Readiness(looks)
        self.began = self.clock()
        self._has_password = password_probe(self.auth)

    def checks(self) -> Sequence[ReadinessCheck]:
        """The store answers, and the queue takes events."""
        return self.readiness.checks()

    def numbers(self) -> Numbers:
        """The numbers of both forms."""
        self._has_password.begin()
        return Numbers(
            buffered=known(self.queue.depth),
            oldest_seconds=known(lambda: age_seconds(self.queue.oldest(LOOKED_AT), self.clock())),
            auth_configured=self._has_password.found(PASSWORD_SECONDS),
            geoip_loaded=self.geo.is_loaded,
            filter_bots=self.filter_bots,
            cache_entries=len(self._cache()),
            damaged_files=len(self.damaged_files()),
            disk_free_bytes=_free_bytes(self.data_dir),
        )

    def detail(self) -> dict[str, Any]:
        """The seed's keys, and further details."""
        checks, numbers, last, cache = self.checks(), self.numbers(), self.flushes.last, self._cache()
        return {
            "status": status_of(checks),
            "version": __version__,
            "uptime_seconds": round((self.clock() - self.began).total_seconds()),
            "buffered_events": numbers.buffered,
            "oldest_event_seconds": numbers.oldest_seconds,
            "auth_configured": numbers.auth_configured,
            "geoip_loaded": numbers.geoip_loaded,
            "filter_bots": numbers.filter_bots,
            "cache_entries": numbers.cache_entries,
            "cache_empty": not numbers.cache_entries,
            "cache_hits": cache.hits,
            "cache_misses": cache.misses,
            "last_flush": last
            and {
                "ended": last.ended.isoformat(timespec="seconds"),
                "seconds": round(last.seconds, 3),
                "events": last.written,
                "partitions": last.partitions,
                "outcome": "failed" if last.failed else "ok",
            },
            "flush_failures": self.flushes.failures,
            "damaged_files": self.damaged_files(),
            "checks": {each.name: {"ok": each.ok, "sentence": each.sentence} for each in checks},
            "disk_free_bytes": numbers.disk_free_bytes,
        }

    def metrics(self) -> list[PrometheusMetric]:
        """All of them, whether they changed or not."""
        return metrics_of(
            self.numbers(),
            checks=self.checks(),
            flushes=self.flushes,
            ingest=self.ingest,
            query_counts=self.query_counts,
            cache=self._cache(),
            auth=self.auth,
        )

    def _cache(self) -> ResultCache:
        return self.cache() or _NO_RESULTS


def _free_bytes(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
