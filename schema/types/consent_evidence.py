"""The evidence of a customer's consent, and the verification of its ledger."""

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
    "A way in which a consent ledger can differ from what was recorded.",
    {
        "ENTRY_MISSING": "An entry is missing.",
        "ENTRY_CHANGED": "An entry does not match its own hash.",
        "CHAIN_BROKEN": "An entry does not contain the hash of the entry before it.",
        "TESTIMONY_CHANGED": "The personal text of an entry (names, reason, statement) does not"
        " match its hash.",
        "TESTIMONY_MISSING": "The personal text of an entry (names, reason, statement) is missing,"
        " although the customer was not erased.",
        "END_DIFFERS": "The ledger does not end with the entry that was recorded last.",
        "PROJECTION_DIFFERS": "The stored consent periods, which filters and counts use, differ"
        " from those that follow from the entries.",
        "KNOWN_HASH_MISSING": "No entry has the hash passed as `knownHash`.",
    },
)


@strawberry.type(description="A place where a consent ledger differs from what was recorded.")
class LedgerBreak:
    code: BreakCodeEnum = strawberry.field(description="The kind of difference, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="What is wrong, for people, in English.")
    sequence: int | None = strawberry.field(
        description="The number of the ledger entry that differs or is missing; null if the"
        " difference is not about one entry."
    )
    entry_id: strawberry.ID | None = strawberry.field(
        description="The id of the ledger entry that differs; null if the entry is missing, or the"
        " difference is not about one entry."
    )


@strawberry.type(
    description="The result of verifying the hash chain of a customer's consent ledger."
)
class LedgerVerification:
    customer_id: strawberry.ID = strawberry.field(description="The id of the customer.")
    is_intact: bool = strawberry.field(
        description="Whether the ledger is as it was recorded: there are no `breaks`."
    )
    entry_count: int = strawberry.field(description="The number of entries in the ledger.")
    last_hash: str | None = strawberry.field(
        description="The hash of the last entry of the ledger; null if there are no entries. Keep"
        " it, and pass it as `knownHash` to a later verification."
    )
    breaks: list[LedgerBreak] = strawberry.field(
        description="The places where the ledger differs from what was recorded; empty if it is"
        " intact."
    )
    verified_at: datetime = strawberry.field(description="When the ledger was verified, in UTC.")

    @classmethod
    def of(cls, found: Verification, now: datetime) -> "LedgerVerification":
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
    description="The evidence of a customer's consent: who gave it, when, how, what they were"
    " told, and when it was withdrawn. It is kept when the customer is erased, without text that"
    " may name a person."
)
class ConsentEvidence:
    """The evidence of a customer's consent; `web/consent_export.py` exports it as CSV."""

    customer_id: strawberry.ID = strawberry.field(description="The id of the customer.")
    account_number: str = strawberry.field(
        description="The customer's account number; once the customer is erased, `(erased)` and the"
        " customer's id."
    )
    customer_name: str = strawberry.field(
        description=NAME.described("The customer's name; `(erased)` once the customer is erased.")
    )
    is_erased: bool = strawberry.field(description="Whether the customer was erased.")
    generated_at: datetime = strawberry.field(
        description="When this evidence was generated, in UTC; `consent` and `nonItemisedBills`"
        " are as of this instant."
    )
    consent: Consent = strawberry.field(description="The customer's consent at `generatedAt`.")
    non_itemised_bills: NonItemisedBills = strawberry.field(
        description="The customer's request for bills without a list of calls at `generatedAt`."
    )
    entries: list[ConsentEntry] = strawberry.field(
        description="All entries of the customer's consent ledger, by sequence."
    )
    verification: LedgerVerification = strawberry.field(
        description="The result of verifying the hash chain of the customer's consent ledger."
    )


async def evidence_of(
    customer_id: str, now: datetime, *, is_masked: bool
) -> ConsentEvidence | None:
    """Return a customer's consent evidence, also if erased; None if the customer is unknown.

    Must run in a transaction.
    """
    verified = await verify(customer_id)
    customer = await models.Customer.get_or_none(id=customer_id).select_related("customer_class")
    if verified is None or customer is None:
        return None
    is_hidden = is_masked and customer.customer_class.flags.is_legal_individual
    entries: list[ConsentEntry] = await full_row_query(
        ConsentEntry, "corrects_id", is_masked=is_masked
    ).read(Sql("t0.customer_id = ?", (customer_id,)), "ORDER BY t0.sequence")
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
