"""What the root fields on enrichment do."""

from collections.abc import AsyncGenerator
from datetime import datetime
from math import ceil
from typing import Annotated

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
from models.rules.errors import RefusalCode
from models.rules.errors import refuse as refusal
from models.storage.sql import Sql
from models.tables.audit import ActorContext
from resolvers.run_mutation import run_mutation
from schema.base.context import Info, RegisterUnavailable
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.instants import checked_instant
from schema.base.loaders import Loaders
from schema.base.projections import read_by_id, row_query_for
from schema.base.subscriptions import wait_for
from schema.base.user_error import UserError
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

MAX_QUERY = 160


async def company_search(
    info: Info,
    query: Annotated[
        str, strawberry.argument(description="Part of a company name, 1 to 160 characters.")
    ],
) -> list[CompanyCandidate]:
    """Offer companies by name; nothing is filled from them (R88)."""
    sought = query.strip()
    if not 0 < len(sought) <= MAX_QUERY:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, f"A query has 1 to {MAX_QUERY} characters.")
    try:
        async with info.context.turn_of_search():
            found = await info.context.search_companies(sought)
    except RegisterUnavailable as unavailable:
        raise RequestRefused(
            ErrorCode.COMPANIES_HOUSE_UNAVAILABLE,
            "Companies House can't be asked now; try again later.",
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
    """Tell how many lookups have not ended, and how fast they do."""
    return EnrichmentBacklog.of(await info.context.lookups.backlog())


async def request_enrichment(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        RequestEnrichmentInput, strawberry.argument(description="Which customers to look up.")
    ],
) -> RequestEnrichmentPayload:
    """Look up one customer, or all of a class (R23), on demand."""
    class_id = None if input.class_id is None else str(input.class_id)

    async def work(act: ActorContext) -> RequestEnrichmentPayload:
        if (input.customer_id is None) == (class_id is None):
            raise refusal(RefusalCode.INVALID, "Set either `customerId` or `classId`.")
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
            customer=await _shown(info, row), queued_lookup_count=started
        )

    async def as_it_is(payload: RequestEnrichmentPayload) -> RequestEnrichmentPayload:
        return payload

    async def refuse(user_errors: list[UserError], _: object) -> RequestEnrichmentPayload:
        return RequestEnrichmentPayload(
            live_lookup_count=None if class_id is None else await count_live_lookups(class_id),
            user_errors=user_errors,
        )

    return await run_mutation(info, input, work, as_it_is, refuse)


async def restart_enrichments(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        RestartEnrichmentsInput, strawberry.argument(description="Which lookups to restart.")
    ],
) -> RestartEnrichmentsPayload:
    """Restart lookups that ended badly."""
    wanted = input.filter or RestartEnrichmentsFilter()
    restarting = RestartFilter(
        FAILED_ONLY if wanted.statuses is None else wanted.statuses,
        wanted.reasons,
        wanted.class_id,
        wanted.parent_id,
        wanted.finished_from_at,
        wanted.finished_until_at,
    )

    async def succeed(restarted: tuple[int, bool]) -> RestartEnrichmentsPayload:
        count, has_more = restarted
        return RestartEnrichmentsPayload(restarted_lookup_count=count, has_more=has_more)

    async def refuse(user_errors: list[UserError], _: object) -> RestartEnrichmentsPayload:
        return RestartEnrichmentsPayload(user_errors=user_errors)

    return await run_mutation(
        info,
        input,
        lambda act: restart_lookups(act, restarting, info.context.bulk_lookup_cooldown),
        succeed,
        refuse,
    )


async def accept_suggestion(
    info: Info,
    input: Annotated[AcceptSuggestionInput, strawberry.argument(description="What to accept.")],  # noqa: A002  # the contract's name
) -> AcceptSuggestionPayload:
    """Take the register's value (R86)."""

    async def succeed(
        settled: tuple[models.Suggestion, models.Customer],
    ) -> AcceptSuggestionPayload:
        return AcceptSuggestionPayload(
            suggestion=await read_by_id(info, Suggestion, settled[0].id, "suggestion"),
            customer=await _shown(info, settled[1]),
        )

    async def refuse(
        user_errors: list[UserError], current: models.Customer | None
    ) -> AcceptSuggestionPayload:
        return AcceptSuggestionPayload(
            customer=await _shown(info, current), user_errors=user_errors
        )

    return await run_mutation(
        info,
        input,
        lambda act: accept(act, input.id, input.expected_version),
        succeed,
        refuse,
    )


async def reject_suggestion(
    info: Info,
    input: Annotated[RejectSuggestionInput, strawberry.argument(description="What to reject.")],  # noqa: A002  # the contract's name
) -> RejectSuggestionPayload:
    """Keep the user's value (R86)."""

    async def succeed(
        settled: tuple[models.Suggestion, models.Customer],
    ) -> RejectSuggestionPayload:
        return RejectSuggestionPayload(
            suggestion=await read_by_id(info, Suggestion, settled[0].id, "suggestion"),
            customer=await _shown(info, settled[1]),
        )

    async def refuse(
        user_errors: list[UserError], current: models.Customer | None
    ) -> RejectSuggestionPayload:
        return RejectSuggestionPayload(
            customer=await _shown(info, current), user_errors=user_errors
        )

    return await run_mutation(
        info,
        input,
        lambda act: reject(act, input.id, input.expected_version),
        succeed,
        refuse,
    )


async def customer_enriched(
    info: Info,
    customer_id: Annotated[strawberry.ID, strawberry.argument(description="Whom to follow.")],
    since: Annotated[
        datetime | None,
        strawberry.argument(
            description="Also deliver what ended from then on, such as the requestedAt of a save"
            " made before subscribing; by default only what ends from now on."
        ),
    ] = None,
) -> AsyncGenerator[Customer, None]:
    """Deliver the customer each time a lookup of it ends, however it ends (R100)."""
    row = await models.Customer.get_or_none(id=customer_id, erased_at__isnull=True)
    if row is None:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "There is no such customer.")
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
                reader = row_query_for(info, Customer)
                async with info.context.turn_of_event():
                    current = await reader.read_one(
                        Sql("t0.id = ? AND t0.erased_at IS NULL", (customer_id,))
                    )
                if current is None:
                    return
                yield current
            await wait_for(woken)


async def _shown(info: Info, row: models.Customer | None) -> Customer | None:
    return None if row is None else await read_by_id(info, Customer, row.id, "customer")
