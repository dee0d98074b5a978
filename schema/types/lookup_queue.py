"""GraphQL types of the queue of lookups: one lookup's position, and the whole backlog."""

from datetime import datetime

import strawberry

from models.lists.lookup_monitor import AllowanceState, LookupBacklog, QueuePosition
from models.rules.urgency import Urgency
from schema.base.descriptions import described_enum

LookupUrgencyEnum = described_enum(
    Urgency,
    "LookupUrgency",
    "The urgency of a lookup, by its origin. Lookups of all urgencies make progress at any time;"
    " the more urgent ones get a larger share of the requests to Companies House.",
    {
        "REQUESTED": "A user requested the lookup of this customer.",
        "SAVED": "A user saved the customer.",
        "BULK": "The lookup is one of many: a whole class was looked up or retired, or lookups were"
        " restarted.",
        "REFRESH": "The lookup is a regular update; nobody waits for it.",
    },
)


@strawberry.type(description="The position of a waiting lookup in the queue.")
class LookupQueuePosition:
    urgency: LookupUrgencyEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The urgency of the lookup."
    )
    ahead_count: int = strawberry.field(
        description="The number of waiting lookups of the same urgency that start before this one,"
        " at most 1,000. For a partner only its own customers count; lookups of other resellers'"
        " customers may start in between."
    )
    is_ahead_count_capped: bool = strawberry.field(
        description="Whether more lookups start before this one than the 1,000 that are counted."
    )
    estimated_at: datetime | None = strawberry.field(
        description="An estimate of when the lookup ends, in UTC, from the number of lookups that"
        " ended in the last 15 minutes. It is rounded up, by steps of ten seconds to six hours that"
        " grow with the wait, or of two minutes to one day for partners. Lookups started later by"
        " others may delay it. Null if lookups are blocked, no worker runs, or no lookup ended in"
        " the last 15 minutes."
    )

    @classmethod
    def of(cls, position: QueuePosition | None) -> "LookupQueuePosition | None":

        if position is None:
            return None
        return cls(
            urgency=position.urgency,
            ahead_count=position.ahead,
            is_ahead_count_capped=position.is_capped,
            estimated_at=position.estimated_at,
        )


@strawberry.type(description="The number of waiting lookups of one urgency.")
class LookupQueueDepth:
    urgency: LookupUrgencyEnum = strawberry.field(description="The urgency of the lookups.")  # type: ignore[valid-type]  # an enum with another name
    waiting_count: int = strawberry.field(
        description="The number of lookups of this urgency that are ready to start."
    )


@strawberry.type(
    description="The number of requests that Companies House allows the platform to send."
)
class RegisterAllowance:
    limit: int = strawberry.field(
        description="The number of requests allowed in a window; a lookup usually takes four."
    )
    window_seconds: float = strawberry.field(description="The length of the window, in seconds.")
    available_count: int = strawberry.field(
        description="The number of requests that could be sent now. While lookups wait it is close"
        " to zero, because each request is used as soon as it is allowed."
    )
    blocked_at: datetime | None = strawberry.field(
        description="When Companies House refused the platform's API key, in UTC; null if it did"
        " not."
    )
    blocked_reason: str | None = strawberry.field(
        description="The code of the refusal of the API key; null if there was none."
    )

    @classmethod
    def of(cls, state: AllowanceState) -> "RegisterAllowance":

        return cls(
            limit=state.limit,
            window_seconds=state.window.total_seconds(),
            available_count=state.calls_left,
            blocked_at=state.blocked_at,
            blocked_reason=state.blocked_reason,
        )


@strawberry.type(
    description="All lookups that have not ended. For a partner only its own customers count."
)
class EnrichmentBacklog:
    waiting_count: int = strawberry.field(
        description="The number of lookups that wait in the queue and are ready to start."
    )
    depths: list[LookupQueueDepth] = strawberry.field(
        description="The number of waiting lookups of each urgency, the most urgent first; those"
        " with none are included."
    )
    running_count: int = strawberry.field(description="The number of lookups that run now.")
    retrying_count: int = strawberry.field(
        description="The number of lookups that wait for the time of their next attempt."
    )
    oldest_requested_at: datetime | None = strawberry.field(
        description="When the oldest lookup that is ready to start was requested, in UTC; null if"
        " none waits."
    )
    recently_ended_count: int = strawberry.field(
        description="The number of lookups that ended in the last 15 minutes."
    )
    estimated_end_at: datetime | None = strawberry.field(
        description="An estimate of when all waiting lookups have ended, in UTC, made like"
        " `LookupQueuePosition.estimatedAt`. Null if none waits, lookups are blocked, no worker"
        " runs, no lookup ended in the last 15 minutes, or urgent lookups arrive faster than"
        " lookups end."
    )
    is_blocked: bool = strawberry.field(
        description="Whether all lookups are stopped because Companies House refuses the platform's"
        " API key. They continue when an operator has replaced the key or resumed them."
    )
    allowance: RegisterAllowance | None = strawberry.field(
        description="The allowance of requests that all lookups share; null for partners."
    )

    @classmethod
    def of(cls, backlog: LookupBacklog) -> "EnrichmentBacklog":

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
