"""The four urgencies of jobs, and the share of started jobs that each gets. PURE."""

from enum import IntEnum, unique


@unique
class Urgency(IntEnum):
    """The urgency of a job. A smaller number is more urgent; the numbers are stored."""

    REQUESTED = 0
    """A user requested this job and waits for it."""
    SAVED = 1
    """A user saved one customer."""
    BULK = 2
    """One of many jobs: a whole class was looked up or retired, or customers were imported."""
    REFRESH = 3
    """A timer started the job; nobody waits for it."""

    @property
    def stride(self) -> int:
        """By how much each started job increases the urgency's virtual time (`queue_turn`)."""
        return STRIDES[self]

    @property
    def weight(self) -> int:
        """The urgency's share of started jobs, relative to the other urgencies that have jobs."""
        return _COMMON_MULTIPLE // STRIDES[self]

    @property
    def is_urgent(self) -> bool:
        """Whether a user may be waiting for the job."""
        return self <= Urgency.SAVED


STRIDES = {Urgency.REQUESTED: 5, Urgency.SAVED: 5, Urgency.BULK: 10, Urgency.REFRESH: 24}
"""Strides by urgency; a smaller stride means more starts. They give weights of 24 : 24 : 12 : 5, so
that 1 of 13 started jobs is a refresh even if all urgencies have jobs.
"""

_COMMON_MULTIPLE = 120
