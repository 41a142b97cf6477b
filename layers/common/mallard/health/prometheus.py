"""Metrics in the text format of Prometheus, by its client library.

``prometheus_client`` is imported at the first exposition: a function that is never asked for metrics need not load it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mallard.observability.histogram import Histogram, HistogramCounts

if TYPE_CHECKING:
    from prometheus_client import Metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class PrometheusMetric:
    """One metric and its values; ``help_text`` is a sentence, ``kind`` counter, gauge or histogram.

    ``values`` are by the value of ``label``, or one under the empty text where there is no label.
    """

    name: str
    kind: str
    help_text: str
    values: Mapping[str, float]
    label: str = ""
    counts: HistogramCounts | None = None


def counter(name: str, help_text: str, value: float) -> PrometheusMetric:
    """A number that only grows, from 0 at the start of the process."""
    return PrometheusMetric(name, "counter", help_text, {"": value})


def gauge(name: str, help_text: str, value: float | None) -> PrometheusMetric:
    """A number that rises and falls. None is left out: an unknown value is not 0."""
    return PrometheusMetric(name, "gauge", help_text, {} if value is None else {"": value})


def labelled(name: str, kind: str, help_text: str, label: str, values: Mapping[str, int]) -> PrometheusMetric:
    """A counter or gauge for each value of one label, a closed set of words."""
    return PrometheusMetric(name, kind, help_text, dict(values), label)


def histogram(name: str, help_text: str, durations: Histogram) -> PrometheusMetric:
    """Durations, in seconds."""
    counts = durations.counted()
    return PrometheusMetric(name, "histogram", help_text, {"": counts.count}, counts=counts)


def exposition(metrics: Iterable[PrometheusMetric]) -> str:
    """The text of one registry of these metrics. A metric without values is left out."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(metrics))
    return generate_latest(registry).decode()


class _Collector:
    def __init__(self, metrics: Iterable[PrometheusMetric]) -> None:
        self._metrics = [each for each in metrics if each.values]

    def collect(self) -> "Iterator[Metric]":
        """The families, in their order."""
        return map(_family, self._metrics)


def _family(metric: PrometheusMetric) -> "Metric":
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    if metric.counts is not None:
        bounds = [*(f"{bound:g}" for bound in metric.counts.bounds), "+Inf"]
        at_most = [*metric.counts.at_most, metric.counts.count]
        buckets = list(zip(bounds, map(float, at_most), strict=True))
        return HistogramMetricFamily(metric.name, metric.help_text, buckets, round(metric.counts.sum_seconds, 6))
    labels = [metric.label] if metric.label else []
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family = kind(metric.name, metric.help_text, labels=labels)
    for word, value in metric.values.items():
        family.add_metric([word] if metric.label else [], value)
    return family
