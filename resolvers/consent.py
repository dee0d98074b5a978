"""The queries and mutations of consent."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import strawberry

from models.changes.bulk_consents import ConsentRow, record_consents
from models.changes.consent_recording import Recorded, correct, record
from models.changes.preference_withdrawal import withdraw_all
from models.lists.consent_evidence import verify
from models.lists.consent_list import count_advisories
from models.rules.consent import EntryKind
from models.storage.row_counter import count
from models.tables.access import Scope
from models.tables.audit import ActorContext
from resolvers.bulk import RowKind, run_bulk
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, run_mutation
from schema.base.context import Info
from schema.base.permissions import require
from schema.base.selections import selects
from schema.types.advisory import ConsentAdvisoryCount
from schema.types.bulk_changes import (
    RecordConsentsInput,
    RecordConsentsPayload,
    RecordConsentsResult,
)
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
    RecordConsentRow,
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

CustomerId = Annotated[
    strawberry.ID,
    strawberry.argument(description="The id of the customer, which may be erased."),
]

CONSENT_WITHDRAWN = "Account consent was withdrawn"
"""The reason recorded with preferences that are withdrawn together with the account's consent.

The reason that the customer stated is not copied, as it could name a person.
"""


async def record_consent(info: Info, input: Input[RecordConsentInput]) -> RecordConsentPayload:
    async def work(act: ActorContext) -> Recorded:
        return await _record(act, EntryKind.GRANT, input, GRANT)

    return await _run_on_ledger(info, input, work, RecordConsentPayload)


async def record_many_consents(
    info: Info, input: Input[RecordConsentsInput]
) -> RecordConsentsPayload:
    return await run_bulk(info, input, _ROWS, RecordConsentsPayload)


def _row(index: int, act: ActorContext, fields: RecordConsentRow) -> ConsentRow:
    return ConsentRow(
        index,
        act,
        customer_id=fields.customer_id,
        customer_reference=fields.customer_external_reference,
        values=values_of(fields, GRANT),
        key=fields.idempotency_key,
        expected_version=fields.expected_version,
    )


_ROWS = RowKind(
    _row, record_consents, RecordConsentsResult, {"customer": Customer, "entry": ConsentEntry}
)


async def withdraw_consent(
    info: Info, input: Input[WithdrawConsentInput]
) -> WithdrawConsentPayload:
    if input.revoke_preferences:
        require(info, Scope.CONTACTS_WRITE)

    async def work(act: ActorContext) -> Recorded:
        names = (*ASKED, "revoke_preferences")
        recorded = await _record(act, EntryKind.WITHDRAWAL, input, names)
        if input.revoke_preferences and not recorded.is_replayed:
            await withdraw_all(act, recorded.customer.id, CONSENT_WITHDRAWN)
        return recorded

    return await _run_on_ledger(info, input, work, WithdrawConsentPayload)


async def request_non_itemised_bills(
    info: Info, input: Input[RequestNonItemisedBillsInput]
) -> RequestNonItemisedBillsPayload:
    async def work(act: ActorContext) -> Recorded:
        return await _record(act, EntryKind.NON_ITEMISED_REQUEST, input, ASKED)

    return await _run_on_ledger(info, input, work, RequestNonItemisedBillsPayload)


async def withdraw_non_itemised_bills_request(
    info: Info, input: Input[WithdrawNonItemisedBillsRequestInput]
) -> WithdrawNonItemisedBillsRequestPayload:
    async def work(act: ActorContext) -> Recorded:
        return await _record(act, EntryKind.NON_ITEMISED_WITHDRAWAL, input, ASKED)

    return await _run_on_ledger(info, input, work, WithdrawNonItemisedBillsRequestPayload)


async def correct_consent(info: Info, input: Input[CorrectConsentInput]) -> CorrectConsentPayload:
    async def work(act: ActorContext) -> Recorded:
        return await correct(
            act,
            input.entry_id,
            input.kind,
            values_of(input.values, CORRECTED) if input.values else {},
            input.reason,
            input.idempotency_key,
            input.expected_version,
        )

    return await _run_on_ledger(info, input, work, CorrectConsentPayload)


async def verify_consent_ledger(
    info: Info,
    customer_id: CustomerId,
    known_hash: Annotated[
        str | None,
        strawberry.argument(
            description="The `hash` of a ledger entry, or a `lastHash`, that you kept from earlier."
            " The result then has a break with the code KNOWN_HASH_MISSING if no entry in the"
            " ledger has this hash any more. Null verifies the hash chain alone."
        ),
    ] = None,
) -> LedgerVerification | None:
    found = await info.context.database.transaction(lambda: verify(customer_id, known_hash))
    return None if found is None else LedgerVerification.of(found, info.context.clock())


async def consent_evidence(info: Info, customer_id: CustomerId) -> ConsentEvidence | None:
    now = info.context.clock()
    is_masked = info.context.is_masked
    evidence = await info.context.database.transaction(
        lambda: evidence_of(customer_id, now, is_masked=is_masked)
    )
    if evidence is not None and selects(info, {"entries"}):
        count(len(evidence.entries))
    return evidence


async def consent_advisory_counts(info: Info) -> list[ConsentAdvisoryCount]:
    counts = await count_advisories(info.context.clock(), info.context.oldest_consent)
    return [ConsentAdvisoryCount(code=code, customer_count=count) for code, count in counts.items()]


async def _record(
    act: ActorContext,
    kind: EntryKind,
    input_: RecordConsentInput | AskedFields,
    names: tuple[str, ...],
) -> Recorded:
    """Record an entry of this kind in the consent ledger, with the input's fields in `names`."""
    return await record(
        act,
        input_.customer_id,
        kind,
        values_of(input_, names),
        input_.idempotency_key,
        input_.expected_version,
        input_.customer_external_reference,
    )


async def _run_on_ledger(
    info: Info,
    input_: RecordConsentInput | AskedFields | CorrectConsentInput,
    work: Callable[[ActorContext], Awaitable[Recorded]],
    payload: type[Payload],
) -> Payload:
    """Run a mutation that adds an entry to a customer's consent ledger.

    `work` adds the entry; the returned payload has the customer and the entry.
    """

    async def unit(act: ActorContext) -> Outcome:
        done = await work(act)
        return outcome(customer=done.customer, entry=done.entry, is_replayed=done.is_replayed)

    return await run_mutation(info, input_, unit, payload, shows=Customer)
