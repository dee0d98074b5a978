"""The queries, mutations and the subscription of enrichment."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime
from math import ceil
from typing import Annotated, TypeVar

import strawberry

import models
from models.changes.bulk_lookup import (
    FAILED_ONLY,
    RestartFilter,
    count_live_lookups,
    recheck_class,
    restart_lookups,
)
from models.changes.customer_editing import locked_customer
from models.changes.enrichment_result import CUSTOMER_ENRICHED
from models.changes.lookup import request_lookup
from models.changes.suggestion import accept, reject
from models.jobs.event import EVENTS, events_after, last_event_id
from models.rules.errors import RefusalCode, refuse
from models.storage.sql import Sql
from models.tables.audit import ActorContext
from resolvers.run_mutation import Input, run_mutation
from schema.base.context import Info, RegisterUnavailable
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.instants import checked_instant
from schema.base.loaders import Loaders
from schema.base.projections import read_by_id, row_query_for
from schema.base.subscriptions import wait_for
from schema.types.customer import Customer
from schema.types.enrichment import CompanyCandidate, Suggestion
from schema.types.enrichment_changes import (
    AcceptSuggestionInput,
    AcceptSuggestionPayload,
    RejectSuggestionInput,
    RejectSuggestionPayload,
    RequestEnrichmentInput,
    RequestEnrichmentPayload,
    RestartEnrichmentsFilter,
    RestartEnrichmentsInput,
    RestartEnrichmentsPayload,
)
from schema.types.lookup_queue import EnrichmentBacklog

Settled = TypeVar("Settled", AcceptSuggestionPayload, RejectSuggestionPayload)

MAX_QUERY = 160


async def company_search(
    info: Info,
    query: Annotated[
        str, strawberry.argument(description="Part of a company name; 1 to 160 characters.")
    ],
) -> list[CompanyCandidate]:
    sought = query.strip()
    if not 0 < len(sought) <= MAX_QUERY:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"`query` must have 1 to {MAX_QUERY} characters."
        )
    try:
        async with info.context.turn_of_search():
            found = await info.context.search_companies(sought)
    except RegisterUnavailable as unavailable:
        raise RequestRefused(
            ErrorCode.COMPANIES_HOUSE_UNAVAILABLE,
            "Companies House cannot be reached at the moment. Try again later.",
            retryAfterSeconds=None if unavailable.wait is None else ceil(unavailable.wait),
        ) from unavailable
    return [
        CompanyCandidate(
            company_number=candidate.company_number,
            name=candidate.title,
            company_status=candidate.status,
            company_type=candidate.type,
            incorporated_on=candidate.incorporated_on,
            address=candidate.address_snippet,
        )
        for candidate in found
    ]


async def enrichment_backlog(info: Info) -> EnrichmentBacklog:
    return EnrichmentBacklog.of(await info.context.lookups.backlog())


async def request_enrichment(
    info: Info, input: Input[RequestEnrichmentInput]
) -> RequestEnrichmentPayload:
    class_id = None if input.class_id is None else str(input.class_id)

    async def work(act: ActorContext) -> RequestEnrichmentPayload:
        if (input.customer_id is None) == (class_id is None):
            raise refuse(RefusalCode.INVALID, "Set either `customerId` or `classId`.")
        if class_id is not None:
            cooldown = info.context.bulk_lookup_cooldown
            started, has_more = await recheck_class(act, class_id, cooldown)
            return RequestEnrichmentPayload(
                queued_lookup_count=started,
                live_lookup_count=await count_live_lookups(class_id),
                has_more=has_more,
            )
        row = await locked_customer(str(input.customer_id), None, "customerId")
        started = await request_lookup(act, row)
        return RequestEnrichmentPayload(
            customer=await read_by_id(info, Customer, row.id, "customer"),
            queued_lookup_count=started,
        )

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

    async def work(act: ActorContext) -> RestartEnrichmentsPayload:
        cooldown = info.context.bulk_lookup_cooldown
        restarted, has_more = await restart_lookups(act, restarting, cooldown)
        return RestartEnrichmentsPayload(restarted_lookup_count=restarted, has_more=has_more)

    return await run_mutation(info, input, work, RestartEnrichmentsPayload)


async def accept_suggestion(
    info: Info, input: Input[AcceptSuggestionInput]
) -> AcceptSuggestionPayload:
    return await _settle(info, input, accept, AcceptSuggestionPayload)


async def reject_suggestion(
    info: Info, input: Input[RejectSuggestionInput]
) -> RejectSuggestionPayload:
    return await _settle(info, input, reject, RejectSuggestionPayload)


async def customer_enriched(
    info: Info,
    customer_id: Annotated[
        strawberry.ID, strawberry.argument(description="The id of the customer to follow.")
    ],
    since: Annotated[
        datetime | None,
        strawberry.argument(
            description="Also deliver lookups that ended at this time or later, before you"
            " subscribed; a time with its offset from UTC, such as the `requestedAt` of a lookup"
            " that you started. By default only lookups that end from now on are delivered."
        ),
    ] = None,
) -> AsyncGenerator[Customer, None]:
    row = await models.Customer.get_or_none(id=customer_id, erased_at__isnull=True)
    if row is None:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, "There is no customer with this `customerId`."
        )
    if since is not None:
        since = checked_instant(since, "since")
    seen = await last_event_id(customer_id, CUSTOMER_ENRICHED, since)
    with info.context.database.signals.watching(EVENTS) as woken:
        while True:
            woken.clear()
            fresh = await events_after(customer_id, CUSTOMER_ENRICHED, seen)
            if fresh:
                seen = fresh[-1].id
                info.context.loaders = Loaders()
                row_query = row_query_for(info, Customer)
                async with info.context.turn_of_event():
                    current = await row_query.read_one(
                        Sql("t0.id = ? AND t0.erased_at IS NULL", (customer_id,))
                    )
                if current is None:
                    return
                yield current
            await wait_for(woken)


async def _settle(
    info: Info,
    input_: AcceptSuggestionInput | RejectSuggestionInput,
    decide: Callable[..., Awaitable[tuple[models.Suggestion, models.Customer]]],
    payload: type[Settled],
) -> Settled:
    """Run a mutation that accepts or rejects a suggestion.

    `decide` changes the suggestion; the returned payload has the suggestion and the customer.
    """

    async def work(act: ActorContext) -> Settled:
        suggestion, customer = await decide(act, input_.id, input_.expected_version)
        return payload(
            suggestion=await read_by_id(info, Suggestion, suggestion.id, "suggestion"),
            customer=await read_by_id(info, Customer, customer.id, "customer"),
        )

    return await run_mutation(info, input_, work, payload, shows=Customer)
