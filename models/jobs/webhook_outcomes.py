"""Stores the outcomes of attempts to deliver events, several in one transaction.

Only the owner of a lane stores an outcome: a sender whose lease was over changes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from models.jobs.job import NewJob, enqueue
from models.jobs.kinds import WEBHOOK_NOTICE, webhook_notice_key
from models.jobs.webhook_lane import (
    EVENT_LEAD,
    LaneChange,
    change_lanes,
    held_lanes,
    update_deliveries,
)
from models.jobs.webhook_queue import disable, fixed_cursor, reset_health, wake_lanes
from models.rules.audit_operation import AuditOperation
from models.rules.urgency import Urgency
from models.rules.webhook_retry import (
    BREAKER_AFTER,
    AttemptError,
    WebhookPolicy,
    is_set_aside,
    rest_after,
    wait_after,
)
from models.storage.database import wake
from models.storage.row_insert import add_rows, new_row
from models.tables.access import SYSTEM
from models.tables.audit import ActorContext, record
from models.tables.event import Owner
from models.tables.webhook import (
    WEBHOOKS,
    DeliveryCause,
    DeliveryState,
    DisabledReason,
    WebhookAttempt,
    WebhookDelivery,
    WebhookEndpoint,
)

log = structlog.get_logger(__name__)

NOT_SENT = frozenset({AttemptError.EVENT_DELETED})
"""Errors that say nothing about the endpoint."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What came of an attempt; `asked` is the wait that the receiver asked for."""

    started_at: datetime
    duration: timedelta
    status: int | None = None
    error: AttemptError | None = None
    answer: str | None = None
    asked: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """A result to store. `lease` is None if the sender holds no further delivery of the lane."""

    delivery: WebhookDelivery
    owner: str
    result: AttemptResult
    lease: timedelta | None


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The time, random numbers from 0 to 1, and the policy of a deployment."""

    now: datetime
    random: Callable[[], float]
    policy: WebhookPolicy


async def store_attempts(
    attempts: Sequence[Attempt], around: Circumstances
) -> dict[str, WebhookEndpoint]:
    """Store attempts in the current transaction.

    Returns by delivery id the endpoint as it is now; none if the lane must not be sent more of, as
    it was lost or the endpoint is not active.
    """
    endpoints = await _locked_endpoints(attempts)
    if any(_may_disable(one, endpoints[one.delivery.endpoint_id], around) for one in attempts):
        await fixed_cursor()  # locked before the lanes, as by the dispatcher
    held = await held_lanes({one.delivery.lane_id for one in attempts})
    kept = [
        replace(one, delivery=copy(one.delivery))  # the transaction may be run again
        for one in attempts
        if held.get(one.delivery.lane_id) == one.owner
    ]
    changes = [await _judge(one, endpoints[one.delivery.endpoint_id], around) for one in kept]
    await add_rows([_row(one) for one in kept if one.result.error not in NOT_SENT])
    await update_deliveries([one.delivery for one in kept])
    await change_lanes(changes)
    return {
        one.delivery.id: endpoints[one.delivery.endpoint_id]
        for one in kept
        if endpoints[one.delivery.endpoint_id].is_active
    }


async def skip_missing(lane_id: str, owner: str, upto: int, now: datetime) -> None:
    """Go on with a claimed lane after a position up to which there are no deliveries."""
    await change_lanes([LaneChange(lane_id, owner, upto, now - EVENT_LEAD)])


async def find_failing(around: Circumstances) -> None:
    """Report endpoints that fail for some time, and disable those that fail for too long."""
    policy, now = around.policy, around.now
    for one in await WebhookEndpoint.filter(
        is_active=True, failing_since__lte=now - min(policy.notice_after, policy.disable_after)
    ).select_for_update(skip_locked=True, no_key=True):
        assert one.failing_since is not None  # noqa: S101  # as the filter says
        if now - one.failing_since >= policy.disable_after:
            await _disable(one, DisabledReason.FAILING, around)
        elif one.noticed_at is None:
            one.noticed_at = now
            await one.save(update_fields=["noticed_at"])
            await _notify(one, around)


async def _locked_endpoints(attempts: Sequence[Attempt]) -> dict[str, WebhookEndpoint]:
    """Return the endpoints of attempts by id; those that may change are locked."""
    ids = sorted({one.delivery.endpoint_id for one in attempts})
    rows = {one.id: one for one in await WebhookEndpoint.filter(id__in=ids)}
    failed = {one.delivery.endpoint_id for one in attempts if one.result.error is not None}
    changing = sorted(key for key, one in rows.items() if key in failed or one.failures)
    locked = WebhookEndpoint.filter(id__in=changing).order_by("id").select_for_update(no_key=True)
    return {**rows, **{one.id: one for one in await locked}} if changing else rows


def _row(attempt: Attempt) -> WebhookAttempt:
    delivery, result = attempt.delivery, attempt.result
    return new_row(
        WebhookAttempt,
        delivery_id=delivery.id,
        endpoint_id=delivery.endpoint_id,
        reseller_id=delivery.reseller_id,
        sequence=delivery.attempts,
        started_at=result.started_at,
        duration_ms=round(result.duration.total_seconds() * 1000),
        status_code=result.status,
        error=None if result.error is None else result.error.value,
        answer=result.answer,
    )


async def _judge(attempt: Attempt, endpoint: WebhookEndpoint, around: Circumstances) -> LaneChange:
    """Note an attempt on its delivery, which is not stored yet, and on its endpoint."""
    delivery, result, now = attempt.delivery, attempt.result, around.now
    if result.error not in NOT_SENT:
        delivery.attempts += 1
    if result.error is None:
        is_test = delivery.cause == DeliveryCause.PING
        await _note_success(endpoint, now, is_test=is_test)
        return _ended(attempt, DeliveryState.DELIVERED, endpoint, now)
    if result.error in NOT_SENT:
        return _ended(attempt, DeliveryState.FAILED, endpoint, now)
    delivery.failing_since = delivery.failing_since or now
    is_ping = delivery.cause == DeliveryCause.PING  # a test that failed is not repeated
    if is_ping or is_set_aside(now, delivery.failing_since, endpoint.failing_since):
        log.info("webhook_set_aside", delivery_id=delivery.id, endpoint_id=endpoint.id)
        change = _ended(replace(attempt, lease=None), DeliveryState.FAILED, endpoint, now)
    else:
        change = _postponed(attempt, around)
    await _note_failure(result, endpoint, around)
    return change


def _ended(
    attempt: Attempt, state: DeliveryState, endpoint: WebhookEndpoint, now: datetime
) -> LaneChange:
    delivery = attempt.delivery
    delivery.state, delivery.finished_at, delivery.next_attempt_at = state.value, now, None
    due_at = now - EVENT_LEAD  # a lane that was begun goes on before the events of imports
    change = LaneChange(delivery.lane_id, attempt.owner, delivery.position, due_at)
    if attempt.lease is None or not endpoint.is_active:
        return change
    return replace(change, due_at=now + attempt.lease, is_kept=True)


def _postponed(attempt: Attempt, around: Circumstances) -> LaneChange:
    delivery, asked, now = attempt.delivery, attempt.result.asked, around.now
    delivery.next_attempt_at = now + wait_after(delivery.attempts, around.random, asked)
    return LaneChange(
        delivery.lane_id,
        attempt.owner,
        delivery.position - 1,
        delivery.next_attempt_at,
        not_before=None if asked is None else now + asked,
    )


def _may_disable(attempt: Attempt, endpoint: WebhookEndpoint, around: Circumstances) -> bool:
    since = endpoint.failing_since
    is_over = since is not None and around.now - since >= around.policy.disable_after
    return attempt.result.error is AttemptError.GONE or is_over


async def _note_success(endpoint: WebhookEndpoint, now: datetime, *, is_test: bool) -> None:
    """Forget the failures of an endpoint.

    If it was resting, or its owner has tested it, what waits for another attempt is tried at once.
    """
    if not endpoint.failures and endpoint.failing_since is None:
        return
    was_resting = endpoint.failures >= BREAKER_AFTER
    await endpoint.save(update_fields=reset_health(endpoint))
    if was_resting or is_test:
        await wake_lanes(endpoint.id, now)
        await wake(WEBHOOKS)


async def _note_failure(
    result: AttemptResult, endpoint: WebhookEndpoint, around: Circumstances
) -> None:
    now = around.now
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    rest = rest_after(endpoint.failures, around.random, result.asked)
    endpoint.open_at = None if rest is None else now + rest
    await endpoint.save(update_fields=["failures", "failing_since", "open_at"])
    if not endpoint.is_active:
        return
    if result.error is AttemptError.GONE:
        await _disable(endpoint, DisabledReason.GONE, around)
    elif now - endpoint.failing_since >= around.policy.disable_after:
        await _disable(endpoint, DisabledReason.FAILING, around)


async def _disable(
    endpoint: WebhookEndpoint, reason: DisabledReason, around: Circumstances
) -> None:
    await disable(endpoint, around.now, reason)
    await record(
        ActorContext(SYSTEM, around.now, "webhooks"),
        AuditOperation.WEBHOOK_ENDPOINT_DISABLED,
        endpoint.id,
        before={"is_active": True, "disabled_reason": None},
        after={"is_active": False, "disabled_reason": reason.value},
        owner=Owner(reseller_id=endpoint.reseller_id),
    )
    log.warning("webhook_endpoint_disabled", endpoint_id=endpoint.id, reason=reason.value)
    await _notify(endpoint, around)


async def _notify(endpoint: WebhookEndpoint, around: Circumstances) -> None:
    if not around.policy.has_notices:
        return
    key = webhook_notice_key(endpoint.id, is_disabled=not endpoint.is_active, at=around.now)
    payload: Mapping[str, str] = {"endpoint_id": endpoint.id}
    job = NewJob(WEBHOOK_NOTICE, key, dict(payload), Urgency.BULK, None)
    await enqueue([job], around.now)
