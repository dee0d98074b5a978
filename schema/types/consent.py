"""GraphQL types of a customer's consent: its state at an instant, and the ledger entries."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import strawberry

import models
from models.rules.consent import (
    ConsentBasis,
    ConsentMethod,
    EntryKind,
    Matter,
    consent_by,
    deciding,
    non_itemised_by,
)
from models.tables.access import Scope
from schema.base.descriptions import described_enum
from schema.base.field_mapping import Rows, Selection, batched, computed, maps_to
from schema.base.instants import checked_instant
from schema.base.permissions import Requires
from schema.base.personal import NULLED
from schema.base.restricted import restricted, show

EntryKindEnum = described_enum(
    EntryKind,
    "ConsentEntryKind",
    "The kind of an entry in a consent ledger.",
    {
        "GRANT": "Consent was given or renewed.",
        "WITHDRAWAL": "Consent was withdrawn.",
        "ANNULMENT": "The entry that this one corrects should not have been made, and no longer"
        " counts.",
        "NON_ITEMISED_REQUEST": "The customer requested bills without a list of calls.",
        "NON_ITEMISED_WITHDRAWAL": "The customer withdrew the request for bills without a list of"
        " calls.",
    },
)
ConsentBasisEnum = described_enum(
    ConsentBasis,
    "ConsentBasis",
    "The lawful basis that a grant of consent records.",
    {
        "TERMS_ACCEPTED": "Accepted terms and conditions that cover sending itemised bills and"
        " call records by email.",
        "PRIVACY_POLICY_CONSENT": "Consent to a privacy policy that covers sending itemised bills"
        " and call records by email.",
        "WRITTEN_OPT_IN": "An explicit opt-in in writing.",
    },
)
ConsentMethodEnum = described_enum(
    ConsentMethod,
    "ConsentMethod",
    "The way in which consent was given or withdrawn, or a request was made.",
    {
        "ONLINE": "On a web page, for example at sign-up.",
        "EMAIL": "By email.",
        "PAPER": "On paper.",
        "TELEPHONE": "By telephone.",
        "IN_PERSON": "In person.",
        "OTHER": "In another way.",
    },
)

PROJECTED = ("sequence", "kind", "basis", "effective_at", "recorded_at", "corrects_id")
"""The columns of a consent entry that decide whether consent is given."""


def _unchanged(value: Any) -> Any:
    return value


def _is_erased(salt: str | None) -> bool:
    return salt is None


def _testimony(column: str, description: str) -> Any:
    """Declare a field that reads a column of the entry's testimony; null once that is erased."""
    return computed(_unchanged, f"testimony.{column}", description=description, masked=NULLED)


@strawberry.type(
    description="An entry in a customer's consent ledger, the record of consents, withdrawals and"
    " requests for bills without a list of calls. Entries are never changed or deleted; only text"
    " that may name a person is erased with the customer."
)
class ConsentEntry:
    id: strawberry.ID = strawberry.field(description="The id of the entry.")
    sequence: int = strawberry.field(
        description="The number of the entry in the customer's ledger, from 1."
    )
    kind: EntryKindEnum = strawberry.field(description="What the entry records.")  # type: ignore[valid-type]  # an enum with another name
    corrects_id: strawberry.ID | None = strawberry.field(
        description="The id of the entry that this one replaces; null if it is not a correction."
        " The replaced entry no longer counts."
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis; null unless the entry is a grant."
    )
    effective_at: datetime = strawberry.field(
        description="When the entry takes effect, in UTC; may be in the past or in the future."
    )
    recorded_at: datetime = strawberry.field(description="When the entry was recorded, in UTC.")
    recorded_by: str = strawberry.field(
        description="The name of the access token or user that recorded the entry."
    )
    recorded_by_id: strawberry.ID = strawberry.field(
        description="The id of the access token or user that recorded the entry."
    )
    method: ConsentMethodEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="How consent was given or withdrawn, or the request was made; null if not"
        " recorded."
    )
    document_name: str | None = strawberry.field(
        description="The name of the document that the person who gave consent was shown; null if"
        " there was none."
    )
    document_version: str | None = strawberry.field(
        description="The version of that document; null if not recorded."
    )
    is_emailing_covered: bool = computed(
        _unchanged,
        "covers_emailing",
        description="Whether the recorder affirmed that the document covers sending itemised bills"
        " and call records by email.",
    )
    evidence_sha256: str | None = strawberry.field(
        description="The SHA-256 hash of the evidence, in hexadecimal; null if not recorded. It is"
        " kept when the customer is erased."
    )
    given_by: str | None = _testimony(
        "given_by",
        "The name of the person who gave consent; null unless the entry is a grant,"
        " and once erased.",
    )
    given_by_role: str | None = _testimony(
        "given_by_role",
        "The role of the person who gave consent, such as director; null if not"
        " recorded, and once erased.",
    )
    statement: str | None = _testimony(
        "statement",
        "What the person who gave consent was told, word for word; null if not"
        " recorded, and once erased.",
    )
    evidence_reference: str | None = _testimony(
        "evidence_reference", "Where the evidence is kept; null if not recorded, and once erased."
    )
    asked_by: str | None = _testimony(
        "asked_by",
        "The name of the person who asked for the withdrawal, or made the request;"
        " null for a grant, if not recorded, and once erased.",
    )
    reason: str | None = _testimony(
        "reason",
        "Why the withdrawal or request was made; null for a grant, if not recorded,"
        " and once erased.",
    )
    correction_reason: str | None = _testimony(
        "correction_reason",
        "Why the replaced entry was corrected; null if this is not a correction, and once erased.",
    )
    is_pseudonymised: bool = computed(
        _is_erased,
        "testimony.salt",
        description="Whether text that may name a person was erased from the entry, because the"
        " customer was erased.",
    )
    previous_hash: str = strawberry.field(
        description="The hash of the previous entry in the ledger; 64 zeros for the first entry."
    )
    hash: str = strawberry.field(
        description="The SHA-256 hash of this entry and `previousHash`, in hexadecimal. Keep it to"
        " prove later that the ledger still contains the entry."
    )


maps_to(ConsentEntry, models.ConsentEntry)


def _ledger_field(resolve: Callable[..., Awaitable[Sequence[Any]]], *path: str) -> dict[str, Any]:
    """Return the settings of a field that `resolve` computes from customers' ledgers in batches.

    `path` is the path from the field's type to its field of ledger entries.
    """
    needed = Requires(Scope.CONSENT_READ)
    rows = Rows(ConsentEntry, "customer_id", "t0.sequence", PROJECTED, path, needed)
    return batched(resolve, paths=(), rows={"ledger": rows})


@strawberry.type(
    description="A customer's GDPR & PECR consent at an instant: whether a lawful basis for"
    " emailing itemised bills and call records is on record."
)
class Consent:
    """The consent that follows from the customer's ledger at an instant (R56)."""

    is_given: bool = strawberry.field(
        description="Whether consent is given; false if none was ever recorded."
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis; null if consent is not given."
    )
    since: datetime | None = strawberry.field(
        description="When the deciding entry took effect, in UTC; null if there is none."
    )
    entry: ConsentEntry | None = restricted(
        Scope.CONSENT_READ,
        description="The ledger entry that decides, either a grant or a withdrawal; null if there"
        " is none, and without the permission consent:read.",
    )

    @classmethod
    def at(cls, ledger: Sequence[ConsentEntry], instant: datetime) -> "Consent":
        entry = deciding(ledger, Matter.CONSENT, instant)
        state = consent_by(entry)
        return cls(
            is_given=state.is_given,
            basis=state.basis,
            since=state.since,
            entry=entry,
        )


@strawberry.type(
    description="Whether the customer requested bills without a list of calls, under regulation 9"
    " of PECR (the UK's Privacy and Electronic Communications Regulations). Such a request"
    " overrides consent and contacts' preferences for email; MyAccount still shows everything."
)
class NonItemisedBills:
    """Whether a request for non-itemised bills is in force at an instant."""

    is_requested: bool = strawberry.field(description="Whether a request is in force.")
    since: datetime | None = strawberry.field(
        description="When the deciding entry took effect, in UTC; null if there is none."
    )
    entry: ConsentEntry | None = restricted(
        Scope.CONSENT_READ,
        description="The ledger entry that decides, either a request or its withdrawal; null if"
        " there is none, and without the permission consent:read.",
    )

    @classmethod
    def at(cls, ledger: Sequence[ConsentEntry], instant: datetime) -> "NonItemisedBills":
        entry = deciding(ledger, Matter.NON_ITEMISED, instant)
        state = non_itemised_by(entry)
        return cls(
            is_requested=state.is_requested,
            since=state.since,
            entry=entry,
        )


async def _consents_at(
    selection: Selection, customers: Sequence[Any], instant: datetime
) -> list[Consent]:
    at = checked_instant(instant, "instant")
    consents = [Consent.at(one.ledger, at) for one in customers]
    show(selection.info, Consent, consents)
    return consents


async def _consents_now(selection: Selection, customers: Sequence[Any]) -> list[Consent]:
    return await _consents_at(selection, customers, selection.info.context.clock())


async def _non_itemised_now(
    selection: Selection, customers: Sequence[Any]
) -> list[NonItemisedBills]:
    now = selection.info.context.clock()
    requests = [NonItemisedBills.at(one.ledger, now) for one in customers]
    show(selection.info, NonItemisedBills, requests)
    return requests


async def _ledgers(_: Selection, customers: Sequence[Any]) -> list[list[ConsentEntry]]:
    return [one.ledger for one in customers]


CONSENT = _ledger_field(_consents_now, "entry")
CONSENT_AT = _ledger_field(_consents_at, "entry")
NON_ITEMISED = _ledger_field(_non_itemised_now, "entry")
LEDGER = _ledger_field(_ledgers)
