"""Consent as clients see it: the flag at an instant, and the entries that it follows from."""

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
    "What an entry of the consent ledger says.",
    {
        "GRANT": "Consent was given, or renewed (R58).",
        "WITHDRAWAL": "Consent was withdrawn (R54).",
        "ANNULMENT": "The entry that it corrects should not have been made, and counts no more.",
        "NON_ITEMISED_REQUEST": "Bills without itemisation were asked for (A16).",
        "NON_ITEMISED_WITHDRAWAL": "That request was withdrawn (A16).",
    },
)
ConsentBasisEnum = described_enum(
    ConsentBasis,
    "ConsentBasis",
    "The lawful basis that a grant records (R50).",
    {
        "TERMS_ACCEPTED": "Terms and conditions were accepted that cover emailing call records.",
        "PRIVACY_POLICY_CONSENT": "Consent by a privacy policy that covers it.",
        "WRITTEN_OPT_IN": "An explicit opt-in in writing.",
    },
)
ConsentMethodEnum = described_enum(
    ConsentMethod,
    "ConsentMethod",
    "How somebody gave, withdrew or asked.",
    {
        "ONLINE": "On a web page, as at sign-up.",
        "EMAIL": "By email.",
        "PAPER": "On paper.",
        "TELEPHONE": "By telephone.",
        "IN_PERSON": "Face to face.",
        "OTHER": "In another way.",
    },
)

PROJECTED = ("sequence", "kind", "basis", "effective_at", "recorded_at", "corrects_id")
"""The columns that say what an entry means for the flag."""


def _itself(value: Any) -> Any:
    return value


def _is_blank(salt: str | None) -> bool:
    return salt is None


def _said(column: str, description: str) -> Any:
    """Declare an attribute that is a column of the testimony, null once it is erased."""
    return computed(_itself, f"testimony.{column}", description=description, masked=NULLED)


@strawberry.type(description="One entry of a customer's consent ledger; never changed (R55).")
class ConsentEntry:
    """An entry: who, when, how, what they were told, and on what basis."""

    id: strawberry.ID = strawberry.field(description="The id of the entry.")
    sequence: int = strawberry.field(description="Its number in the ledger of its customer.")
    kind: EntryKindEnum = strawberry.field(description="What it says.")  # type: ignore[valid-type]  # an enum with another name
    corrects_id: strawberry.ID | None = strawberry.field(
        description="The entry whose place it takes; that one counts no more (R55)."
    )
    basis: ConsentBasisEnum | None = strawberry.field(description="The basis, of a grant.")  # type: ignore[valid-type]  # see above
    effective_at: datetime = strawberry.field(
        description="From when on it counts, in UTC; it may lie ahead (R56)."
    )
    recorded_at: datetime = strawberry.field(description="When it was recorded, in UTC.")
    recorded_by: str = strawberry.field(description="Who recorded it, by name.")
    recorded_by_id: strawberry.ID = strawberry.field(
        description="Who recorded it, by credential (R52)."
    )
    method: ConsentMethodEnum | None = strawberry.field(description="How it was given.")  # type: ignore[valid-type]  # see above
    document_name: str | None = strawberry.field(description="The document they were shown (R53).")
    document_version: str | None = strawberry.field(description="Its version (R53).")
    is_emailing_covered: bool = computed(
        _itself,
        "covers_emailing",
        description="Whether the recorder affirmed that it covers sending itemised bills and call"
        " records by email (R53).",
    )
    evidence_sha256: str | None = strawberry.field(
        description="SHA-256 of the evidence, in hexadecimal; it outlives erasure."
    )
    given_by: str | None = _said("given_by", "Who gave consent.")
    given_by_role: str | None = _said("given_by_role", "In which role, such as director.")
    statement: str | None = _said("statement", "What they were told, in its words.")
    evidence_reference: str | None = _said("evidence_reference", "Where the evidence is kept.")
    asked_by: str | None = _said("asked_by", "Who asked for it, of anything but a grant.")
    reason: str | None = _said("reason", "Why they asked for it.")
    correction_reason: str | None = _said("correction_reason", "Why the entry was corrected.")
    is_pseudonymised: bool = computed(
        _is_blank,
        "testimony.salt",
        description="Whether what may name a person was erased with the customer (A18).",
    )
    previous_hash: str = strawberry.field(
        description="The hash of the entry before; 64 zeros for the first."
    )
    hash: str = strawberry.field(
        description="SHA-256 over this entry and previousHash; keep it to prove later that the"
        " ledger still holds it."
    )


maps_to(ConsentEntry, models.ConsentEntry)


def _of_ledger(bring: Callable[..., Awaitable[Sequence[Any]]], *path: str) -> dict[str, Any]:
    """Bring what is made of customers' entries, with what the field selects of them at a path."""
    needed = Requires(Scope.CONSENT_READ)
    rows = Rows(ConsentEntry, "customer_id", "t0.sequence", PROJECTED, path, needed)
    return batched(bring, paths=(), rows={"ledger": rows})


@strawberry.type(
    description="GDPR & PECR Consent Given at an instant: the record that a lawful basis exists."
)
class Consent:
    """The projection of the ledger (R56)."""

    is_given: bool = strawberry.field(description="Whether consent is given; no by default (R48).")
    basis: ConsentBasisEnum | None = strawberry.field(description="On what basis, if it is given.")  # type: ignore[valid-type]  # see above
    since: datetime | None = strawberry.field(
        description="From when on the entry that decides counts, in UTC; null without one."
    )
    entry: ConsentEntry | None = restricted(
        Scope.CONSENT_READ,
        description="The entry that decides, a withdrawal too; needs consent:read.",
    )

    @classmethod
    def at(cls, ledger: Sequence[ConsentEntry], instant: datetime) -> "Consent":
        """Show the flag at an instant."""
        entry = deciding(ledger, Matter.CONSENT, instant)
        state = consent_by(entry)
        return cls(
            is_given=state.is_given,
            basis=state.basis,
            since=state.since,
            entry=entry,
        )


@strawberry.type(
    description="Whether the customer asked for bills without itemisation (PECR regulation 9); it"
    " beats consent and preferences for email, and leaves MyAccount alone (A16)."
)
class NonItemisedBills:
    """The projection of requests and their withdrawals."""

    is_requested: bool = strawberry.field(description="Whether they are asked for.")
    since: datetime | None = strawberry.field(
        description="From when on the entry that decides counts, in UTC; null without one."
    )
    entry: ConsentEntry | None = restricted(
        Scope.CONSENT_READ, description="The entry that decides; needs consent:read."
    )

    @classmethod
    def at(cls, ledger: Sequence[ConsentEntry], instant: datetime) -> "NonItemisedBills":
        """Show the request at an instant."""
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


CONSENT = _of_ledger(_consents_now, "entry")
CONSENT_AT = _of_ledger(_consents_at, "entry")
NON_ITEMISED = _of_ledger(_non_itemised_now, "entry")
LEDGER = _of_ledger(_ledgers)
