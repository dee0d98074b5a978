"""The queries and mutations of lookups at Companies House."""

import strawberry

from models.changes.bulk_lookup import (
    FAILED_ONLY,
    RestartFilter,
    count_live_lookups,
    recheck_class,
    restart_lookups,
)
from models.changes.customer_editing import locked_customer
from models.changes.lookup import OF_CUSTOMER, request_lookup
from models.tables.audit import ActorContext
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, run_mutation
from schema.base.context import Info
from schema.types.enrichment_changes import (
    RequestEnrichmentInput,
    RequestEnrichmentPayload,
    RestartEnrichmentsFilter,
    RestartEnrichmentsInput,
    RestartEnrichmentsPayload,
)
from schema.types.lookup_queue import EnrichmentBacklog


async def enrichment_backlog(info: Info) -> EnrichmentBacklog:
    return EnrichmentBacklog.of(await info.context.lookups.backlog())


async def request_enrichment(
    info: Info, input: Input[RequestEnrichmentInput]
) -> RequestEnrichmentPayload:
    target = input.target
    class_id = None if target.class_id is strawberry.UNSET else str(target.class_id)

    async def work(act: ActorContext) -> Outcome:
        if class_id is not None:
            cooldown = info.context.bulk_lookup_cooldown
            started, has_more = await recheck_class(act, class_id, cooldown)
            return outcome(
                queued_lookup_count=started,
                live_lookup_count=await count_live_lookups(class_id),
                has_more=has_more,
            )
        row = await locked_customer(str(target.customer_id), None, *OF_CUSTOMER)
        started = await request_lookup(act, row)
        return outcome(customer=row, queued_lookup_count=started)

    payload = await run_mutation(info, input, work, RequestEnrichmentPayload)
    if payload.user_errors and class_id is not None:
        payload.live_lookup_count = await count_live_lookups(class_id)
    return payload


async def restart_enrichments(
    info: Info, input: Input[RestartEnrichmentsInput]
) -> RestartEnrichmentsPayload:
    wanted = input.filter or RestartEnrichmentsFilter()
    restarting = RestartFilter(
        FAILED_ONLY if wanted.statuses is None else wanted.statuses,
        wanted.reasons,
        wanted.class_id,
        wanted.parent_id,
        wanted.finished_from_at,
        wanted.finished_until_at,
    )

    async def work(act: ActorContext) -> Outcome:
        cooldown = info.context.bulk_lookup_cooldown
        restarted, has_more = await restart_lookups(act, restarting, cooldown)
        return outcome(restarted_lookup_count=restarted, has_more=has_more)

    return await run_mutation(info, input, work, RestartEnrichmentsPayload)
