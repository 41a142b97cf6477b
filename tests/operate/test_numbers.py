"""Durations in buckets, the age of what waits, and how numbers are written."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from mallard.errors import StoreUnavailableError
from mallard.event import to_ms
from mallard.flush.flush_metrics import FlushHistory
from mallard.flush.flush_report import FlushReport
from mallard.health.prometheus import counter, exposition, gauge, histogram, labelled
from mallard.health.queue_age import age_seconds
from mallard.observability.histogram import Histogram
from mallard.queue.base import Message
from mallard.table.append_report import AppendReport
from support.rows import event

NOW = datetime(2026, 3, 10, 15, 30, tzinfo=UTC)
MESSAGE = Message("1", b"{}")


def waiting(seconds: float) -> bytes:
    return event(1, accepted_ms=to_ms(NOW - timedelta(seconds=seconds))).to_message()


@given(st.lists(st.floats(0, 1000, allow_nan=False)))
def test_histogram_counts_observations_up_to_each_bound(seconds: list[float]) -> None:
    found = Histogram()
    for each in seconds:
        found.note(each)
    counted = found.counted()
    for bound, count in zip(counted.bounds, counted.at_most, strict=True):
        assert count == sum(each <= bound for each in seconds)
    assert counted.count == len(seconds)
    assert counted.sum_seconds == pytest.approx(sum(seconds))


def test_histogram_counts_observations_of_many_threads() -> None:
    found = Histogram()

    def note() -> None:
        for _ in range(1000):
            found.note(0.01)

    threads = [threading.Thread(target=note) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert found.counted().count == 8000


def test_message_age_is_that_of_the_oldest_readable_message() -> None:
    assert age_seconds([], NOW) == 0
    assert age_seconds([waiting(90), waiting(5)], NOW) == 90
    assert age_seconds([b"no JSON", b"[]", b'{"accepted_ms": "x"}', b'{"accepted_ms": 1e99}', waiting(7)], NOW) == 7
    assert age_seconds([b"no JSON"], NOW) == 0


def test_message_age_is_not_negative_for_a_future_timestamp() -> None:
    assert age_seconds([waiting(-30)], NOW) == 0


@pytest.mark.parametrize("value", [0, 1, 0.1, 1795526528.123456, 1e-7, 73_522_659_328, 1e21])
def test_metric_value_round_trips_through_the_exposition(value: float) -> None:
    (family,) = text_string_to_metric_families(exposition([gauge("a", "A.", value)]))
    assert family.samples[0].value == value


def test_exposition_omits_metrics_without_a_value() -> None:
    text = exposition([gauge("a", "A.", None), labelled("b", "gauge", "B.", "part", {}), counter("c_total", "C.", 0)])
    assert text == "# HELP c_total C.\n# TYPE c_total counter\nc_total 0.0\n"


def test_exposition_escapes_help_texts_and_keeps_two_instances_apart() -> None:
    metric = counter("c_total", "A \\ and\na line.", 1)
    assert exposition([metric]) == exposition([metric])
    assert "# HELP c_total A \\\\ and\\na line.\n" in exposition([metric])


def test_import_of_prometheus_does_not_load_the_client_library() -> None:
    code = "import sys, mallard.health.prometheus; print('prometheus_client' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_histogram_is_written_in_the_exposition_format() -> None:
    found = Histogram([0.5, 2])
    for seconds in (0.1, 0.5, 1, 60):
        found.note(seconds)
    text = exposition([histogram("h", "H.", found)])
    assert text.splitlines()[2:] == [
        'h_bucket{le="0.5"} 2.0',
        'h_bucket{le="2"} 3.0',
        'h_bucket{le="+Inf"} 4.0',
        "h_count 4.0",
        "h_sum 61.6",
    ]


def test_empty_flush_is_not_recorded(caplog: pytest.LogCaptureFixture) -> None:
    history = FlushHistory()
    with caplog.at_level("INFO"):
        history.note(FlushReport(), 0.1, NOW)
    assert (history.last, history.durations.counted().count, caplog.text) == (None, 0, "")


def test_partly_failed_flush_counts_its_rows_and_a_failure() -> None:
    history = FlushHistory()
    history.note(FlushReport(failed=(MESSAGE,), rows=AppendReport(5, 2, 1), partitions=3), 0.5, NOW)
    assert (history.failures, history.rows_written, history.rows_known, history.rows_erased) == (1, 5, 2, 1)
    assert history.last is not None
    assert (history.last.failed, history.last.written, history.last.partitions) == (True, 5, 3)


def test_failed_flush_is_recorded_without_foreign_error_texts(caplog: pytest.LogCaptureFixture) -> None:
    history = FlushHistory()
    history.note_fault(ZeroDivisionError("203.0.113.7"), 0.5, NOW)
    history.note_fault(StoreUnavailableError("The bucket is away."), 0.5, NOW)
    assert history.failures == 2
    assert "203.0.113.7" not in caplog.text
    assert "The bucket is away." in caplog.text
