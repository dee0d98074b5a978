"""Advisories on customers: matters for staff to review."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from models.lists.consent_list import given_consents
from models.lists.same_company import MAX_OTHERS, OtherCustomer, others_of_same_company
from models.rules.advisories import Advisory as Found
from models.rules.advisories import AdvisoryCode, advisories
from models.rules.classification import is_legal_individual
from models.rules.consent_advice import ConsentAdvisoryCode, GivenConsent, consent_advisories
from models.rules.profile import Profile
from models.storage.row_query import RowQuery
from models.storage.sql import among
from schema.base.context import Context, Info
from schema.base.descriptions import described_enum
from schema.base.field_mapping import Selection, batched

if TYPE_CHECKING:
    from schema.types.customer import Customer

OTHER_CUSTOMERS = "otherCustomers"

_OF_CONSENT = {
    "REVIEW_CONSENT": "The customer changed between individual and organisation, by a move to"
    " another class or a change of its class's flags, and consent is on record: review the"
    " consent.",
    "CONSENT_BY_TERMS": "The customer is a private individual or sole trader, and their consent"
    " rests on accepted terms and conditions; the regulator (ICO) expects consent to be separate"
    " from these.",
    "CONSENT_WITHOUT_VERSION": "The customer's consent rests on terms or a privacy policy, and it"
    " is not on record which version of that document was accepted.",
    "CONSENT_OUTDATED": "The customer's consent is older than the platform's maximum age for"
    " consent.",
    "CONSENT_REACHES_UNVERIFIED": "The customer's consent covers an email address on the bill"
    " distribution list that is not verified.",
}
_OF_REGISTER = {
    "COMPANY_DISSOLVED": "The customer's company was dissolved.",
    "COMPANY_NOT_ACTIVE": "The customer's company is in liquidation, closed or in a similar state,"
    " but not dissolved.",
    "STRIKE_OFF_PROPOSED": "The customer's company is active, but about to be struck off the"
    " Companies House register.",
    "DUPLICATE_COMPANY_NUMBER": "Another customer that you may see has the same company number;"
    " the customer may be stored twice.",
}
AdvisoryCodeEnum = described_enum(
    AdvisoryCode,
    "AdvisoryCode",
    "The kinds of advisories on a customer: matters that staff should review. An advisory never"
    " changes anything by itself.",
    {
        **_OF_CONSENT,
        **_OF_REGISTER,
        "CLASS_MISMATCH": "The type of the company at Companies House does not fit the customer's"
        " class.",
        "NAME_MISMATCH": "Companies House has another name for the customer's company number; the"
        " number may be wrong.",
        "COMPANY_RENAMED": "The customer has a former name of its company, which has another name"
        " now.",
        "NAME_DOES_NOT_FIT_CLASS": "The customer's name does not fit the class. Either the name"
        " ends like a company's, and the class is for individuals; or the name looks like a"
        " person's, the class is for companies, and there is no data from Companies House.",
    },
)


class _SearchableAdvisoryCode(Enum):
    """The advisories that `models/lists/advisory_list.py` can find."""

    REVIEW_CONSENT = "REVIEW_CONSENT"
    CONSENT_BY_TERMS = "CONSENT_BY_TERMS"
    CONSENT_WITHOUT_VERSION = "CONSENT_WITHOUT_VERSION"
    CONSENT_OUTDATED = "CONSENT_OUTDATED"
    CONSENT_REACHES_UNVERIFIED = "CONSENT_REACHES_UNVERIFIED"
    COMPANY_DISSOLVED = "COMPANY_DISSOLVED"
    COMPANY_NOT_ACTIVE = "COMPANY_NOT_ACTIVE"
    STRIKE_OFF_PROPOSED = "STRIKE_OFF_PROPOSED"
    DUPLICATE_COMPANY_NUMBER = "DUPLICATE_COMPANY_NUMBER"


SearchableAdvisoryCode = described_enum(
    _SearchableAdvisoryCode,
    "SearchableAdvisoryCode",
    "The kinds of advisories by which customers can be filtered: all but NAME_MISMATCH,"
    " COMPANY_RENAMED, NAME_DOES_NOT_FIT_CLASS and CLASS_MISMATCH, for which each customer must be"
    " read.",
    {**_OF_CONSENT, **_OF_REGISTER},
)
ConsentAdvisoryCodeEnum = described_enum(
    ConsentAdvisoryCode,
    "ConsentAdvisoryCode",
    "The kinds of advisories on a customer's consent: matters that staff should review. Customers"
    " can be filtered and counted by them.",
    _OF_CONSENT,
)


@strawberry.type(
    description="A matter about a customer that staff should review. It changes nothing by itself."
)
class Advisory:
    code: AdvisoryCodeEnum = strawberry.field(description="The kind of advisory, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="What to review, for people, in English.")
    suggested_class_code: str | None = strawberry.field(
        description="The code of the class that came with the platform and would fit the customer;"
        " null if the advisory suggests no class."
    )
    other_customers: list[Annotated["Customer", strawberry.lazy("schema.types.customer")]] = (
        strawberry.field(
            description="For DUPLICATE_COMPANY_NUMBER: the other customers with the number, oldest"
            f" first, at most {MAX_OTHERS}; empty for other codes."
        )
    )

    @classmethod
    def of(cls, found: Found, others: Sequence["Customer"] = ()) -> "Advisory":
        """Return the advisory; `others` are other customers with the same company number."""
        is_about_others = found.code is AdvisoryCode.DUPLICATE_COMPANY_NUMBER
        return cls(
            code=found.code,
            message=found.message,
            suggested_class_code=found.suggested_class_code,
            other_customers=list(others) if is_about_others else [],
        )


@strawberry.type(description="The number of customers with a particular consent advisory.")
class ConsentAdvisoryCount:
    code: ConsentAdvisoryCodeEnum = strawberry.field(description="The kind of advisory.")  # type: ignore[valid-type]  # an enum with another name
    customer_count: int = strawberry.field(
        description="The number of customers that have the advisory now."
    )


@dataclass(frozen=True, slots=True)
class AdvisedCustomer:
    """The facts about a customer that advisories depend on, besides consents and others."""

    id: str
    name: str
    company_number: str | None
    profile: Profile
    consent_review_due_at: datetime | None
    class_code: str | None
    is_checked: bool
    is_individual: bool


async def advisories_on(
    info: Info, customers: Sequence[AdvisedCustomer], reader: RowQuery | None
) -> list[list[Advisory]]:
    """Return the advisories on each customer.

    `reader` reads the customers that `otherCustomers` shows; None if that field is not selected.
    """
    consents = await given_consents([one.id for one in customers])
    others = await others_of_same_company({one.id: one.company_number for one in customers})
    shown: dict[str, Any] = {}
    ids = sorted({other.id for some in others.values() for other in some})
    if reader is not None and ids:
        shown = {one.id: one for one in await reader.read(among("t0.id", ids))}
    return [
        [
            Advisory.of(found, [shown[one.id] for one in others[customer.id] if one.id in shown])
            for found in _found(info.context, customer, consents[customer.id], others[customer.id])
        ]
        for customer in customers
    ]


def _found(
    context: Context,
    customer: AdvisedCustomer,
    consents: Sequence[GivenConsent],
    others: Sequence[OtherCustomer],
) -> list[Found]:
    now = context.clock()
    is_on_record = any(consent.ends_after(now) for consent in consents)
    found = advisories(
        name=customer.name,
        class_code=customer.class_code,
        is_checked=customer.is_checked,
        is_individual=customer.is_individual,
        profile=customer.profile,
        consent_review_due_at=customer.consent_review_due_at if is_on_record else None,
        company_number=customer.company_number,
        other_accounts=[one.account_number for one in others],
        is_name_hidden=context.is_masked,
    )
    return found + consent_advisories(
        consents,
        is_individual=customer.is_individual,
        now=now,
        oldest_age=context.oldest_consent,
    )


async def _advisories(selection: Selection, customers: Sequence[Any]) -> list[list[Advisory]]:
    advised = [
        AdvisedCustomer(
            id=one.id,
            name=one.row_name,
            company_number=one.row_company_number,
            profile=one.row_profile,
            consent_review_due_at=one.row_consent_review_due_at,
            class_code=one.row_customer_class_code,
            is_checked=one.row_customer_class_check_companies_house,
            is_individual=is_legal_individual(
                one.row_customer_class_is_personal_customer,
                one.row_customer_class_is_sole_trader,
            ),
        )
        for one in customers
    ]
    reader = selection.reader if OTHER_CUSTOMERS in selection.fields else None
    return await advisories_on(selection.info, advised, reader)


ADVISORIES = batched(
    _advisories,
    "name",
    "profile",
    "company_number",
    "consent_review_due_at",
    "customer_class.code",
    "customer_class.check_companies_house",
    "customer_class.is_personal_customer",
    "customer_class.is_sole_trader",
    paths=((OTHER_CUSTOMERS,),),
)
