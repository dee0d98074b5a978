"""The field `auditTrail` of an object: the changes made to it."""

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import strawberry

from models.lists.audit_list import AuditOrder, count_trails, key_of, parse, trail_pages
from schema.base.connection import PagesPerKey
from schema.base.context import Info
from schema.base.field_mapping import Selection, batched, prefetched
from schema.base.pagination import (
    CONNECTION,
    COUNTS,
    ROWS,
    After,
    Before,
    First,
    Last,
    page_arguments,
)
from schema.base.permissions import Requires
from schema.types.audit_connection import AuditEntryConnection, AuditSort


def audit_trail(
    requires: Requires | None = None, *, description: str, is_for_partners: bool = True
) -> Any:
    """Declare the audit trail of an object; partners get an empty one unless `is_for_partners`."""
    load = partial(_trails, is_for_partners)
    return strawberry.field(
        resolver=_prefetched,
        description=description,
        extensions=[] if requires is None else [requires],
        metadata=batched(load, paths=CONNECTION, extra=("subject_id",), places=("at",)),
    )


def _prefetched(  # the arguments of lists
    root: strawberry.Parent[Any],
    info: Info,
    first: First = None,  # noqa: ARG001  # for the schema
    after: After = None,  # noqa: ARG001  # see above
    last: Last = None,  # noqa: ARG001  # see above
    before: Before = None,  # noqa: ARG001  # see above
    sort: Annotated[  # noqa: ARG001  # see above
        AuditSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default newest first."),
    ] = AuditOrder.AT_DESC,
) -> AuditEntryConnection:
    return prefetched(root, info)  # type: ignore[no-any-return]  # prefetched() returns Any


async def _trails(
    is_for_partners: bool,
    selection: Selection,
    objects: Sequence[Any],
    sort: AuditOrder | None = None,
    **page: Any,
) -> list[AuditEntryConnection]:
    """Return a page of audit entries for each object; one statement reads all pages."""
    order = sort or AuditOrder.AT_DESC
    arguments = page_arguments(f"object-audit-{order.name}", (str, str), parse=parse, **page)
    principal = selection.info.context.principal
    is_hidden = not is_for_partners and principal is not None and principal.reseller_id is not None
    ids = [] if is_hidden else list(dict.fromkeys(one.id for one in objects))
    pages = PagesPerKey((one.id for one in objects), lambda entry: entry.subject_id, arguments)
    if ids and selection.fields & ROWS:
        await trail_pages(
            selection.reader,
            ids,
            arguments.size + 1,
            order=order,
            beyond=arguments.beyond,
            is_backward=arguments.is_backward,
            keep=pages.keep,
        )
    counts = dict.fromkeys((one.id for one in objects), 0)
    if ids and selection.fields & COUNTS:
        counts |= await count_trails(ids)
    return [
        AuditEntryConnection(
            nodes=pages.of(one.id),
            key_of=lambda entry: key_of(entry.at, entry.id),
            arguments=arguments,
            has_more=one.id in pages.with_more,
            counted=counts[one.id],
        )
        for one in objects
    ]
