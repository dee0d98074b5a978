"""Composes the metrics of a process, and writes them in the text format of Prometheus."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from observability import metrics_gauges, metrics_requests, metrics_work
from observability.metrics import Family, Kind, Labels

DEFINITIONS = (
    *metrics_requests.DEFINITIONS,
    *metrics_work.DEFINITIONS,
    *metrics_gauges.PROCESS_DEFINITIONS,
    *metrics_gauges.TABLE_DEFINITIONS,
)
"""All metrics of our own; those of prometheus_client begin with `process_` and `python_`."""

ReadFamilies = Callable[[], Awaitable[list[Family]]]


class MetricsPage:
    """The page that Prometheus scrapes; `read` returns copies of the metrics' present values."""

    def __init__(self, read: ReadFamilies) -> None:
        self._read = read

    async def text(self, accept: str = "") -> tuple[bytes, str]:
        """Return the page and its content type, which `accept`, a header, may choose."""
        families = await self._read()
        # Some thousand lines take long to write, and no request should wait for that.
        return await asyncio.to_thread(_written, families, accept)


class _Collected(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return (_metric(one) for one in self._families)


def _written(families: list[Family], accept: str) -> tuple[bytes, str]:
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    registry.register(_Collected(families))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _metric(family: Family) -> Metric:
    one = family.definition
    if one.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(one.name, one.meaning, labels=one.labels)
        for labels, row in family.rows:
            histogram.add_metric(_texts(labels), _buckets(family.bounds, row), row[-1])
        return histogram
    if one.kind is Kind.SUMMARY:
        summary = SummaryMetricFamily(one.name, one.meaning, labels=one.labels)
        for labels, (count, total) in family.rows:
            summary.add_metric(_texts(labels), int(count), total)
        return summary
    made = CounterMetricFamily if one.kind is Kind.COUNTER else GaugeMetricFamily
    metric = made(one.name, one.meaning, labels=one.labels)
    for labels, value in family.samples:
        metric.add_metric(_texts(labels), value)
    return metric


def _buckets(bounds: Iterable[float], row: Iterable[float]) -> list[tuple[str, float]]:
    """Return the counts of sizes up to each bound, as Prometheus wants them."""
    total = 0.0
    buckets = []
    for bound, count in zip((*map(str, bounds), "+Inf"), row, strict=False):
        total += count
        buckets.append((bound, total))
    return buckets


def _texts(labels: Labels) -> list[str]:
    return [str(one) for one in labels]
