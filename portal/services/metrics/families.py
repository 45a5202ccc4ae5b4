"""Counts and states as Prometheus' families of samples. Pure: what is known comes in as values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from portal.services.metrics.tally import MILLISECONDS
from portal.services.readiness import Part
from portal.storage.model_runs import Counted


def of_runs(counted: Sequence[Counted]) -> Iterator[Metric]:
    """Predictions by model, version and outcome; how long they took; why they were refused; what the gate found."""
    predictions: Counter[tuple[str, ...]] = Counter()
    refusals: Counter[tuple[str, ...]] = Counter()
    findings: Counter[tuple[str, ...]] = Counter()
    for one in counted:
        predictions[one.model, one.version, one.outcome] += one.runs
        if one.reason:
            refusals[one.model, one.version, one.outcome, one.reason] += one.runs
        for code in one.findings.split():
            findings[one.model, one.version, code] += one.runs
    yield _counter("secondread_predictions", "Tries to read an image with a model version, by what became of them.",
                   ("model", "version", "outcome"), predictions)
    yield _counter("secondread_refusals", "Images that got no score, by the kind of reason.",
                   ("model", "version", "outcome", "reason"), refusals)
    yield _counter("secondread_gate_findings", "What the checks of images found, refusing or not.",
                   ("model", "version", "finding"), findings)
    yield _latencies(counted)


def of_parts(parts: Iterable[Part]) -> Metric:
    family = GaugeMetricFamily("secondread_up", "1 where a part of the portal is well, as /readyz says.",
                               labels=("part",))
    for part in parts:
        family.add_metric((part.name,), float(part.well))
    return family


def of_queue(depth: dict[tuple[str, str], int]) -> Metric:
    family = GaugeMetricFamily("secondread_jobs", "Jobs that wait or run.", labels=("state", "kind"))
    for labels, number in sorted(depth.items()):
        family.add_metric(labels, number)
    return family


def gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _counter(name: str, words: str, labels: tuple[str, ...], counts: Counter[tuple[str, ...]]) -> Metric:
    family = CounterMetricFamily(name, words, labels=labels)
    for values, number in sorted(counts.items()):
        family.add_metric(values, number)
    return family


def _latencies(counted: Sequence[Counted]) -> Metric:
    family = HistogramMetricFamily("secondread_prediction_seconds", "Seconds that a model took for one image.",
                                   labels=("model", "version", "outcome"))
    together: dict[tuple[str, str, str], list[Counted]] = {}
    for one in counted:
        if one.timed:
            together.setdefault((one.model, one.version, one.outcome), []).append(one)
    for labels, rows in sorted(together.items()):
        within = [sum(column) for column in zip(*(row.within for row in rows), strict=True)]
        bounds = [f"{bound / 1000:g}" for bound in MILLISECONDS]
        buckets = [*zip(bounds, within, strict=True), ("+Inf", sum(row.timed for row in rows))]
        family.add_metric(labels, buckets, sum_value=sum(row.ms for row in rows) / 1000)
    return family
