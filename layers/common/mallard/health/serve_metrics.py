"""The metrics of one ``mallard serve``: every name, and what it means. docs/metrics.md lists them; a test compares."""

from collections.abc import Sequence
from dataclasses import dataclass

from mallard.api.middleware.query_metrics import Questions
from mallard.auth.service import Gate
from mallard.engine.duckdb.result_cache import Cache
from mallard.flush.flush_metrics import History
from mallard.health.prometheus import Metric, counter, gauge, histogram, labelled
from mallard.health.readiness import Check
from mallard.health.source import gauge_of
from mallard.ingest.drop_reasons import Reason
from mallard.ingest.http.asgi import IngestApp
from mallard.ingest.ignored_fields import Field


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is looked up at a moment; None is not known."""

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
    checks: Sequence[Check],
    flushes: History,
    ingest: IngestApp,
    questions: Questions,
    cache: Cache,
    gate: Gate,
) -> list[Metric]:
    """All of them."""
    return [
        *_of_ingest(numbers, ingest),
        *_of_flushes(flushes),
        *_of_questions(numbers, questions, cache),
        *_of_the_instance(numbers, checks, gate),
    ]


def _of_ingest(numbers: Numbers, ingest: IngestApp) -> list[Metric]:
    dropped = {reason.value: ingest.dropped[reason] for reason in Reason}
    ignored = {field.value: ingest.ignored[field] for field in Field}
    return [
        gauge("mallard_buffered_events", "Messages that wait in the queue for a flush.", numbers.buffered),
        gauge(
            "mallard_oldest_event_seconds",
            "Age of the message that waits longest; 0: none waits.",
            numbers.oldest_seconds,
        ),
        counter("mallard_events_ingested_total", "Events answered 202 and kept.", ingest.accepted),
        labelled("mallard_events_dropped_total", "counter", "Events that were not taken.", "reason", dropped),
        labelled(
            "mallard_values_ignored_total",
            "counter",
            "Values of events that were repaired or left out.",
            "field",
            ignored,
        ),
        counter(
            "mallard_rate_limit_rejections_total",
            "Events refused since a site or a client sent more than its limit.",
            dropped[Reason.RATE],
        ),
    ]


def _of_flushes(flushes: History) -> list[Metric]:
    last = flushes.last
    rows = {"written": flushes.rows_written, "known": flushes.rows_known, "erased": flushes.rows_erased}
    return [
        histogram(
            "mallard_flush_duration_seconds", "How long flushes took that had something to do.", flushes.durations
        ),
        counter("mallard_flush_failures_total", "Flushes that left events to be tried again.", flushes.failures),
        labelled(
            "mallard_flush_rows_total",
            "counter",
            "Rows of flushes: written, known to the table already, or erased.",
            "outcome",
            rows,
        ),
        counter("mallard_flush_partitions_total", "Days of sites that flushes wrote to.", flushes.partitions),
        counter("mallard_flush_set_aside_total", "Messages that can never be rows.", flushes.set_aside),
        gauge(
            "mallard_last_flush_timestamp_seconds",
            "When the last flush ended that had something to do.",
            last.ended.timestamp() if last else None,
        ),
    ]


def _of_questions(numbers: Numbers, questions: Questions, cache: Cache) -> list[Metric]:
    return [
        histogram(
            "mallard_query_duration_seconds", "How long questions took until their answer began.", questions.durations
        ),
        counter("mallard_query_failures_total", "Questions answered with a status of 500 or more.", questions.failures),
        gauge("mallard_cache_entries", "Answers that are kept.", numbers.cache_entries),
        counter("mallard_cache_hits_total", "Questions answered from there.", cache.hits),
        counter("mallard_cache_misses_total", "Questions that had to be counted.", cache.misses),
        gauge("mallard_damaged_files", "Damaged files that answers left out.", numbers.damaged_files),
    ]


def _of_the_instance(numbers: Numbers, checks: Sequence[Check], gate: Gate) -> list[Metric]:
    ready = {each.name: int(each.ok) for each in checks}
    return [
        labelled("mallard_ready", "gauge", "Whether a part can do its work: 1 or 0.", "part", ready),
        counter("mallard_login_failures_total", "Wrong passwords.", gate.login_failures),
        gauge("mallard_auth_configured", "Whether a password is set: 1 or 0.", gauge_of(numbers.auth_configured)),
        gauge("mallard_geoip_loaded", "Whether there is a GeoIP database: 1 or 0.", gauge_of(numbers.geoip_loaded)),
        gauge("mallard_filter_bots", "Whether bots are left out: 1 or 0.", gauge_of(numbers.filter_bots)),
        gauge("mallard_disk_free_bytes", "Room on the disk of MALLARD_DATA_DIR.", numbers.disk_free_bytes),
    ]
