"""What somebody should look at about a customer, as clients see it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import strawberry

from models.lists.consent_list import given_consents
from models.rules.advisories import Advisory as Found
from models.rules.advisories import AdvisoryCode, advisories
from models.rules.classification import is_legal_individual
from models.rules.consent_advice import ConsentAdvisoryCode, GivenConsent, consent_advisories
from models.rules.profile import Profile
from schema.base.descriptions import described_enum
from schema.base.field_mapping import Selection, batched

_OF_CONSENT = {
    "REVIEW_CONSENT": "Consent is on record, and the customer, or the flags of its class, changed"
    " between individual and organisation since: review the consent.",
    "CONSENT_BY_TERMS": "A legal individual whose consent rests on accepted terms (A15).",
    "CONSENT_WITHOUT_VERSION": "The version of the document is not on record (R53).",
    "CONSENT_OUTDATED": "Consent is older than the platform's set age.",
    "CONSENT_REACHES_UNVERIFIED": "Consent covers an unverified address on the bill list (A13).",
}
AdvisoryCodeEnum = described_enum(
    AdvisoryCode,
    "AdvisoryCode",
    "What somebody should look at.",
    {
        **_OF_CONSENT,
        "CLASS_MISMATCH": "The register's type does not fit the class (A21).",
        "NAME_MISMATCH": "The register knows the company number under another name.",
        "COMPANY_NOT_ACTIVE": "The company is dissolved, in liquidation or the like.",
        "STRIKE_OFF_PROPOSED": "The company is active, and about to be struck off the register.",
        "NAME_DOES_NOT_FIT_CLASS": "A company's name in a class for individuals; or what looks like"
        " a person's in a class for companies, while the register has said nothing.",
    },
)
ConsentAdvisoryCodeEnum = described_enum(
    ConsentAdvisoryCode,
    "ConsentAdvisoryCode",
    "The advisories on consent, by which customers are filtered and counted.",
    _OF_CONSENT,
)


@strawberry.type(description="Something that somebody should look at; it changes nothing.")
class Advisory:
    """An advisory."""

    code: AdvisoryCodeEnum = strawberry.field(description="What it is, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="What it is, for people, in English.")
    suggested_class_code: str | None = strawberry.field(
        description="The shipped class that would fit, where that is the matter."
    )

    @classmethod
    def of(cls, found: Found) -> "Advisory":
        """Show an advisory of the domain."""
        return cls(
            code=found.code,
            message=found.message,
            suggested_class_code=found.suggested_class_code,
        )


@strawberry.type(description="How many customers have an advisory on consent.")
class ConsentAdvisoryCount:
    """A count."""

    code: ConsentAdvisoryCodeEnum = strawberry.field(description="The advisory.")  # type: ignore[valid-type]  # an enum with another name
    customer_count: int = strawberry.field(description="Customers that have it now.")


def advisories_of(
    class_code: str | None,
    is_checked: bool,
    is_individual: bool,
    consents: Sequence[GivenConsent],
    now: datetime,
    oldest_consent: timedelta,
    *,
    name: str,
    profile: Profile,
    consent_review_due_at: datetime | None,
    company_number: str | None,
    is_masked: bool,
) -> list[Advisory]:
    """Show what to look at about a customer in its class; only consent on record is reviewed."""
    is_on_record = any(consent.ends_after(now) for consent in consents)
    found = advisories(
        name=name,
        class_code=class_code,
        is_checked=is_checked,
        is_individual=is_individual,
        profile=profile,
        consent_review_due_at=consent_review_due_at if is_on_record else None,
        company_number=company_number,
        is_name_hidden=is_masked,
    )
    found += consent_advisories(
        consents, is_individual=is_individual, now=now, oldest_age=oldest_consent
    )
    return [Advisory.of(one) for one in found]


async def _bring(selection: Selection, customers: Sequence[Any]) -> list[list[Advisory]]:
    """Bring what to look at about some customers."""
    context = selection.info.context
    now = context.clock()
    consents = await given_consents([one.id for one in customers])
    return [
        advisories_of(
            one.row_customer_class_code,
            one.row_customer_class_check_companies_house,
            is_legal_individual(
                one.row_customer_class_is_personal_customer,
                one.row_customer_class_is_sole_trader,
            ),
            consents[one.id],
            now,
            context.oldest_consent,
            name=one.row_name,
            profile=one.row_profile,
            consent_review_due_at=one.row_consent_review_due_at,
            company_number=one.row_company_number,
            is_masked=context.is_masked,
        )
        for one in customers
    ]


ADVISORIES = batched(
    _bring,
    "name",
    "profile",
    "company_number",
    "consent_review_due_at",
    "customer_class.code",
    "customer_class.check_companies_house",
    "customer_class.is_personal_customer",
    "customer_class.is_sole_trader",
    paths=(),
)
