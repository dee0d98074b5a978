"""Decides which job to start next, and as which kind of caller its first call counts. PURE.

The queue has one line of jobs per urgency; a *head* (`FirstJob`) is the first ready job of an
urgency. Each urgency has a virtual time, its *next turn*, which rises by the urgency's stride when
one of its jobs starts (`models/jobs/queue_turn.py`). `models/jobs/queue_claim.py` implements the
same rules in SQL for PostgreSQL; a test compares the results.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from models.rules.allowance import Caller
from models.rules.urgency import Urgency

ALL_CALLS = 4
"""The calls that a lookup usually needs; a lookup that needs fewer has begun already."""


@dataclass(frozen=True, slots=True)
class FirstJob:
    """The first ready job of an urgency, and that urgency's virtual time (`next_turn`).

    `calls_left` is the number of requests to Companies House that the job still needs; None if jobs
    of its kind make none.
    """

    urgency: Urgency
    next_turn: int
    job_id: str
    place: int = 0
    calls_left: int | None = None

    @property
    def has_begun(self) -> bool:
        """Whether an earlier attempt of the job already made some of its calls."""
        return self.calls_left is not None and self.calls_left < ALL_CALLS


def current_virtual_time(next_turns: Sequence[tuple[Urgency, int]]) -> int:
    """Return the virtual time at which the last job of any urgency was started.

    0 if none was started yet. `next_turns` has the virtual time of each urgency.
    """
    return max((turn - urgency.stride for urgency, turn in next_turns), default=0)


def next_job(heads: Sequence[FirstJob], current: int) -> FirstJob | None:
    """Return the job to start next, which is one of `heads`; None if there are none.

    If a job has already made calls, it comes first. Otherwise, or among several such jobs, the
    urgency with the smallest virtual time comes first. A virtual time before `current`, that of the
    last start, counts as `current`: an urgency that had no jobs for a while does not catch up.
    """
    return min(
        heads,
        key=lambda head: (not head.has_begun, max(head.next_turn, current), head.urgency),
        default=None,
    )


def virtual_time_after(head: FirstJob, current: int) -> int:
    """Return the new virtual time of an urgency whose first job is started."""
    return max(head.next_turn, current) + head.urgency.stride


def caller_of(head: FirstJob, heads: Sequence[FirstJob]) -> Caller | None:
    """Return as which kind of caller a job's first call counts; None if it needs no call."""
    if not head.calls_left:
        return None
    if head.has_begun:
        return Caller.STARTED
    # While an urgent job waits, delaying the job before it would delay the urgent job too.
    is_urgent = any(other.urgency.is_urgent for other in heads)
    return Caller.URGENT if is_urgent else Caller.OTHER
