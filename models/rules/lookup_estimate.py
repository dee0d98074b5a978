"""Estimates when a waiting lookup ends: each urgency drains by its share of what is done. PURE.

The backlogs are taken as fluids. Every urgency with a backlog gets a share of the capacity by its
weight; when one has drained, the others share what it used. Lookups that people ask for one by one
keep arriving at the rate seen lately. The result is a guess for people, never a promise.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, inf
from typing import TypeVar

Urgency = TypeVar("Urgency", bound=Hashable)

MAX_WAIT = timedelta(days=366)
"""Nobody is told of a longer wait than this: it would be no estimate."""

SMOOTHING_S = 60.0
"""Seconds for which the nominal capacity counts beside the measured one."""

STEPS = (
    (timedelta(minutes=2), timedelta(seconds=10)),
    (timedelta(minutes=10), timedelta(seconds=30)),
    (timedelta(hours=1), timedelta(minutes=5)),
    (timedelta(hours=6), timedelta(minutes=15)),
    (timedelta(days=2), timedelta(hours=1)),
    (timedelta.max, timedelta(hours=6)),
)
"""Up to which wait an estimate is rounded to which step."""

COARSE_STEPS = (
    (timedelta(minutes=10), timedelta(minutes=2)),
    (timedelta(hours=1), timedelta(minutes=10)),
    (timedelta(hours=6), timedelta(hours=1)),
    (timedelta(days=2), timedelta(hours=6)),
    (timedelta.max, timedelta(days=1)),
)
"""The same for partners: larger steps, so that nobody counts what others have queued."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """The lookups of one urgency: how many wait, how many arrive a second, and their weight."""

    waiting: float
    weight: float
    arrivals_per_s: float = 0.0


def measured_capacity(
    ended: int, span: timedelta, nominal_per_s: float, smoothing_s: float = SMOOTHING_S
) -> float:
    """Return how many lookups end a second, by those that ended in a span full of work.

    After a short span the nominal capacity has a say, since a handful of lookups is no measurement.
    """
    return (ended + nominal_per_s * smoothing_s) / (max(span.total_seconds(), 0.0) + smoothing_s)


def wait_for(
    place: float, own: Urgency, backlogs: Mapping[Urgency, Backlog], capacity_per_s: float
) -> timedelta | None:
    """Return how long it takes until the `place`-th waiting lookup of an urgency has its turn.

    The first in line has place 1. Null means that it never has, as others arrive too fast.
    """
    left = {urgency: backlog.waiting for urgency, backlog in backlogs.items()}
    left[own] = max(left[own], place)
    elapsed = 0.0
    while True:
        rates = _shares(left, backlogs, capacity_per_s)
        until_own = place / rates[own] if rates[own] > 0 else inf
        drained, urgency = min(
            (
                (left[one] / (rates[one] - backlogs[one].arrivals_per_s), one)
                for one in left
                if one != own and left[one] > 0 and rates[one] > backlogs[one].arrivals_per_s
            ),
            key=lambda pair: pair[0],
            default=(inf, own),
        )
        if until_own <= drained:
            elapsed += until_own
            return timedelta(seconds=elapsed) if elapsed < MAX_WAIT.total_seconds() else None
        place -= rates[own] * drained
        for one, backlog in backlogs.items():
            change = (backlog.arrivals_per_s - rates[one]) * drained
            left[one] = max(left[one] + change, 0.0)
        left[urgency] = 0.0
        left[own] = max(left[own], place)
        elapsed += drained


def wait_for_all(backlogs: Mapping[Urgency, Backlog], capacity_per_s: float) -> timedelta | None:
    """Return how long it takes until nothing waits any more."""
    waiting = sum(backlog.waiting for backlog in backlogs.values())
    spare = capacity_per_s - sum(backlog.arrivals_per_s for backlog in backlogs.values())
    if waiting <= 0:
        return timedelta()
    if spare <= 0 or waiting / spare >= MAX_WAIT.total_seconds():
        return None
    return timedelta(seconds=waiting / spare)


def rounded(now: datetime, wait: timedelta, *, is_coarse: bool = False) -> datetime:
    """Return the instant after a wait, rounded up to a step that grows with the wait."""
    steps = COARSE_STEPS if is_coarse else STEPS
    step = next(step for longest, step in steps if wait <= longest)
    beginning = datetime.min.replace(tzinfo=UTC)
    return beginning + step * ceil((now + wait - beginning) / step)


def _shares(
    left: Mapping[Urgency, float], backlogs: Mapping[Urgency, Backlog], capacity_per_s: float
) -> dict[Urgency, float]:
    """Share the capacity by weight; what has no backlog uses no more than what arrives."""
    rates = dict.fromkeys(left, 0.0)
    sharing = {one for one in left if left[one] > 0 or backlogs[one].arrivals_per_s > 0}
    free = capacity_per_s
    while sharing:
        weights = sum(backlogs[one].weight for one in sharing)
        modest = {
            one
            for one in sharing
            if left[one] <= 0
            and backlogs[one].arrivals_per_s <= free * backlogs[one].weight / weights
        }
        if not modest:
            return rates | {one: free * backlogs[one].weight / weights for one in sharing}
        for one in modest:
            rates[one] = backlogs[one].arrivals_per_s
        free -= sum(rates[one] for one in modest)
        sharing -= modest
    return rates
