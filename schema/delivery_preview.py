"""Makes previews: for all customers of a page together, at any instant, under any assumption."""

from datetime import UTC, datetime

from models.delivery_situation import ClassSituation, UnknownContact, assume
from schema.context import Info
from schema.delivery import DeliveryPreview
from schema.delivery_assumption import DeliveryAssumption
from schema.errors import ErrorCode, RequestRefused


async def preview_of(
    info: Info, customer_id: str, at: datetime | None, assuming: DeliveryAssumption | None
) -> DeliveryPreview:
    """Preview what a customer's contacts would be emailed; raises RequestRefused."""
    loaders, policy = info.context.loaders, info.context.delivery_policy
    instant = loaders.now_by(info.context.clock) if at is None else checked_instant(at, "at")
    situation = await loaders.situation.load((customer_id, instant))
    if assuming is None:
        return DeliveryPreview.of(situation, policy)
    customer_class = await _assumed_class(info, assuming)
    try:
        assumed = assume(situation, assuming.meant(customer_class))
    except UnknownContact as unknown:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, str(unknown), contactId=unknown.contact_id
        ) from None
    return DeliveryPreview.of(assumed, policy, situation)


def checked_instant(instant: datetime, argument: str) -> datetime:
    """Give an instant in UTC; refuse one without an offset, or beyond what can be written."""
    if instant.tzinfo is None:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, f"{argument} needs an offset, such as Z.")
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"{argument} lies beyond the calendar."
        ) from None


def checked_period(from_: datetime, to: datetime) -> tuple[datetime, datetime]:
    """Give a period in UTC; refuse one that ends before it begins."""
    since, until = checked_instant(from_, "from"), checked_instant(to, "to")
    if since >= until:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "from must lie before to.")
    return since, until


async def _assumed_class(info: Info, assuming: DeliveryAssumption) -> ClassSituation | None:
    if assuming.class_id is None:
        return None
    row = await info.context.loaders.customer_class.load(assuming.class_id)
    if row is None:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "There is no such class.")
    if not row.is_assignable:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "That class is retired.")
    return ClassSituation(row.id, row.name, row.code)
