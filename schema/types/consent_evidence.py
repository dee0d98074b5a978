"""The evidence of a customer's consent, and whether its ledger is what was written."""

from datetime import datetime

import strawberry

import models
from models.lists.consent_evidence import Verification, verify
from models.lists.personal_data import MASK
from models.rules.consent_chain import BreakCode
from models.storage.sql import Sql
from schema.base.descriptions import described_enum
from schema.base.projections import full_row_query
from schema.types.consent import Consent, ConsentEntry, NonItemisedBills
from schema.types.customer import NAME

BreakCodeEnum = described_enum(
    BreakCode,
    "LedgerBreakCode",
    "A way in which a ledger can fail to be what was written.",
    {
        "ENTRY_MISSING": "An entry is not there.",
        "ENTRY_CHANGED": "An entry does not match its own hash.",
        "CHAIN_BROKEN": "An entry does not follow from the one before it.",
        "TESTIMONY_CHANGED": "What an entry says of persons does not match its digest.",
        "TESTIMONY_MISSING": "What an entry says is gone, though the customer was not erased.",
        "END_DIFFERS": "The ledger does not end as was noted when its last entry was recorded.",
        "PROJECTION_DIFFERS": "Filters and counts go by other times than follow from the entries.",
        "KNOWN_HASH_MISSING": "No entry has the hash that was given as known.",
    },
)


@strawberry.type(description="One place where a ledger breaks.")
class LedgerBreak:
    """A break."""

    code: BreakCodeEnum = strawberry.field(description="What is wrong, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="What is wrong, for people, in English.")
    sequence: int | None = strawberry.field(description="The number of the entry, if it is one.")
    entry_id: strawberry.ID | None = strawberry.field(description="Its id, if it is there.")


@strawberry.type(description="What verifying the hash chain of a customer's ledger found.")
class LedgerVerification:
    """A verification."""

    customer_id: strawberry.ID = strawberry.field(description="Whose ledger it is.")
    is_intact: bool = strawberry.field(description="Whether nothing is wrong with it.")
    entry_count: int = strawberry.field(description="Entries that are there.")
    last_hash: str | None = strawberry.field(
        description="The hash of the last entry; keep it, and give it as knownHash another time."
    )
    breaks: list[LedgerBreak] = strawberry.field(description="Where it breaks; empty if intact.")
    verified_at: datetime = strawberry.field(description="When it was verified, in UTC.")

    @classmethod
    def of(cls, found: Verification, now: datetime) -> "LedgerVerification":
        """Show a verification."""
        return cls(
            customer_id=strawberry.ID(found.customer_id),
            is_intact=not found.breaks,
            entry_count=found.entry_count,
            last_hash=found.last_hash,
            breaks=[
                LedgerBreak(
                    code=one.code,
                    message=one.message,
                    sequence=one.sequence,
                    entry_id=None if one.entry_id is None else strawberry.ID(one.entry_id),
                )
                for one in found.breaks
            ],
            verified_at=now,
        )


@strawberry.type(
    description="Who gave consent, when, how, what they were told, and when it was withdrawn; of"
    " an erased customer too, without what names a person (A18)."
)
class ConsentEvidence:
    """The export; `web/consent_export.py` serves the same as CSV."""

    customer_id: strawberry.ID = strawberry.field(description="The customer.")
    account_number: str = strawberry.field(description="Its account number.")
    customer_name: str = strawberry.field(description=NAME.described("Its name."))
    is_erased: bool = strawberry.field(description="Whether the customer was erased.")
    generated_at: datetime = strawberry.field(description="When this was made, in UTC.")
    consent: Consent = strawberry.field(description="The flag as it is then.")
    non_itemised_bills: NonItemisedBills = strawberry.field(
        description="The request for bills without itemisation as it is then."
    )
    entries: list[ConsentEntry] = strawberry.field(description="All entries by sequence.")
    verification: LedgerVerification = strawberry.field(
        description="Whether the entries are what was written."
    )


async def evidence_of(
    customer_id: str, now: datetime, *, is_masked: bool
) -> ConsentEvidence | None:
    """Read the evidence of a customer, erased or not, in a transaction; nothing for nobody."""
    verified = await verify(customer_id)
    customer = await models.Customer.get_or_none(id=customer_id).select_related("customer_class")
    if verified is None or customer is None:
        return None
    is_hidden = is_masked and customer.customer_class.flags.is_legal_individual
    entries: list[ConsentEntry] = await full_row_query(ConsentEntry, is_masked=is_masked).read(
        Sql("t0.customer_id = ?", (customer_id,)), "ORDER BY t0.sequence"
    )
    return ConsentEvidence(
        customer_id=strawberry.ID(customer_id),
        account_number=customer.account_number,
        customer_name=MASK if is_hidden else customer.name,
        is_erased=verified.is_erased,
        generated_at=now,
        consent=Consent.at(entries, now),
        non_itemised_bills=NonItemisedBills.at(entries, now),
        entries=entries,
        verification=LedgerVerification.of(verified, now),
    )
