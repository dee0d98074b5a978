"""What the root fields on the audit trail do."""

from datetime import datetime
from typing import Annotated, Any

import strawberry

from models.changes.audit_erasure import erase_names
from models.lists.audit_list import AuditFilter as Wanted
from models.lists.audit_list import count, page, parse
from models.tables.audit import AUDIT, ActorContext
from models.tables.numbering import number_before_reading
from resolvers.run_mutation import run_mutation
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.instants import checked_instant
from schema.base.pagination import (
    COUNTS,
    ROWS,
    After,
    Before,
    First,
    Last,
    page_arguments,
)
from schema.base.personal import refuse_masked
from schema.base.projections import page_query
from schema.base.user_error import UserError
from schema.types.audit import AuditEntry
from schema.types.audit_changes import EraseActorNamesInput, EraseActorNamesPayload
from schema.types.audit_connection import AUDIT_LIST, AuditEntryConnection, AuditFilter

MAX_OPERATIONS = 50


async def audit_trail(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[  # noqa: A002  # the contract's name
        AuditFilter | None, strawberry.argument(description="Which entries.")
    ] = None,
) -> AuditEntryConnection:
    """List what was done, in the order of commits, newest first (R96)."""
    arguments = page_arguments(
        AUDIT_LIST, (str, str), first=first, after=after, last=last, before=before
    )
    wanted = Wanted() if filter is None else _wanted(info, filter)
    try:
        beyond = None if arguments.beyond is None else parse(arguments.beyond)
    except ValueError:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "That cursor is not one of ours.") from None
    reader, selected = page_query(info, AuditEntry, "at")
    nodes: list[AuditEntry] = []
    has_more = False
    await number_before_reading(info.context.database, AUDIT)
    if selected & ROWS:
        nodes, has_more = await page(
            reader, wanted, arguments.size, beyond=beyond, is_backward=arguments.is_backward
        )
    return AuditEntryConnection(
        nodes=nodes,
        arguments=arguments,
        has_more=has_more,
        counted=await count(wanted) if selected & COUNTS else None,
    )


async def erase_actor_names(
    info: Info,
    input: Annotated[EraseActorNamesInput, strawberry.argument(description="Whose.")],  # noqa: A002  # the contract's name
) -> EraseActorNamesPayload:
    """Take a user's or a credential's name out of all entries."""

    async def work(act: ActorContext) -> int:
        return await erase_names(act, input.actor_id, input.reason)

    async def succeed(counted: int) -> EraseActorNamesPayload:
        return EraseActorNamesPayload(erased_entry_count=counted)

    async def refuse(
        user_errors: list[UserError],
        current: Any,  # noqa: ARG001  # entries have no version
    ) -> EraseActorNamesPayload:
        return EraseActorNamesPayload(user_errors=user_errors)

    return await run_mutation(info, input, work, succeed, refuse)


def _wanted(info: Info, given: AuditFilter) -> Wanted:
    if given.reason is not None:
        refuse_masked(info)
    if len(given.operations or ()) > MAX_OPERATIONS:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, f"{MAX_OPERATIONS} operations at most.")
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
