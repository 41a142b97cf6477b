"""Metrics in the text format of Prometheus, version 0.0.4.

The format is a page; its client library keeps one registry for the whole process, which servers in one test share.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mallard.observability.histogram import Histogram

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class PrometheusMetric:
    """One name with what it means (a sentence) and its samples: the rest of the line before the number, and it.

    ``kind`` is counter, gauge or histogram.
    """

    name: str
    kind: str
    meaning: str
    samples: tuple[tuple[str, float], ...]


def counter(name: str, meaning: str, value: float) -> PrometheusMetric:
    """What only grows, and begins at 0 with the process."""
    return PrometheusMetric(name, "counter", meaning, (("", value),))


def gauge(name: str, meaning: str, value: float | None) -> PrometheusMetric:
    """What rises and falls; of None nothing is told: a value that is not known is not 0."""
    return PrometheusMetric(name, "gauge", meaning, () if value is None else (("", value),))


def labelled(name: str, kind: str, meaning: str, label: str, values: Mapping[str, int]) -> PrometheusMetric:
    """A counter or gauge for each value of one label, a closed set of plain words."""
    return PrometheusMetric(
        name, kind, meaning, tuple((f'{{{label}="{word}"}}', count) for word, count in values.items())
    )


def histogram(name: str, meaning: str, found: Histogram) -> PrometheusMetric:
    """Durations, in seconds."""
    counted = found.counted()
    bounds = [*(f"{bound:g}" for bound in counted.bounds), "+Inf"]
    buckets = zip(bounds, [*counted.at_most, counted.count], strict=True)
    samples = [(f'_bucket{{le="{bound}"}}', float(count)) for bound, count in buckets]
    return PrometheusMetric(
        name, "histogram", meaning, (*samples, ("_sum", round(counted.sum_seconds, 6)), ("_count", counted.count))
    )


def exposition(metrics: Iterable[PrometheusMetric]) -> str:
    """The text. A metric of which nothing is known is left out."""
    return "".join(line + "\n" for each in metrics if each.samples for line in _lines(each))


def _lines(metric: PrometheusMetric) -> list[str]:
    head = [f"# HELP {metric.name} {metric.meaning}", f"# TYPE {metric.name} {metric.kind}"]
    return [*head, *(f"{metric.name}{rest} {_number(value)}" for rest, value in metric.samples)]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)
