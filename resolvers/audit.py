"""The queries and mutations of the audit trail."""

from datetime import datetime
from typing import Annotated

import strawberry

from models.changes.audit_erasure import erase_names
from models.lists.audit_list import AuditFilter as Wanted
from models.lists.audit_list import AuditOrder, count, key_of, page, parse
from models.tables.audit import AUDIT, ActorContext
from models.tables.numbering import number_before_reading
from resolvers.listing import listed
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, run_mutation
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.instants import checked_instant
from schema.base.pagination import After, Before, First, Last, page_arguments
from schema.base.personal import refuse_masked
from schema.types.audit import AuditEntry
from schema.types.audit_changes import EraseActorNamesInput, EraseActorNamesPayload
from schema.types.audit_connection import AuditEntryConnection, AuditFilter, AuditSort

MAX_OPERATIONS = 50


async def audit_trail(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        AuditFilter | None,
        strawberry.argument(
            description="Conditions on the audit entries to list. Null lists all entries."
        ),
    ] = None,
    sort: Annotated[
        AuditSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default newest first."),
    ] = AuditOrder.AT_DESC,
) -> AuditEntryConnection:
    order: AuditOrder = sort or AuditOrder.AT_DESC
    arguments = page_arguments(
        f"audit-trail-{order.name}",
        (str, str),
        parse=parse,
        first=first,
        after=after,
        last=last,
        before=before,
    )
    wanted = Wanted() if filter is None else _wanted(info, filter)
    await number_before_reading(info.context.database, AUDIT)
    return await listed(
        info,
        AuditEntryConnection,
        AuditEntry,
        arguments,
        lambda row_query: page(
            row_query,
            wanted,
            arguments.size,
            order=order,
            beyond=arguments.beyond,
            is_backward=arguments.is_backward,
        ),
        lambda: count(wanted),
        key_columns=("at",),
        key_of=lambda node: key_of(node.at, node.id),
    )


async def erase_actor_names(
    info: Info, input: Input[EraseActorNamesInput]
) -> EraseActorNamesPayload:
    async def work(act: ActorContext) -> Outcome:
        erased = await erase_names(act, input.actor_id, input.reason)
        return outcome(erased_entry_count=erased)

    return await run_mutation(info, input, work, EraseActorNamesPayload)


def _wanted(info: Info, given: AuditFilter) -> Wanted:
    if given.reason is not None:
        refuse_masked(info)
    if len(given.operations or ()) > MAX_OPERATIONS:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"`operations` may have at most {MAX_OPERATIONS} values."
        )
    return Wanted(
        request_id=given.request_id,
        subject_id=given.subject_id,
        reason=given.reason,
        user_id=given.user_id,
        actor_id=given.actor_id,
        customer_id=given.customer_id,
        operations=given.operations,
        subject_kind=None if given.subject_type is None else given.subject_type.value,
        since=_instant(given.from_at, "fromAt"),
        until=_instant(given.until_at, "untilAt"),
        is_override=given.is_override,
    )


def _instant(instant: datetime | None, name: str) -> datetime | None:
    return None if instant is None else checked_instant(instant, name)
