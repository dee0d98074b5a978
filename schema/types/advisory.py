"""Advisories on customers: matters for staff to review."""

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
    "REVIEW_CONSENT": "The customer changed between individual and organisation, by a move to"
    " another class or a change of its class's flags, and consent is on record: review the"
    " consent.",
    "CONSENT_BY_TERMS": "The customer is a legal individual, and the consent rests on accepted"
    " terms and conditions; the regulator (ICO) expects consent to be separate from these.",
    "CONSENT_WITHOUT_VERSION": "The consent does not say which version of the document was"
    " accepted.",
    "CONSENT_OUTDATED": "The consent is older than the platform's maximum age for consent.",
    "CONSENT_REACHES_UNVERIFIED": "The consent covers an email address on the bill"
    " distribution list that is not verified.",
}
AdvisoryCodeEnum = described_enum(
    AdvisoryCode,
    "AdvisoryCode",
    "A matter that staff should review. An advisory never changes anything by itself.",
    {
        **_OF_CONSENT,
        "CLASS_MISMATCH": "The company type in the Companies House register does not fit the"
        " customer's class.",
        "NAME_MISMATCH": "The register has another name for this company number; the number may be"
        " wrong.",
        "COMPANY_NOT_ACTIVE": "The company is dissolved, in liquidation or in a similar state.",
        "STRIKE_OFF_PROPOSED": "The company is active, but about to be struck off the register.",
        "NAME_DOES_NOT_FIT_CLASS": "The name is a company's but the class is for individuals; or"
        " the name looks like a person's, the class is for companies, and no register data is"
        " available.",
    },
)
ConsentAdvisoryCodeEnum = described_enum(
    ConsentAdvisoryCode,
    "ConsentAdvisoryCode",
    "A matter to review about a customer's consent. Customers can be filtered and counted by these"
    " codes.",
    _OF_CONSENT,
)


@strawberry.type(
    description="A matter about a customer that staff should review. It changes nothing by itself."
)
class Advisory:
    code: AdvisoryCodeEnum = strawberry.field(description="The kind of advisory, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="What to review, for people, in English.")
    suggested_class_code: str | None = strawberry.field(
        description="The code of the shipped class that would fit the customer; null if the"
        " advisory suggests no class."
    )

    @classmethod
    def of(cls, found: Found) -> "Advisory":
        return cls(
            code=found.code,
            message=found.message,
            suggested_class_code=found.suggested_class_code,
        )


@strawberry.type(description="The number of customers with a particular consent advisory.")
class ConsentAdvisoryCount:
    code: ConsentAdvisoryCodeEnum = strawberry.field(description="The kind of advisory.")  # type: ignore[valid-type]  # an enum with another name
    customer_count: int = strawberry.field(
        description="The number of customers that have the advisory now."
    )


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
) -> list[Advisory]:
    """List the advisories on a customer of a class; REVIEW_CONSENT only if consent is on record."""
    is_on_record = any(consent.ends_after(now) for consent in consents)
    found = advisories(
        name=name,
        class_code=class_code,
        is_checked=is_checked,
        is_individual=is_individual,
        profile=profile,
        consent_review_due_at=consent_review_due_at if is_on_record else None,
    )
    found += consent_advisories(
        consents, is_individual=is_individual, now=now, oldest_age=oldest_consent
    )
    return [Advisory.of(one) for one in found]


async def _advisories(selection: Selection, customers: Sequence[Any]) -> list[list[Advisory]]:
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
        )
        for one in customers
    ]


ADVISORIES = batched(
    _advisories,
    "name",
    "profile",
    "consent_review_due_at",
    "customer_class.code",
    "customer_class.check_companies_house",
    "customer_class.is_personal_customer",
    "customer_class.is_sole_trader",
    paths=(),
)
