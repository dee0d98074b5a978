"""Inputs and payloads of the mutations that add to the consent ledger."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry

from models.tables.access import Scope
from schema.base.mutation_fields import (
    MutationPayload,
    customer_external_reference,
    customer_id,
    dry_run,
    expected_version,
)
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.types.consent import ConsentBasisEnum, ConsentEntry, ConsentMethodEnum, EntryKindEnum
from schema.types.customer import Customer

DOMAIN_NAMES = {"is_emailing_covered": "covers_emailing"}
"""The names in the domain, by the API's names, of the fields whose names differ."""

GRANT = (
    "basis",
    "given_by",
    "given_by_role",
    "method",
    "evidence_reference",
    "evidence_sha256",
    "document_name",
    "document_version",
    "is_emailing_covered",
    "statement",
    "effective_at",
)
ASKED = ("asked_by", "reason", "method", "evidence_reference", "effective_at")
CORRECTED = (*GRANT, "asked_by", "reason")

_RECORDED = "The customer, and the details of the consent to record."
_IDEMPOTENCY_KEY = (
    "A key of 1 to 200 characters, chosen by you, that makes the API request safe to repeat. If you"
    " repeat the same request with the same key, no second ledger entry is added (and"
    " `saveCustomer` creates no second customer). The same key with different content is refused"
    " (IDEMPOTENCY_KEY_REUSED). Keys of different callers are independent."
)
_IF_REPEATED = (
    " A request that repeats an earlier one with its idempotency key is accepted at any version."
)
_EFFECTIVE_AT = (
    "When the recorded consent, withdrawal or request takes effect, with an offset from UTC, from"
    " 1970 to 2199; by default now. It may be in the past or in the future."
)


@strawberry.input(description="The details of a consent to record.")
class RecordConsentFields:
    """The evidence required for consent, the same for every class (R51)."""

    basis: ConsentBasisEnum = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The lawful basis that exists for emailing itemised bills and call records."
    )
    given_by: str = strawberry.field(
        description="The name of the person who gave consent, 1 to 200 characters."
    )
    given_by_role: str | None = strawberry.field(
        default=None,
        description="The role of the person who gave consent, such as director; up to 200"
        " characters.",
    )
    method: ConsentMethodEnum = strawberry.field(description="How consent was given.")  # type: ignore[valid-type]  # see above
    evidence_reference: str = strawberry.field(
        description="Where the evidence for the consent is kept, such as a file or ticket number; 1"
        " to 500 characters."
    )
    evidence_sha256: str | None = strawberry.field(
        default=None,
        description="The SHA-256 hash of the evidence for the consent, 64 hexadecimal digits.",
    )
    document_name: str | None = strawberry.field(
        default=None,
        description="The name of the document that the person who gave consent was shown, up to"
        " 200 characters; required for the bases TERMS_ACCEPTED and PRIVACY_POLICY_CONSENT.",
    )
    document_version: str | None = strawberry.field(
        default=None,
        description="The version of the document in `documentName`, up to 200 characters. Without"
        " it, the customer gets the advisory CONSENT_WITHOUT_VERSION.",
    )
    is_emailing_covered: bool | None = strawberry.field(
        default=False,
        description="Your affirmation that the document in `documentName` covers sending itemised"
        " bills and call records by email; must be true for the bases TERMS_ACCEPTED and"
        " PRIVACY_POLICY_CONSENT.",
    )
    statement: str | None = strawberry.field(
        default=None,
        description="What the person who gave consent was told, word for word; up to 4000"
        " characters.",
    )
    effective_at: datetime | None = strawberry.field(default=None, description=_EFFECTIVE_AT)
    idempotency_key: str | None = strawberry.field(default=None, description=_IDEMPOTENCY_KEY)


@strawberry.input(description=_RECORDED)
class RecordConsentRow(RecordConsentFields):
    customer_id: strawberry.ID | None = customer_id()
    customer_external_reference: str | None = customer_external_reference()
    expected_version: int | None = expected_version("customer", _IF_REPEATED)


@strawberry.input(description=_RECORDED)
class RecordConsentInput(RecordConsentRow):
    dry_run: bool | None = dry_run()


@strawberry.input(
    description="The details of a withdrawal or a request. Only the customer is required."
)
class AskedFields:
    """The fields of a withdrawal or a request, which need no evidence (R54)."""

    customer_id: strawberry.ID | None = customer_id()
    customer_external_reference: str | None = customer_external_reference()
    asked_by: str | None = strawberry.field(
        default=None,
        description="The name of the person who asked you, on the customer's behalf, for what this"
        " mutation records, up to 200 characters; null if not known.",
    )
    reason: str | None = strawberry.field(
        default=None,
        description="The reason that the person in `askedBy` gave, up to 1000 characters.",
    )
    method: ConsentMethodEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="How the person in `askedBy` asked you.",
    )
    evidence_reference: str | None = strawberry.field(
        default=None,
        description="Where evidence of the withdrawal or request is kept, such as a file or ticket"
        " number; up to 500 characters.",
    )
    effective_at: datetime | None = strawberry.field(default=None, description=_EFFECTIVE_AT)
    idempotency_key: str | None = strawberry.field(default=None, description=_IDEMPOTENCY_KEY)
    expected_version: int | None = expected_version("customer", _IF_REPEATED)
    dry_run: bool | None = dry_run()


@strawberry.input(
    description="The withdrawal of a customer's consent, which is possible at any time. Only"
    " the customer is required."
)
class WithdrawConsentInput(AskedFields):
    revoke_preferences: bool | None = strawberry.field(
        default=False,
        description="Whether to also withdraw the attachment preferences of all the customer's"
        " contacts, immediately; otherwise the preferences stay in force. Needs the permission"
        " contacts:write.",
        metadata={INPUT_PERMISSION: Requires(Scope.CONTACTS_WRITE)},
    )


@strawberry.input(
    description="A customer's request for bills without a list of calls. Only the customer is"
    " required."
)
class RequestNonItemisedBillsInput(AskedFields):
    pass


@strawberry.input(
    description="The withdrawal of a customer's request for bills without a list of calls. Only"
    " the customer is required."
)
class WithdrawNonItemisedBillsRequestInput(AskedFields):
    pass


@strawberry.input(
    description="The values that a consent ledger entry should have had. A field left out keeps the"
    " entry's value; an explicit null clears it."
)
class CorrectedConsentFields:
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=strawberry.UNSET, description="The lawful basis of the consent; for a grant only."
    )
    given_by: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The name of the person who gave consent, 1 to 200 characters; for a grant"
        " only.",
    )
    given_by_role: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The role of the person who gave consent, up to 200 characters; for a grant"
        " only.",
    )
    method: ConsentMethodEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=strawberry.UNSET,
        description="How the person gave or withdrew consent, or made or withdrew a request for"
        " bills without a list of calls.",
    )
    evidence_reference: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="Where the evidence for the entry is kept, such as a file or ticket number; up"
        " to 500 characters.",
    )
    evidence_sha256: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The SHA-256 hash of the evidence for the consent, 64 hexadecimal digits; for a"
        " grant only.",
    )
    document_name: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The name of the document that the person who gave consent was shown, up to"
        " 200 characters; for a grant only.",
    )
    document_version: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The version of the document in `documentName`, up to 200 characters; for a"
        " grant only.",
    )
    is_emailing_covered: bool | None = strawberry.field(
        default=strawberry.UNSET,
        description="Whether the document in `documentName` covers sending itemised bills and call"
        " records by email; for a grant only.",
    )
    statement: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="What the person who gave consent was told, word for word; up to 4000"
        " characters; for a grant only.",
    )
    asked_by: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The name of the person who withdrew consent, or made or withdrew a request for"
        " bills without a list of calls, up to 200 characters; not for a grant.",
    )
    reason: str | None = strawberry.field(
        default=strawberry.UNSET,
        description="The reason that the person in `askedBy` gave, up to 1000 characters; not for a"
        " grant.",
    )
    effective_at: datetime | None = strawberry.field(
        default=strawberry.UNSET,
        description="When the entry should have taken effect, with an offset from UTC, from 1970 to"
        " 2199. An explicit null means now.",
    )


@strawberry.input(description="The entry to correct, and the values that should replace its own.")
class CorrectConsentInput:
    entry_id: strawberry.ID = strawberry.field(
        description="The id of the entry to correct; an entry can be corrected only once."
    )
    reason: str = strawberry.field(description="Why the entry is corrected, 1 to 1000 characters.")
    kind: EntryKindEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="What the entry should have recorded; by default the same kind. ANNULMENT if"
        " the entry should not have been made.",
    )
    values: CorrectedConsentFields | None = strawberry.field(
        default=None,
        description="The values that should replace the entry's own; by default all are kept.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_IDEMPOTENCY_KEY)
    expected_version: int | None = expected_version("customer", _IF_REPEATED)
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of adding to a consent ledger.")
class LedgerPayload(MutationPayload):
    customer: Customer | None = strawberry.field(
        default=None,
        description="The customer after the change. After the error VERSION_CONFLICT, the customer"
        " as stored; null after other errors.",
    )
    entry: ConsentEntry | None = strawberry.field(
        default=None,
        description="The consent ledger entry that this API request, or the earlier one that it"
        " repeats, added; null after an error.",
    )


@strawberry.type(description="The result of recording consent.")
class RecordConsentPayload(LedgerPayload):
    pass


@strawberry.type(description="The result of withdrawing consent.")
class WithdrawConsentPayload(LedgerPayload):
    pass


@strawberry.type(description="The result of correcting a consent ledger entry.")
class CorrectConsentPayload(LedgerPayload):
    pass


@strawberry.type(description="The result of requesting bills without a list of calls.")
class RequestNonItemisedBillsPayload(LedgerPayload):
    pass


@strawberry.type(
    description="The result of withdrawing a request for bills without a list of calls."
)
class WithdrawNonItemisedBillsRequestPayload(LedgerPayload):
    pass


def values_of(input_: Any, names: tuple[str, ...]) -> Mapping[str, Any]:
    """Return the values that were sent in the fields `names` of an input, by domain name."""
    values = {DOMAIN_NAMES.get(name, name): getattr(input_, name) for name in names}
    return {name: value for name, value in values.items() if value is not strawberry.UNSET}
