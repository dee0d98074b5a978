"""Computes the delivery previews of all customers of a page together."""

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from typing import Any

from models.rules.delivery import DeliveryPolicy
from models.rules.delivery_situation import (
    Assumption,
    ClassSituation,
    Situation,
    UnknownContact,
    assume,
)
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.field_mapping import Selection, batched
from schema.base.instants import checked_instant
from schema.base.restricted import show
from schema.types.delivery import ContactDelivery, DeliveryPreview
from schema.types.delivery_assumption import DeliveryAssumption


async def previews(
    selection: Selection,
    customers: Sequence[Any],
    at: datetime | None = None,
    assuming: DeliveryAssumption | None = None,
) -> list[DeliveryPreview | RequestRefused]:
    """Return what the contacts of each customer would be emailed, in the order of `customers`.

    `at` is the instant; None means now. If `assuming` names a contact that a customer
    does not have, that customer's result is a RequestRefused.
    """
    info = selection.info
    loaders, policy = info.context.loaders, info.context.delivery_policy
    instant = loaders.now_by(info.context.clock) if at is None else checked_instant(at, "at")
    situations = await loaders.situation.load_many([(one.id, instant) for one in customers])
    if assuming is None:
        made: list[Any] = [DeliveryPreview.of(situation, policy) for situation in situations]
    else:
        assumption = assuming.to_assumption(await _assumed_class(info, assuming))
        made = [_assumed(situation, assumption, policy) for situation in situations]
    contacts = [one.contacts for one in made if isinstance(one, DeliveryPreview)]
    show(info, ContactDelivery, list(chain.from_iterable(contacts)))
    return made


def _assumed(
    situation: Situation, assumption: Assumption, policy: DeliveryPolicy
) -> DeliveryPreview | RequestRefused:
    try:
        return DeliveryPreview.of(assume(situation, assumption), policy, situation)
    except UnknownContact as unknown:
        return RequestRefused(ErrorCode.BAD_USER_INPUT, str(unknown), contactId=unknown.contact_id)


DELIVERY_PREVIEW = batched(previews, paths=())


async def _assumed_class(info: Info, assuming: DeliveryAssumption) -> ClassSituation | None:
    if assuming.class_id is None:
        return None
    row = await info.context.loaders.customer_class.load(assuming.class_id)
    if row is None:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "No customer class has the id in `classId`.")
    if not row.is_assignable:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, "The class in `classId` is retired; choose an active class."
        )
    return ClassSituation(row.id, row.name, row.code)
