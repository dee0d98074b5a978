"""GraphQL types of the queue of lookups: one lookup's position, and the whole backlog."""

from datetime import datetime

import strawberry

from models.lists.lookup_monitor import AllowanceState, LookupBacklog, QueuePosition
from models.rules.urgency import Urgency
from schema.base.descriptions import described_enum

LookupUrgencyEnum = described_enum(
    Urgency,
    "LookupUrgency",
    "The urgency of a lookup, which follows from what started it. Lookups of all urgencies make"
    " progress at any time; the more urgent ones get a larger share of the requests to Companies"
    " House.",
    {
        "REQUESTED": "A user requested the lookup of one customer.",
        "SAVED": "A user saved the customer.",
        "BULK": "The lookup is one of many: a user requested lookups for a whole class, retired a"
        " class, or restarted lookups.",
        "REFRESH": "The platform updates the customer's data at regular times; no user waits for"
        " the lookup.",
    },
)


@strawberry.type(
    description="The position of a waiting lookup in the queue of lookups at Companies House."
)
class LookupQueuePosition:
    urgency: LookupUrgencyEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The urgency of the lookup."
    )
    ahead_count: int = strawberry.field(
        description="The number of waiting lookups of the same urgency that start before this one."
        " If there are more than 1,000, this is 1,000 and `isAheadCountCapped` is true. For a"
        " partner (a caller bound to a reseller), only lookups of its own customers count; those of"
        " other resellers' customers may start in between."
    )
    is_ahead_count_capped: bool = strawberry.field(
        description="Whether more than 1,000 lookups start before this one, so that `aheadCount` is"
        " too low."
    )
    estimated_at: datetime | None = strawberry.field(
        description="An estimate of when the lookup ends, in UTC, from the number of lookups that"
        " ended in the last 15 minutes. It is rounded up, by steps of ten seconds to six hours that"
        " grow with the wait, or of two minutes to one day for partners. Lookups started later by"
        " others may delay it. Null if lookups are blocked or paused, no worker runs, or no"
        " lookup ended in the last 15 minutes."
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
    description="The number of requests that Companies House allows the platform to send in a"
    " window of time."
)
class RegisterAllowance:
    limit: int = strawberry.field(
        description="The number of requests allowed in a window of `windowSeconds`; a lookup"
        " usually takes four."
    )
    window_seconds: float = strawberry.field(
        description="The length of the window of time that `limit` applies to, in seconds."
    )
    available_count: int = strawberry.field(
        description="The number of requests that the platform could send now. While lookups wait,"
        " the number is close to zero, because each request is sent as soon as it is allowed."
    )
    blocked_at: datetime | None = strawberry.field(
        description="When Companies House refused the platform's API key, in UTC; null if the key"
        " is not refused."
    )
    blocked_reason: str | None = strawberry.field(
        description="The code of the reason why Companies House refused the API key; null if the"
        " key is not refused."
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
    description="The lookups at Companies House that have not ended. For a partner (a caller bound"
    " to a reseller), only lookups of its own customers count."
)
class EnrichmentBacklog:
    waiting_count: int = strawberry.field(
        description="The number of lookups that wait in the queue and are ready to start."
    )
    depths: list[LookupQueueDepth] = strawberry.field(
        description="The number of waiting lookups of each urgency, the most urgent first;"
        " urgencies without waiting lookups are included."
    )
    running_count: int = strawberry.field(description="The number of lookups that run now.")
    retrying_count: int = strawberry.field(
        description="The number of lookups that wait for the time of their next attempt, because"
        " the last one failed."
    )
    oldest_requested_at: datetime | None = strawberry.field(
        description="When the oldest of the lookups that are ready to start was requested, in UTC;"
        " null if none waits."
    )
    recently_ended_count: int = strawberry.field(
        description="The number of lookups that ended in the last 15 minutes."
    )
    estimated_end_at: datetime | None = strawberry.field(
        description="An estimate of when all waiting lookups have ended, in UTC, made like"
        " `LookupQueuePosition.estimatedAt`. Null if none waits, lookups are blocked or paused, no"
        " worker runs, no lookup ended in the last 15 minutes, or urgent lookups arrive faster than"
        " lookups end."
    )
    is_blocked: bool = strawberry.field(
        description="Whether all lookups are stopped because Companies House refuses the platform's"
        " API key. The lookups continue when an operator of the platform has replaced the key or"
        " resumed them."
    )
    is_paused: bool = strawberry.field(
        description="Whether an operator of the platform has paused all lookups. They wait, and"
        " continue when the operator resumes them."
    )
    allowance: RegisterAllowance | None = strawberry.field(
        description="The number of requests that Companies House allows for all lookups together;"
        " null for partners (callers bound to a reseller)."
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
            is_paused=backlog.is_paused,
            allowance=None if allowance is None else RegisterAllowance.of(allowance),
        )
