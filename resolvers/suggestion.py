"""The mutations that accept and reject suggestions."""

from collections.abc import Sequence
from typing import TypeVar

from models.changes.suggestion import MAX_RESOLVED, resolve_suggestion, resolve_suggestions
from models.tables.audit import ActorContext
from models.tables.enrichment import Suggestion as Row
from models.tables.enrichment import SuggestionStatus
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, run_mutation
from schema.base.context import Info
from schema.base.projections import read_by_ids
from schema.types.customer import Customer
from schema.types.suggestion_changes import (
    AcceptSuggestionInput,
    AcceptSuggestionPayload,
    AcceptSuggestionsInput,
    AcceptSuggestionsPayload,
    RejectSuggestionInput,
    RejectSuggestionPayload,
    RejectSuggestionsInput,
    RejectSuggestionsPayload,
)

One = TypeVar("One", AcceptSuggestionPayload, RejectSuggestionPayload)
Many = TypeVar("Many", AcceptSuggestionsPayload, RejectSuggestionsPayload)


async def accept_suggestion(
    info: Info, input: Input[AcceptSuggestionInput]
) -> AcceptSuggestionPayload:
    return await _settle(info, input, SuggestionStatus.ACCEPTED, AcceptSuggestionPayload)


async def reject_suggestion(
    info: Info, input: Input[RejectSuggestionInput]
) -> RejectSuggestionPayload:
    return await _settle(info, input, SuggestionStatus.REJECTED, RejectSuggestionPayload)


async def accept_suggestions(
    info: Info, input: Input[AcceptSuggestionsInput]
) -> AcceptSuggestionsPayload:
    return await _settle_many(info, input, SuggestionStatus.ACCEPTED, AcceptSuggestionsPayload)


async def reject_suggestions(
    info: Info, input: Input[RejectSuggestionsInput]
) -> RejectSuggestionsPayload:
    return await _settle_many(info, input, SuggestionStatus.REJECTED, RejectSuggestionsPayload)


async def _settle(
    info: Info,
    input_: AcceptSuggestionInput | RejectSuggestionInput,
    status: SuggestionStatus,
    payload: type[One],
) -> One:
    async def work(act: ActorContext) -> Outcome:
        row = await resolve_suggestion(act, status, input_.id, input_.expected_version)
        return outcome(suggestion=row, customer=row.customer_id)

    return await run_mutation(info, input_, work, payload, shows=Customer)


async def _settle_many(
    info: Info,
    input_: AcceptSuggestionsInput | RejectSuggestionsInput,
    status: SuggestionStatus,
    payload: type[Many],
) -> Many:
    expected = [(one.customer_id, one.expected_version) for one in input_.expected_versions or ()]

    async def work(act: ActorContext) -> Outcome:
        rows = await resolve_suggestions(act, status, input_.ids, expected)
        return outcome(suggestions=rows, customers=_customer_ids(rows))

    result = await run_mutation(info, input_, work, payload)
    if result.user_errors:
        known = await Row.filter(id__in=input_.ids[:MAX_RESOLVED])
        ids = _customer_ids(known)
        result.customers = await read_by_ids(info, Customer, ids, "customers")
    return result


def _customer_ids(rows: Sequence[Row]) -> list[str]:
    return sorted({row.customer_id for row in rows})
