"""What the root fields on consent do."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import strawberry

import models
from models.changes.consent_recording import Recorded, correct, record
from models.changes.preference_withdrawal import withdraw_all
from models.lists.consent_evidence import verify
from models.lists.consent_list import count_advisories
from models.rules.consent import EntryKind
from models.storage.row_counter import count
from models.tables.access import Scope
from models.tables.audit import ActorContext
from resolvers.run_mutation import run_mutation
from schema.base.context import Info
from schema.base.permissions import require
from schema.base.projections import read_by_id
from schema.base.selections import selects
from schema.base.user_error import UserError
from schema.types.advisory import ConsentAdvisoryCount
from schema.types.consent import ConsentEntry
from schema.types.consent_changes import (
    ASKED,
    CORRECTED,
    GRANT,
    AskedFields,
    CorrectConsentInput,
    CorrectConsentPayload,
    LedgerPayload,
    RecordConsentInput,
    RecordConsentPayload,
    RequestNonItemisedBillsInput,
    RequestNonItemisedBillsPayload,
    WithdrawConsentInput,
    WithdrawConsentPayload,
    WithdrawNonItemisedBillsRequestInput,
    WithdrawNonItemisedBillsRequestPayload,
    values_of,
)
from schema.types.consent_evidence import ConsentEvidence, LedgerVerification, evidence_of
from schema.types.customer import Customer

Payload = TypeVar("Payload", bound=LedgerPayload)


CONSENT_WITHDRAWN = "Account consent was withdrawn"
"""Why preferences were withdrawn with it; the customer's own words could name a person."""


async def record_consent(
    info: Info,
    input: Annotated[RecordConsentInput, strawberry.argument(description="What was given.")],  # noqa: A002  # the contract's name
) -> RecordConsentPayload:
    """Record that consent was given (R50 to R53)."""
    return await _perform(info, input, RecordConsentPayload, _record(EntryKind.GRANT, input, GRANT))


async def withdraw_consent(
    info: Info,
    input: Annotated[WithdrawConsentInput, strawberry.argument(description="Whose.")],  # noqa: A002  # the contract's name
) -> WithdrawConsentPayload:
    """Record that consent was withdrawn (R54), and preferences with it if asked to (R66)."""
    if input.revoke_preferences:
        require(info, Scope.CONTACTS_WRITE)
    withdraw = _record(EntryKind.WITHDRAWAL, input, (*ASKED, "revoke_preferences"))

    async def work(act: ActorContext) -> Recorded:
        recorded = await withdraw(act)
        if input.revoke_preferences and not recorded.is_repeat:
            await withdraw_all(act, recorded.customer.id, CONSENT_WITHDRAWN)
        return recorded

    return await _perform(info, input, WithdrawConsentPayload, work)


async def request_non_itemised_bills(
    info: Info,
    input: Annotated[RequestNonItemisedBillsInput, strawberry.argument(description="Whose.")],  # noqa: A002  # the contract's name
) -> RequestNonItemisedBillsPayload:
    """Record a request for bills without itemisation (A16)."""
    work = _record(EntryKind.NON_ITEMISED_REQUEST, input, ASKED)
    return await _perform(info, input, RequestNonItemisedBillsPayload, work)


async def withdraw_non_itemised_bills_request(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        WithdrawNonItemisedBillsRequestInput, strawberry.argument(description="Whose.")
    ],
) -> WithdrawNonItemisedBillsRequestPayload:
    """Record that the request was withdrawn (A16)."""
    work = _record(EntryKind.NON_ITEMISED_WITHDRAWAL, input, ASKED)
    return await _perform(info, input, WithdrawNonItemisedBillsRequestPayload, work)


async def correct_consent(
    info: Info,
    input: Annotated[CorrectConsentInput, strawberry.argument(description="What was wrong.")],  # noqa: A002  # the contract's name
) -> CorrectConsentPayload:
    """Put an entry in the place of another (R55)."""

    async def work(act: ActorContext) -> Recorded:
        return await correct(
            act,
            input.entry_id,
            input.kind,
            values_of(input, CORRECTED),
            input.reason,
            input.idempotency_key,
            input.expected_version,
        )

    return await _perform(info, input, CorrectConsentPayload, work)


async def verify_consent_ledger(
    info: Info,
    customer_id: Annotated[strawberry.ID, strawberry.argument(description="Whose, erased or not.")],
    known_hash: Annotated[
        str | None,
        strawberry.argument(description="A hash shown before, which an entry must still have."),
    ] = None,
) -> LedgerVerification | None:
    """Verify the hash chain of a customer's ledger; null where there is no such customer."""
    found = await info.context.database.transaction(lambda: verify(customer_id, known_hash))
    return None if found is None else LedgerVerification.of(found, info.context.clock())


async def consent_evidence(
    info: Info,
    customer_id: Annotated[strawberry.ID, strawberry.argument(description="Whose, erased or not.")],
) -> ConsentEvidence | None:
    """Give the evidence of a customer's consent; null where there is no such customer."""
    now = info.context.clock()
    is_masked = info.context.is_masked
    evidence = await info.context.database.transaction(
        lambda: evidence_of(customer_id, now, is_masked=is_masked)
    )
    if evidence is not None and selects(info, {"entries"}):
        count(len(evidence.entries))
    return evidence


async def consent_advisory_counts(info: Info) -> list[ConsentAdvisoryCount]:
    """Count the customers with each advisory on consent."""
    counts = await count_advisories(info.context.clock(), info.context.oldest_consent)
    return [ConsentAdvisoryCount(code=code, customer_count=count) for code, count in counts.items()]


def _record(
    kind: EntryKind, input_: RecordConsentInput | AskedFields, names: tuple[str, ...]
) -> Callable[[ActorContext], Awaitable[Recorded]]:
    async def work(act: ActorContext) -> Recorded:
        values = values_of(input_, names)
        return await record(
            act,
            input_.customer_id,
            kind,
            values,
            input_.idempotency_key,
            input_.expected_version,
        )

    return work


async def _perform(
    info: Info,
    input_: RecordConsentInput | AskedFields | CorrectConsentInput,
    kind: type[Payload],
    work: Callable[[ActorContext], Awaitable[Recorded]],
) -> Payload:
    async def succeed(recorded: Recorded) -> Payload:
        return kind(
            customer=await _shown(info, recorded.customer),
            entry=await read_by_id(info, ConsentEntry, recorded.entry.id, "entry"),
            is_repeat=recorded.is_repeat,
        )

    async def refuse(user_errors: list[UserError], current: models.Customer | None) -> Payload:
        return kind(customer=await _shown(info, current), user_errors=user_errors)

    return await run_mutation(info, input_, work, succeed, refuse)


async def _shown(info: Info, row: models.Customer | None) -> Customer | None:
    return None if row is None else await read_by_id(info, Customer, row.id, "customer")
