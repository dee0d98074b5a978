"""What the root fields on enrichment do."""

from collections.abc import AsyncGenerator
from datetime import datetime
from math import ceil
from typing import Annotated

import strawberry

import models
from models.audit import Act
from models.customer_editing import locked_customer
from models.enrichment_result import CUSTOMER_ENRICHED
from models.errors import RefusalCode
from models.errors import refuse as refusal
from models.event import EVENTS, events_after, last_event_id
from models.lookup import recheck_class, request_lookup
from models.sql import Sql
from models.suggestion import accept, reject
from resolvers.perform import perform
from schema.context import Info, RegisterUnavailable
from schema.customer import Customer
from schema.enrichment import CompanyCandidate, Suggestion
from schema.enrichment_changes import (
    AcceptSuggestionInput,
    AcceptSuggestionPayload,
    RejectSuggestionInput,
    RejectSuggestionPayload,
    RequestEnrichmentInput,
    RequestEnrichmentPayload,
)
from schema.errors import ErrorCode, RequestRefused
from schema.loaders import Loaders
from schema.readers import read_by_id, reader_for
from schema.subscriptions import wait_for
from schema.user_error import UserError

LONGEST_QUERY = 160


async def company_search(
    info: Info,
    query: Annotated[
        str, strawberry.argument(description="Part of a company name, 1 to 160 characters.")
    ],
) -> list[CompanyCandidate]:
    """Offer companies by name; nothing is filled from them (R88)."""
    sought = query.strip()
    if not 0 < len(sought) <= LONGEST_QUERY:
        raise RequestRefused(
            ErrorCode.BAD_USER_INPUT, f"A query has 1 to {LONGEST_QUERY} characters."
        )
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


async def request_enrichment(
    info: Info,
    input: Annotated[RequestEnrichmentInput, strawberry.argument(description="Whom to look up.")],  # noqa: A002  # the contract's name
) -> RequestEnrichmentPayload:
    """Look up one customer, or all of a class (R23), on demand."""

    async def work(act: Act) -> RequestEnrichmentPayload:
        if (input.customer_id is None) == (input.class_id is None):
            raise refusal(RefusalCode.INVALID, "Give customerId or classId, one of them.")
        if input.class_id is not None:
            return RequestEnrichmentPayload(
                queued_lookup_count=await recheck_class(act, input.class_id)
            )
        row = await locked_customer(str(input.customer_id), None, "customerId")
        started = await request_lookup(act, row)
        return RequestEnrichmentPayload(
            customer=await _shown(info, row), queued_lookup_count=started
        )

    async def as_it_is(payload: RequestEnrichmentPayload) -> RequestEnrichmentPayload:
        return payload

    async def refuse(
        user_errors: list[UserError], current: models.Customer | None
    ) -> RequestEnrichmentPayload:
        return RequestEnrichmentPayload(
            customer=await _shown(info, current), user_errors=user_errors
        )

    return await perform(
        info,
        input,
        work,
        as_it_is,
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

    return await perform(
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

    return await perform(
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
    if since is not None and since.tzinfo is None:
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "since needs an offset, such as Z.")
    seen = await last_event_id(customer_id, CUSTOMER_ENRICHED, since)
    with info.context.database.signals.watching(EVENTS) as woken:
        while True:
            woken.clear()
            fresh = await events_after(customer_id, CUSTOMER_ENRICHED, seen)
            if fresh:
                seen = fresh[-1].id
                info.context.loaders = Loaders()
                reader = reader_for(info, Customer)
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
