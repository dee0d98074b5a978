"""Counters and histograms that cost a request less than a microsecond each.

A listener adds to plain dictionaries, in the event loop's thread. Only a scrape turns these into
the text format of Prometheus (`observability/metrics_page.py`); ADR 56 has the figures.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

PREFIX = "customer_classes_"
OTHER = "other"
"""The value of a label for everything beyond its bound."""

Labels = tuple[object, ...]
"""The values of a metric's labels, in the order of its definition."""

Sample = tuple[Labels, float]


class Kind(StrEnum):
    """The kind of a metric, by Prometheus' names."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric: its whole name, what it measures, and its labels.

    The name of a counter ends with `_total`; that of others with their unit, if they have one.
    """

    name: str
    kind: Kind
    meaning: str
    labels: tuple[str, ...] = ()


def counter(name: str, meaning: str, *labels: str) -> Definition:
    return Definition(f"{PREFIX}{name}_total", Kind.COUNTER, meaning, labels)


def gauge(name: str, meaning: str, *labels: str) -> Definition:
    return Definition(PREFIX + name, Kind.GAUGE, meaning, labels)


def histogram(name: str, meaning: str, *labels: str) -> Definition:
    return Definition(PREFIX + name, Kind.HISTOGRAM, meaning, labels)


def summary(name: str, meaning: str, *labels: str) -> Definition:
    return Definition(PREFIX + name, Kind.SUMMARY, meaning, labels)


class Counter:
    """Counts by labels.

    Those of `known` are told from the start, as 0: Prometheus sees no increase in a series that
    begins with 1, so an alert would miss the first failure.
    """

    __slots__ = ("definition", "values")

    def __init__(self, definition: Definition, known: Iterable[Labels] = ()) -> None:
        self.definition = definition
        self.values: dict[Labels, float] = dict.fromkeys(known, 0)

    def add(self, labels: Labels, number: float = 1) -> None:
        self.values[labels] = self.values.get(labels, 0) + number


class Histogram:
    """Counts observations by labels and by size: the sizes are upper bounds, ascending."""

    __slots__ = ("bounds", "definition", "rows")

    def __init__(self, definition: Definition, bounds: Sequence[float]) -> None:
        self.definition = definition
        self.bounds = tuple(bounds)
        self.rows: dict[Labels, list[float]] = {}
        """By labels, the count of each size, of larger ones, and last the sum."""

    def observe(self, labels: Labels, value: float) -> None:
        row = self.rows.get(labels)
        if row is None:
            row = self.rows[labels] = [0] * (len(self.bounds) + 2)
        row[bisect_left(self.bounds, value)] += 1
        row[-1] += value

    def merge(self, labels: Labels, sizes: Sequence[float], total: float) -> None:
        """Add observations that were counted elsewhere, by the same bounds."""
        row = self.rows.get(labels) or [0.0] * (len(self.bounds) + 2)
        self.rows[labels] = [mine + more for mine, more in zip(row, (*sizes, total), strict=True)]


class CappedLabel:
    """Lets at most `limit` different values of a label pass; all further ones become OTHER."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[str] = set()

    def of(self, value: str) -> str:
        if value in self._seen:
            return value
        if len(self._seen) >= self._limit:
            return OTHER
        self._seen.add(value)
        return value


@dataclass(frozen=True, slots=True)
class Family:
    """The values of a metric at one time.

    `samples` are those of a counter or gauge. A histogram has `rows` and `bounds`; a summary has
    `rows` of count and sum.
    """

    definition: Definition
    samples: Sequence[Sample] = ()
    rows: Sequence[tuple[Labels, Sequence[float]]] = ()
    bounds: Sequence[float] = ()


def families_of(instruments: Iterable[Counter | Histogram]) -> list[Family]:
    """Return copies of what instruments have counted, which later counts do not change."""
    return [
        Family(one.definition, list(one.values.items()))
        if isinstance(one, Counter)
        else Family(
            one.definition,
            rows=[(labels, tuple(row)) for labels, row in one.rows.items()],
            bounds=one.bounds,
        )
        for one in instruments
    ]


def gauge_family(definition: Definition, values: Mapping[Labels, float] | float) -> Family:
    """Return the values of a gauge by labels, or the value of a gauge without labels."""
    if isinstance(values, Mapping):
        return Family(definition, list(values.items()))
    return Family(definition, [((), values)])
