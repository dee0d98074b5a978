"""Estimates when a waiting lookup will be done. PURE.

The waiting lookups of each urgency (its backlog) are modelled as a fluid. The capacity, in lookups
per second, is divided among the urgencies with a backlog in proportion to their weights; when a
backlog is empty, the others get its share. New lookups are assumed to arrive at the rate of the
last minutes.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, inf
from typing import TypeVar

Urgency = TypeVar("Urgency", bound=Hashable)

MAX_WAIT = timedelta(days=366)
"""Longer waits are not estimated."""

SMOOTHING_S = 60.0
"""The weight of the nominal capacity, in seconds, when it is averaged with the measured one."""

STEPS = (
    (timedelta(minutes=2), timedelta(seconds=10)),
    (timedelta(minutes=10), timedelta(seconds=30)),
    (timedelta(hours=1), timedelta(minutes=5)),
    (timedelta(hours=6), timedelta(minutes=15)),
    (timedelta(days=2), timedelta(hours=1)),
    (timedelta.max, timedelta(hours=6)),
)
"""Pairs of a wait and a step: estimates of waits up to that length are rounded up to the step."""

COARSE_STEPS = (
    (timedelta(minutes=10), timedelta(minutes=2)),
    (timedelta(hours=1), timedelta(minutes=10)),
    (timedelta(hours=6), timedelta(hours=1)),
    (timedelta(days=2), timedelta(hours=6)),
    (timedelta.max, timedelta(days=1)),
)
"""Larger steps for partners, so that they cannot infer how many lookups others have queued."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of waiting lookups of an urgency, the urgency's weight, and its arrivals."""

    waiting: float
    weight: float
    arrivals_per_s: float = 0.0


def measured_capacity(
    ended: int, span: timedelta, nominal_per_s: float, smoothing_s: float = SMOOTHING_S
) -> float:
    """Return the capacity: the number of lookups that are done per second while there is work.

    `ended` lookups were done in `span`, during which lookups were always waiting. The measured
    capacity is averaged with the nominal one, which has little effect if the span is long.
    """
    return (ended + nominal_per_s * smoothing_s) / (max(span.total_seconds(), 0.0) + smoothing_s)


def wait_for(
    place: float, own: Urgency, backlogs: Mapping[Urgency, Backlog], capacity_per_s: float
) -> timedelta | None:
    """Return the wait until a lookup is done; None if longer than MAX_WAIT.

    `place` is the lookup's position, from 1, in the queue of its urgency `own`.
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
    """Return the wait until all lookups are done; None if it takes longer than MAX_WAIT."""
    waiting = sum(backlog.waiting for backlog in backlogs.values())
    spare = capacity_per_s - sum(backlog.arrivals_per_s for backlog in backlogs.values())
    if waiting <= 0:
        return timedelta()
    if spare <= 0 or waiting / spare >= MAX_WAIT.total_seconds():
        return None
    return timedelta(seconds=waiting / spare)


def rounded(now: datetime, wait: timedelta, *, is_coarse: bool = False) -> datetime:
    """Return `now` plus the wait, rounded up to a multiple of the step in STEPS or COARSE_STEPS."""
    steps = COARSE_STEPS if is_coarse else STEPS
    step = next(step for longest, step in steps if wait <= longest)
    beginning = datetime.min.replace(tzinfo=UTC)
    return beginning + step * ceil((now + wait - beginning) / step)


def _shares(
    left: Mapping[Urgency, float], backlogs: Mapping[Urgency, Backlog], capacity_per_s: float
) -> dict[Urgency, float]:
    """Return how many lookups of each urgency are done per second: its share of the capacity.

    The shares are in proportion to the weights, but an urgency without a backlog gets no more than
    its arrivals.
    """
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
