"""Metrics of one ``mallard serve``; docs/metrics.md lists them, and a test compares."""

from collections.abc import Sequence
from dataclasses import dataclass

from mallard.auth.service import AuthService
from mallard.engine.duckdb.result_cache import ResultCache
from mallard.flush.flush_metrics import FlushHistory
from mallard.health.prometheus import PrometheusMetric, counter, gauge, histogram, labelled
from mallard.health.query_counts import QueryCounts
from mallard.health.readiness import ReadinessCheck
from mallard.health.source import gauge_of
from mallard.ingest.drop_reasons import DropReason
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.ignored_fields import IgnoredField


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """Values at one moment; None is unknown."""

    buffered: int | None
    oldest_seconds: float | None
    auth_configured: bool | None
    geoip_loaded: bool
    filter_bots: bool
    cache_entries: int
    damaged_files: int
    disk_free_bytes: int | None


def metrics_of(
    numbers: Numbers,
    *,
    checks: Sequence[ReadinessCheck],
    flushes: FlushHistory,
    ingest: IngestApp,
    query_counts: QueryCounts,
    cache: ResultCache,
    auth: AuthService,
) -> list[PrometheusMetric]:
    """All of them."""
    return [
        *_of_ingest(numbers, ingest),
        *_of_flushes(flushes),
        *_of_queries(numbers, query_counts, cache),
        *_of_the_instance(numbers, checks, auth),
    ]


def _of_ingest(numbers: Numbers, ingest: IngestApp) -> list[PrometheusMetric]:
    dropped = {reason.value: ingest.dropped[reason] for reason in DropReason}
    ignored = {field.value: ingest.ignored[field] for field in IgnoredField}
    return [
        gauge("mallard_buffered_events", "Messages in the queue, waiting for a flush.", numbers.buffered),
        gauge(
            "mallard_oldest_event_seconds",
            "Age of the oldest message in the queue; 0 if it is empty.",
            numbers.oldest_seconds,
        ),
        counter("mallard_events_ingested_total", "Events accepted (202).", ingest.accepted),
        labelled("mallard_events_dropped_total", "counter", "Events dropped, by reason.", "reason", dropped),
        labelled(
            "mallard_values_ignored_total",
            "counter",
            "Values of events that were repaired or omitted, by field.",
            "field",
            ignored,
        ),
        counter(
            "mallard_rate_limit_rejections_total",
            "Events refused by a rate limit of a site or a client.",
            dropped[DropReason.RATE],
        ),
    ]


def _of_flushes(flushes: FlushHistory) -> list[PrometheusMetric]:
    last = flushes.last
    rows = {"written": flushes.rows_written, "known": flushes.rows_known, "erased": flushes.rows_erased}
    return [
        histogram("mallard_flush_duration_seconds", "Seconds of flushes that wrote something.", flushes.durations),
        counter(
            "mallard_flush_failures_total", "Flushes that failed for some events; they are retried.", flushes.failures
        ),
        labelled(
            "mallard_flush_rows_total",
            "counter",
            "Rows of flushes: written, duplicates (known), or erased.",
            "outcome",
            rows,
        ),
        counter("mallard_flush_partitions_total", "Partitions written by flushes.", flushes.partitions),
        counter("mallard_flush_set_aside_total", "Messages moved to the dead letters.", flushes.set_aside),
        gauge(
            "mallard_last_flush_timestamp_seconds",
            "Time of the last flush that wrote something.",
            last.ended.timestamp() if last else None,
        ),
    ]


def _of_queries(numbers: Numbers, query_counts: QueryCounts, cache: ResultCache) -> list[PrometheusMetric]:
    return [
        histogram(
            "mallard_query_duration_seconds", "Seconds until the response to a query began.", query_counts.durations
        ),
        counter(
            "mallard_query_failures_total", "Queries answered with a status of 500 or more.", query_counts.failures
        ),
        gauge("mallard_cache_entries", "Entries of the result cache.", numbers.cache_entries),
        counter("mallard_cache_hits_total", "Queries answered from the result cache.", cache.hits),
        counter("mallard_cache_misses_total", "Queries that were not in the result cache.", cache.misses),
        gauge("mallard_damaged_files", "Damaged files omitted from answers.", numbers.damaged_files),
    ]


def _of_the_instance(numbers: Numbers, checks: Sequence[ReadinessCheck], auth: AuthService) -> list[PrometheusMetric]:
    ready = {each.name: int(each.ok) for each in checks}
    return [
        labelled("mallard_ready", "gauge", "1 if a part works, else 0.", "part", ready),
        counter("mallard_login_failures_total", "Wrong passwords.", auth.login_failures),
        gauge("mallard_auth_configured", "1 if a password is set, else 0.", gauge_of(numbers.auth_configured)),
        gauge("mallard_geoip_loaded", "1 if a GeoIP database is open, else 0.", gauge_of(numbers.geoip_loaded)),
        gauge("mallard_filter_bots", "1 if bots are filtered, else 0.", gauge_of(numbers.filter_bots)),
        gauge("mallard_disk_free_bytes", "Free bytes on the disk of MALLARD_DATA_DIR.", numbers.disk_free_bytes),
    ]
