"""What adds to the consent ledger: inputs and payloads."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import strawberry

from models.tables.access import Scope
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.base.user_error import UserError
from schema.types.consent import ConsentBasisEnum, ConsentEntry, ConsentMethodEnum, EntryKindEnum
from schema.types.customer import Customer

DOMAIN_NAMES = {"is_emailing_covered": "covers_emailing", "withdrawal_reason": "reason"}
"""What the domain calls fields that have another name here."""

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
CORRECTED = (*GRANT, "asked_by", "withdrawal_reason")

_KEY = (
    "Makes a repeated request harmless, 1 to 200 characters: the same request of the same caller"
    " makes one entry for the customer, and `saveCustomer` one customer. The same key with other"
    " content is refused. Keys of different callers have nothing to do with each other."
)
_VERSION = "Refuse if the customer is at another version; not if the request is a repeated one."
_DRY_RUN = "Do everything but keep nothing."
_EFFECTIVE = "From when on it counts, with an offset; by default now. It may lie ahead (R56)."


@strawberry.input(description="What a record of consent says (R50 to R53).")
class RecordConsentFields:
    """The paper trail, the same for every class (R51)."""

    basis: ConsentBasisEnum = strawberry.field(description="The lawful basis that exists (R50).")  # type: ignore[valid-type]  # an enum with another name
    given_by: str = strawberry.field(description="Who gave it, 1 to 200 characters.")
    given_by_role: str | None = strawberry.field(
        default=None, description="In which role, such as director; up to 200 characters."
    )
    method: ConsentMethodEnum = strawberry.field(description="How it was given.")  # type: ignore[valid-type]  # see above
    evidence_reference: str = strawberry.field(
        description="Where the evidence is kept, 1 to 500 characters (R52)."
    )
    evidence_sha256: str | None = strawberry.field(
        default=None, description="SHA-256 of the evidence, 64 hexadecimal digits."
    )
    document_name: str | None = strawberry.field(
        default=None,
        description="The document they were shown; required for terms and privacy policies (R53).",
    )
    document_version: str | None = strawberry.field(
        default=None, description="Its version; without one there is an advisory."
    )
    is_emailing_covered: bool | None = strawberry.field(
        default=False,
        description="Affirms that the document covers sending itemised bills and call records by"
        " email; required for terms and privacy policies (R53).",
    )
    statement: str | None = strawberry.field(
        default=None, description="What they were told, in its words; up to 4000 characters."
    )
    effective_at: datetime | None = strawberry.field(default=None, description=_EFFECTIVE)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)


@strawberry.input(description="A record of consent for a customer.")
class RecordConsentInput(RecordConsentFields):
    """An input."""

    customer_id: strawberry.ID = strawberry.field(description="The customer.")
    expected_version: int | None = strawberry.field(default=None, description=_VERSION)
    dry_run: bool | None = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.input(description="What a withdrawal or a request says; nothing of it is required.")
class AskedFields:
    """The fields of everything but a grant (R54)."""

    customer_id: strawberry.ID = strawberry.field(description="The customer.")
    asked_by: str | None = strawberry.field(
        default=None, description="Who asked for it, up to 200 characters."
    )
    reason: str | None = strawberry.field(default=None, description="Why, up to 1000 characters.")
    method: ConsentMethodEnum | None = strawberry.field(default=None, description="How.")  # type: ignore[valid-type]  # see above
    evidence_reference: str | None = strawberry.field(
        default=None, description="Where evidence is kept, up to 500 characters."
    )
    effective_at: datetime | None = strawberry.field(default=None, description=_EFFECTIVE)
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
    expected_version: int | None = strawberry.field(default=None, description=_VERSION)
    dry_run: bool | None = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.input(description="A withdrawal of consent; possible at any time (R54).")
class WithdrawConsentInput(AskedFields):
    """An input."""

    revoke_preferences: bool | None = strawberry.field(
        default=False,
        description="Also withdraw the confirmed preferences of all contacts, at once; otherwise"
        " they stay, as grants of their own (R66). Needs contacts:write too.",
        metadata={INPUT_PERMISSION: Requires(Scope.CONTACTS_WRITE)},
    )


@strawberry.input(description="A request for bills without itemisation (A16).")
class RequestNonItemisedBillsInput(AskedFields):
    """An input."""


@strawberry.input(description="A withdrawal of that request (A16).")
class WithdrawNonItemisedBillsRequestInput(AskedFields):
    """An input."""


@strawberry.input(
    description="What was wrong with an entry, and what should stand in its place. Fields left out"
    " are taken over from the entry; an explicit null clears."
)
class CorrectConsentInput:
    """An input."""

    entry_id: strawberry.ID = strawberry.field(
        description="The entry to correct; one that was corrected before can't be."
    )
    reason: str = strawberry.field(description="Why it is corrected, 1 to 1000 characters.")
    kind: EntryKindEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="What it should have said: by default the same. ANNULMENT for an entry that"
        " should not have been made.",
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=strawberry.UNSET, description="The basis, of a grant."
    )
    given_by: str | None = strawberry.field(
        default=strawberry.UNSET, description="Who gave consent."
    )
    given_by_role: str | None = strawberry.field(
        default=strawberry.UNSET, description="In which role."
    )
    method: ConsentMethodEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=strawberry.UNSET, description="How it was given, withdrawn or asked for."
    )
    evidence_reference: str | None = strawberry.field(
        default=strawberry.UNSET, description="Where the evidence is kept."
    )
    evidence_sha256: str | None = strawberry.field(
        default=strawberry.UNSET, description="SHA-256 of the evidence, 64 hexadecimal digits."
    )
    document_name: str | None = strawberry.field(
        default=strawberry.UNSET, description="The document they were shown."
    )
    document_version: str | None = strawberry.field(
        default=strawberry.UNSET, description="Its version."
    )
    is_emailing_covered: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Whether the document covers sending by email (R53)."
    )
    statement: str | None = strawberry.field(
        default=strawberry.UNSET, description="What they were told."
    )
    asked_by: str | None = strawberry.field(
        default=strawberry.UNSET, description="Who asked for a withdrawal or a request."
    )
    withdrawal_reason: str | None = strawberry.field(
        default=strawberry.UNSET, description="Why they asked for it."
    )
    effective_at: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="From when on it counts; null means now."
    )
    idempotency_key: str | None = strawberry.field(default=None, description=_KEY)
    expected_version: int | None = strawberry.field(default=None, description=_VERSION)
    dry_run: bool | None = strawberry.field(default=False, description=_DRY_RUN)


@strawberry.type(description="What adding to the ledger did.")
class LedgerPayload:
    """A payload."""

    customer: Customer | None = strawberry.field(
        default=None, description="The customer as it is now, or as it stands after a conflict."
    )
    entry: ConsentEntry | None = strawberry.field(
        default=None, description="The entry that the request made, now or before."
    )
    is_repeat: bool = strawberry.field(
        default=False, description="Whether the same request made the entry before (R57)."
    )
    user_errors: list[UserError] = strawberry.field(
        default_factory=list, description="Why nothing was changed; empty if it was."
    )


@strawberry.type(description="What recording consent did.")
class RecordConsentPayload(LedgerPayload):
    """A payload."""


@strawberry.type(description="What withdrawing consent did.")
class WithdrawConsentPayload(LedgerPayload):
    """A payload."""


@strawberry.type(description="What correcting an entry did.")
class CorrectConsentPayload(LedgerPayload):
    """A payload."""


@strawberry.type(description="What asking for bills without itemisation did.")
class RequestNonItemisedBillsPayload(LedgerPayload):
    """A payload."""


@strawberry.type(description="What withdrawing that request did.")
class WithdrawNonItemisedBillsRequestPayload(LedgerPayload):
    """A payload."""


def values_of(input_: Any, names: tuple[str, ...]) -> Mapping[str, Any]:
    """Give the fields of an input that were sent, by the names of the domain."""
    values = {DOMAIN_NAMES.get(name, name): getattr(input_, name) for name in names}
    return {name: value for name, value in values.items() if value is not strawberry.UNSET}
