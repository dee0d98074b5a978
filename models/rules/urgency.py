"""The four urgencies of a job, and the shares of the work that each of them gets. PURE."""

from enum import IntEnum, unique


@unique
class Urgency(IntEnum):
    """Who waits for a job. A smaller number is more urgent; the numbers are stored."""

    REQUESTED = 0
    """A user asked for this one and waits for it."""
    SAVED = 1
    """A single save gave rise to it."""
    BULK = 2
    """One of many: a request for a whole class, a retirement, an import."""
    REFRESH = 3
    """A timer asked for it; nobody waits."""

    @property
    def stride(self) -> int:
        """How far one start moves the urgency's turn; the one with the smallest turn is next."""
        return STRIDES[self]

    @property
    def weight(self) -> int:
        """The urgency's share, relative to the weights of the others that have work."""
        return _COMMON_MULTIPLE // STRIDES[self]

    @property
    def is_urgent(self) -> bool:
        """Whether a person waits for the job."""
        return self <= Urgency.SAVED


STRIDES = {Urgency.REQUESTED: 5, Urgency.SAVED: 5, Urgency.BULK: 10, Urgency.REFRESH: 24}
"""Weights 24 : 24 : 12 : 5, so a refresh gets 1 start in 13 even when all others have work."""

_COMMON_MULTIPLE = 120
