"""The queries, the mutation and the subscription of imports from files."""

from collections.abc import AsyncGenerator
from typing import Annotated

import strawberry

import models
from models.changes import import_run
from models.lists.import_list import ImportOrder
from models.storage.sql import ALWAYS, Sql
from models.tables.audit import ActorContext
from models.tables.customer_import import IMPORTS
from resolvers.listing import listed_rows
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.loaders import Loaders
from schema.base.pagination import After, Before, First, Last
from schema.base.projections import read_by_id, row_query_for
from schema.base.subscriptions import wait_for
from schema.types.customer_import import (
    CancelImportInput,
    CancelImportPayload,
    ImportJob,
    ImportJobSort,
)


async def import_job(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the import.")],
) -> ImportJob | None:
    return await read_by_id(info, ImportJob, id)


async def imports(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    sort: Annotated[
        ImportJobSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default newest first."),
    ] = ImportOrder.CREATED_AT_DESC,
) -> CountedConnection[ImportJob]:
    order: ImportOrder = sort or ImportOrder.CREATED_AT_DESC
    return await listed_rows(
        info, ImportJob, order, ALWAYS, first=first, after=after, last=last, before=before
    )


async def cancel_import(info: Info, input: Input[CancelImportInput]) -> CancelImportPayload:
    async def work(act: ActorContext) -> Outcome:
        row = await import_run.cancel_import(act, input.id)
        return outcome(import_job=row)

    return await run_mutation(info, input, work, CancelImportPayload, shows=ImportJob)


async def import_progressed(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The id of the import.")],
) -> AsyncGenerator[ImportJob | None, None]:
    database, which = info.context.database, Sql("t0.id = ?", (id,))
    told: tuple[str, int] | None = None
    with database.signals.watching(IMPORTS) as woken:
        while True:
            woken.clear()
            async with info.context.event_slot():  # a caller of many delays only their own
                row = await models.CustomerImport.get_or_none(id=id)
                if row is None and told is None:
                    raise RequestRefused(
                        ErrorCode.BAD_USER_INPUT, "There is no import with this `id`."
                    )
                if row is None:
                    return
                now = (row.state.value, row.done_count)
                info.context.loaders = Loaders()
                job = await row_query_for(info, ImportJob).read_one(which) if now != told else None
            if job is not None:
                told = now
                yield job
            if row.state.has_ended:
                return
            await wait_for(woken)
