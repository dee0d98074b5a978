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
    deciding_entry,
    non_itemised_by,
)
from models.tables.access import Scope
from schema.base.descriptions import described_enum
from schema.base.field_mapping import Rows, Selection, batched, computed, maps_to
from schema.base.instants import checked_instant
from schema.base.node import Node
from schema.base.permissions import Requires
from schema.base.personal import NULLED, Masked
from schema.base.restricted import restricted, show

EntryKindEnum = described_enum(
    EntryKind,
    "ConsentEntryKind",
    "The kind of an entry in a consent ledger.",
    {
        "GRANT": "The customer gave or renewed consent.",
        "WITHDRAWAL": "The customer withdrew consent.",
        "ANNULMENT": "The corrected entry should not have been made, and no longer counts.",
        "NON_ITEMISED_REQUEST": "The customer requested bills without a list of calls.",
        "NON_ITEMISED_WITHDRAWAL": "The customer withdrew the request for bills without a list of"
        " calls.",
    },
)
ConsentBasisEnum = described_enum(
    ConsentBasis,
    "ConsentBasis",
    "The lawful basis of a consent.",
    {
        "TERMS_ACCEPTED": "The customer accepted terms and conditions that cover sending itemised"
        " bills and call records by email.",
        "PRIVACY_POLICY_CONSENT": "The customer consented to a privacy policy that covers sending"
        " itemised bills and call records by email.",
        "WRITTEN_OPT_IN": "The customer opted in explicitly, in writing, to receive itemised bills"
        " and call records by email.",
    },
)
ConsentMethodEnum = described_enum(
    ConsentMethod,
    "ConsentMethod",
    "The way in which a person gave or withdrew consent, or made or withdrew a request for bills"
    " without a list of calls.",
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


@strawberry.type(description="The correction of an entry in a customer's consent ledger.")
class ConsentCorrection:
    entry_id: strawberry.ID = strawberry.field(
        description="The id of the entry that was replaced; it no longer counts."
    )
    reason: str | None = strawberry.field(
        description="Why that entry was corrected; null once erased."
    )

    @classmethod
    def of(cls, corrects_id: str | None, reason: str | None = None) -> "ConsentCorrection | None":
        return (
            None if corrects_id is None else cls(entry_id=strawberry.ID(corrects_id), reason=reason)
        )


CORRECTION = Masked(("corrects_id",), ConsentCorrection.of, "null as its reason")


@strawberry.type(
    description="An entry in a customer's consent ledger, the record of consents, withdrawals and"
    " requests for bills without a list of calls. Entries are never changed or deleted; only text"
    " that may name a person is erased with the customer."
)
class ConsentEntry(Node):
    customer_id: strawberry.ID = strawberry.field(
        description="The id of the customer, who may be erased."
    )
    sequence: int = strawberry.field(
        description="The number of the entry in the customer's consent ledger, counted from 1."
    )
    kind: EntryKindEnum = strawberry.field(description="What the entry records.")  # type: ignore[valid-type]  # an enum with another name
    correction: ConsentCorrection | None = computed(
        ConsentCorrection.of,
        "corrects_id",
        "testimony.correction_reason",
        description="What the entry corrects, and why; null if it is not a correction.",
        masked=CORRECTION,
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis of the consent; null unless the entry is a grant."
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
        description="How the person gave or withdrew consent, or made or withdrew a request for"
        " bills without a list of calls; null if not recorded."
    )
    document_name: str | None = strawberry.field(
        description="The name of the document that the person who gave consent was shown; null if"
        " there was none."
    )
    document_version: str | None = strawberry.field(
        description="The version of the document in `documentName`; null if not recorded."
    )
    is_emailing_covered: bool = computed(
        _unchanged,
        "covers_emailing",
        description="Whether the user who recorded the entry affirmed that the document in"
        " `documentName` covers sending itemised bills and call records by email.",
    )
    evidence_sha256: str | None = strawberry.field(
        description="The SHA-256 hash of the evidence for the consent, in hexadecimal; null if not"
        " recorded. The hash is kept when the customer is erased."
    )
    given_by: str | None = _testimony(
        "given_by",
        "The name of the person who gave consent; null unless the entry is a grant, and once the"
        " customer is erased.",
    )
    given_by_role: str | None = _testimony(
        "given_by_role",
        "The role of the person who gave consent, such as director; null if not recorded, and once"
        " the customer is erased.",
    )
    statement: str | None = _testimony(
        "statement",
        "What the person who gave consent was told, word for word; null if not recorded, and once"
        " the customer is erased.",
    )
    evidence_reference: str | None = _testimony(
        "evidence_reference",
        "Where the evidence for the entry is kept, such as a file or ticket number; null if not"
        " recorded, and once the customer is erased.",
    )
    asked_by: str | None = _testimony(
        "asked_by",
        "The name of the person who withdrew consent, or made or withdrew a request for bills"
        " without a list of calls; null for a grant, if not recorded, and once the customer is"
        " erased.",
    )
    reason: str | None = _testimony(
        "reason",
        "The reason that the person in `askedBy` gave; null for a grant, if not recorded, and once"
        " the customer is erased.",
    )
    is_pseudonymised: bool = computed(
        _is_erased,
        "testimony.salt",
        description="Whether text that may name a person was erased from the entry, because the"
        " customer was erased.",
    )
    previous_hash: str = strawberry.field(
        description="The `hash` of the previous entry in the ledger; 64 zeros for the first entry."
    )
    hash: str = strawberry.field(
        description="The SHA-256 hash of this entry and `previousHash`, in hexadecimal. Keep it to"
        " prove later that the ledger still contains the entry."
    )

    corrects_id: strawberry.Private[str | None]


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
        description="Whether the customer's consent is in force; false if consent was never"
        " recorded."
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis of the consent; null if consent is not given."
    )
    since: datetime | None = strawberry.field(
        description="When consent was last given or withdrawn, in UTC: the effective time of"
        " `entry`. Null if it never was."
    )
    entry: ConsentEntry | None = restricted(
        Scope.CONSENT_READ,
        description="The entry of the consent ledger that decides: the last grant or withdrawal in"
        " effect. Null if there is none, and without the permission consent:read.",
    )

    @classmethod
    def at(cls, ledger: Sequence[ConsentEntry], instant: datetime) -> "Consent":
        entry = deciding_entry(ledger, Matter.CONSENT, instant)
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

    is_requested: bool = strawberry.field(
        description="Whether the customer's request for bills without a list of calls is in force."
    )
    since: datetime | None = strawberry.field(
        description="When a request for bills without a list of calls was last made or withdrawn,"
        " in UTC: the effective time of `entry`. Null if there was none."
    )
    entry: ConsentEntry | None = restricted(
        Scope.CONSENT_READ,
        description="The entry of the consent ledger that decides: the last request, or its"
        " withdrawal, in effect. Null if there is none, and without the permission consent:read.",
    )

    @classmethod
    def at(cls, ledger: Sequence[ConsentEntry], instant: datetime) -> "NonItemisedBills":
        entry = deciding_entry(ledger, Matter.NON_ITEMISED, instant)
        state = non_itemised_by(entry)
        return cls(
            is_requested=state.is_requested,
            since=state.since,
            entry=entry,
        )


async def _consents(
    selection: Selection, customers: Sequence[Any], at: datetime | None = None
) -> list[Consent]:
    instant = selection.info.context.clock() if at is None else checked_instant(at, "at")
    consents = [Consent.at(one.ledger, instant) for one in customers]
    show(selection.info, Consent, consents)
    return consents


async def _non_itemised_now(
    selection: Selection, customers: Sequence[Any]
) -> list[NonItemisedBills]:
    now = selection.info.context.clock()
    requests = [NonItemisedBills.at(one.ledger, now) for one in customers]
    show(selection.info, NonItemisedBills, requests)
    return requests


async def _ledgers(_: Selection, customers: Sequence[Any]) -> list[list[ConsentEntry]]:
    return [one.ledger for one in customers]


CONSENT = _ledger_field(_consents, "entry")
NON_ITEMISED = _ledger_field(_non_itemised_now, "entry")
LEDGER = _ledger_field(_ledgers)
