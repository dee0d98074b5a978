"""Decides which job to start next, and the `Caller` kind of its first call. PURE.

`models/jobs/queue_claim.py` implements the same rules in SQL for PostgreSQL; a test compares the
results.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.rules.allowance import Caller
from models.rules.urgency import Urgency

ALL_CALLS = 4
"""The calls that a lookup usually needs; a lookup with fewer calls left has begun."""


@dataclass(frozen=True, slots=True)
class Head:
    """The first ready job of an urgency, and the next turn of that urgency.

    `calls_left` is the number of calls that the job still needs; None if it makes no calls.
    """

    urgency: Urgency
    next_turn: int
    job_id: str
    place: int = 0
    calls_left: int | None = None

    @property
    def has_begun(self) -> bool:
        """Whether an earlier attempt of the job already made calls."""
        return self.calls_left is not None and self.calls_left < ALL_CALLS


def current_turn(next_turns: Sequence[tuple[Urgency, int]]) -> int:
    """Return the turn of the last started job of any urgency; 0 if no job was started."""
    return max((turn - urgency.stride for urgency, turn in next_turns), default=0)


def choose(heads: Sequence[Head], current: int) -> Head | None:
    """Return the head to start next; None if there are no heads.

    Jobs that have begun come first, then the urgency with the smallest turn. An urgency that had no
    jobs for a while does not get extra turns for that time.
    """
    return min(
        heads,
        key=lambda head: (not head.has_begun, max(head.next_turn, current), head.urgency),
        default=None,
    )


def turn_after(head: Head, current: int) -> int:
    """Return the next turn of the head's urgency after the head was started."""
    return max(head.next_turn, current) + head.urgency.stride


def caller_of(head: Head, heads: Sequence[Head]) -> Caller | None:
    """Return the kind of caller for the head's first call; None if the head needs no call."""
    if not head.calls_left:
        return None
    if head.has_begun:
        return Caller.STARTED
    # While an urgent job waits, delaying the job before it would delay the urgent job too.
    is_urgent = any(other.urgency.is_urgent for other in heads)
    return Caller.URGENT if is_urgent else Caller.OTHER
