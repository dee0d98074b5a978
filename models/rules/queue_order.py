"""Which job is claimed next, and as which caller its first call counts. PURE.

`models/jobs/queue_claim.py` has the same rules in SQL for PostgreSQL; a test compares the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.rules.allowance import Caller
from models.rules.urgency import Urgency

ALL_CALLS = 4
"""The calls that a lookup usually needs; a lookup that needs fewer has begun."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first ready job of an urgency, and the next turn of that urgency."""

    urgency: Urgency
    next_turn: int
    job_id: str
    place: int = 0
    calls_left: int | None = None

    @property
    def has_begun(self) -> bool:
        """Whether an earlier attempt of the job made calls."""
        return self.calls_left is not None and self.calls_left < ALL_CALLS


def current_turn(next_turns: Sequence[tuple[Urgency, int]]) -> int:
    """Return the turn of the last started job of any urgency; 0 if there was none."""
    return max((turn - urgency.stride for urgency, turn in next_turns), default=0)


def choose(heads: Sequence[Head], current: int) -> Head | None:
    """Return the head to start next: one that has begun, or else the one with the smallest turn.

    An urgency that had no jobs for a while does not get extra turns for that time.
    """
    return min(
        heads,
        key=lambda head: (not head.has_begun, max(head.next_turn, current), head.urgency),
        default=None,
    )


def turn_after(head: Head, current: int) -> int:
    """Return the next turn of a head's urgency once the head has started."""
    return max(head.next_turn, current) + head.urgency.stride


def caller_of(head: Head, heads: Sequence[Head]) -> Caller | None:
    """Return the kind of caller of the head's first call; None if it needs no call."""
    if not head.calls_left:
        return None
    if head.has_begun:
        return Caller.STARTED
    # While an urgent job waits, a delay of the job before it would delay the urgent one too.
    is_urgent = any(other.urgency.is_urgent for other in heads)
    return Caller.URGENT if is_urgent else Caller.OTHER
