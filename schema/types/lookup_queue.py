"""The queue of lookups as clients see it: a customer's position, and the backlog as a whole."""

from datetime import datetime

import strawberry

from models.lists.lookup_monitor import AllowanceState, LookupBacklog, QueuePosition
from models.rules.urgency import Urgency
from schema.base.descriptions import described_enum

LookupUrgencyEnum = described_enum(
    Urgency,
    "LookupUrgency",
    "Who waits for a lookup. All urgencies make progress at any time; the more urgent ones get a"
    " larger share of the requests to Companies House.",
    {
        "REQUESTED": "A user requested the lookup of this customer.",
        "SAVED": "The customer was saved.",
        "BULK": "One of many: a class was looked up, a class was retired, failed lookups were"
        " restarted.",
        "REFRESH": "A regular update.",
    },
)


@strawberry.type(description="Where a lookup waits for its turn.")
class LookupQueuePosition:
    """A position."""

    urgency: LookupUrgencyEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The urgency of the lookup."
    )
    ahead_count: int = strawberry.field(
        description="The lookups of the same urgency that wait and start before this one, at most"
        " 1,000. A partner is told only of its own customers: the resellers take turns, so lookups"
        " of others may start in between."
    )
    is_ahead_count_capped: bool = strawberry.field(
        description="Whether more than 1,000 lookups are ahead."
    )
    estimated_at: datetime | None = strawberry.field(
        description="About when the lookup will have ended, in UTC, as no more than an estimate. It"
        " follows from the speed of the last 15 minutes and is rounded up, to between ten seconds"
        " and six hours by the length of the wait, for partners to between two minutes and a day."
        " Lookups that others start later may delay it. Null if lookups are blocked, no worker"
        " is alive, or none has ended in the last 15 minutes."
    )

    @classmethod
    def of(cls, position: QueuePosition | None) -> "LookupQueuePosition | None":
        """Show a position, if there is one."""
        if position is None:
            return None
        return cls(
            urgency=position.urgency,
            ahead_count=position.ahead,
            is_ahead_count_capped=position.is_capped,
            estimated_at=position.estimated_at,
        )


@strawberry.type(description="How many lookups of one urgency wait for their turn.")
class LookupQueueDepth:
    """A depth."""

    urgency: LookupUrgencyEnum = strawberry.field(description="The urgency.")  # type: ignore[valid-type]  # an enum with another name
    waiting_count: int = strawberry.field(description="The lookups that are ready to start.")


@strawberry.type(description="Our allowance of requests to Companies House.")
class RegisterAllowance:
    """An allowance."""

    limit: int = strawberry.field(
        description="The requests allowed in a window; a lookup takes four as a rule."
    )
    window_seconds: float = strawberry.field(description="The length of the window in seconds.")
    available_count: int = strawberry.field(
        description="The requests that could be sent at this moment. While lookups wait this is"
        " close to zero, since each request is used as soon as it is allowed."
    )
    blocked_at: datetime | None = strawberry.field(
        description="When Companies House refused our API key, in UTC; null if it did not."
    )
    blocked_reason: str | None = strawberry.field(
        description="The code of that refusal; null if there was none."
    )

    @classmethod
    def of(cls, state: AllowanceState) -> "RegisterAllowance":
        """Show an allowance."""
        return cls(
            limit=state.limit,
            window_seconds=state.window.total_seconds(),
            available_count=state.calls_left,
            blocked_at=state.blocked_at,
            blocked_reason=state.blocked_reason,
        )


@strawberry.type(
    description="The lookups that have not ended. A partner is told only of those of its own"
    " customers."
)
class EnrichmentBacklog:
    """A backlog."""

    waiting_count: int = strawberry.field(
        description="The lookups that are ready to start and wait for their turn."
    )
    depths: list[LookupQueueDepth] = strawberry.field(
        description="The same by urgency, the most urgent first; those without any are included."
    )
    running_count: int = strawberry.field(description="The lookups that run.")
    retrying_count: int = strawberry.field(
        description="The lookups that wait for the time of their next attempt."
    )
    oldest_requested_at: datetime | None = strawberry.field(
        description="When the oldest lookup that waits for its turn was requested, in UTC; null if"
        " none does."
    )
    recently_ended_count: int = strawberry.field(
        description="The lookups that ended in the last 15 minutes: the speed that was reached."
    )
    estimated_end_at: datetime | None = strawberry.field(
        description="About when all lookups that wait will have ended, in UTC, estimated as"
        " `LookupQueuePosition.estimatedAt` is. Null if none waits, lookups are blocked, no worker"
        " is alive, none has ended in the last 15 minutes, or urgent ones arrive faster than"
        " lookups end."
    )
    is_blocked: bool = strawberry.field(
        description="Whether all lookups are stopped, because Companies House refuses our API key."
        " They go on once an operator has replaced the key or resumed them."
    )
    allowance: RegisterAllowance | None = strawberry.field(
        description="The allowance that all lookups share; null for partners."
    )

    @classmethod
    def of(cls, backlog: LookupBacklog) -> "EnrichmentBacklog":
        """Show a backlog."""
        counts, allowance = backlog.counts, backlog.allowance
        return cls(
            waiting_count=sum(counts.waiting.values()),
            depths=[
                LookupQueueDepth(urgency=one, waiting_count=counts.waiting.get(one, 0))
                for one in Urgency
            ],
            running_count=counts.running,
            retrying_count=counts.retrying,
            oldest_requested_at=counts.oldest_at,
            recently_ended_count=counts.ended,
            estimated_end_at=backlog.estimated_end_at,
            is_blocked=backlog.is_blocked,
            allowance=None if allowance is None else RegisterAllowance.of(allowance),
        )
