"""Delivery exposures: who would have been emailed call detail in a period."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime

import strawberry

from models.rules.consent import ConsentBasis
from models.rules.delivery import DeliveryReason
from models.rules.delivery_exposure import Exposure
from models.tables.access import Scope
from schema.base.connection import Page
from schema.base.personal import NULLED, STARRED
from schema.base.restricted import restricted
from schema.types.consent import ConsentBasisEnum
from schema.types.customer import Customer
from schema.types.delivery_rules import DeliveryReasonEnum
from schema.types.document import DocumentEnum

MAX_COUNTED = 10_000
"""The most exposures to count; if there are more, `is_exact` is false."""


@strawberry.type(
    description="A period in which a contact would have been emailed documents in full (with call"
    " detail), at one email address and because of one authority: the account's consent, or the"
    " contact's attachment preference."
)
class DeliveryExposure:
    customer_id: strawberry.ID = strawberry.field(
        description="The customer's id; erased customers are included."
    )
    contact_id: strawberry.ID = strawberry.field(
        description="The id of the contact who would have been emailed the documents."
    )
    documents: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The documents that would have been emailed with all call detail, and without a"
        " password."
    )
    reason: DeliveryReasonEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="What permitted emailing documents in full: ACCOUNT_CONSENT or"
        " CONTACT_PREFERENCE."
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis of the consent; null for a contact's attachment preference."
    )
    entry_id: strawberry.ID | None = strawberry.field(
        description="The id of the consent or preference entry that the exposure rests on."
    )
    from_at: datetime = strawberry.field(
        description="When the exposure began, in UTC; not before the requested period."
    )
    until_at: datetime = strawberry.field(
        description="When the exposure ended, in UTC, this instant excluded; not after the"
        " requested period."
    )
    customer: Customer | None = strawberry.field(
        description="The customer; null if the customer was erased."
    )
    contact_name: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The contact's name when the exposure began; `(erased)` once the contact is"
        " erased. Null without the permission contacts:read.",
        masked=STARRED,
    )
    email: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The email address that documents would have been sent to; null once the"
        " contact is erased, and without the permission contacts:read.",
        masked=NULLED,
    )
    key: strawberry.Private[tuple[str, str, datetime]]

    @classmethod
    def of(cls, exposure: Exposure, customer: Customer | None) -> "DeliveryExposure":
        return cls(
            customer_id=strawberry.ID(exposure.customer_id),
            contact_id=strawberry.ID(exposure.contact_id),
            documents=list(exposure.documents),
            reason=exposure.reason,
            basis=exposure.basis,
            entry_id=None if exposure.entry_id is None else strawberry.ID(exposure.entry_id),
            from_at=exposure.from_at,
            until_at=exposure.until_at,
            customer=customer,
            contact_name=exposure.name,
            email=exposure.email,
            key=exposure.key,
        )


@strawberry.input(
    description="Conditions on the exposures to list; an exposure is listed if it meets all"
    " conditions that are set."
)
class DeliveryExposureFilter:
    """Conditions on exposures; null does not filter."""

    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only exposures of contacts of the customer with this id."
    )
    contact_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only exposures of the contact with this id."
    )
    reasons: list[DeliveryReasonEnum] | None = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        default=None, description="Only exposures with one of these reasons."
    )
    bases: list[ConsentBasisEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default=None,
        description="Only exposures because of a consent with one of these lawful bases.",
    )


@strawberry.type(
    description="The numbers of exposures, contacts and customers with the same authority and"
    " lawful basis."
)
class ExposureAuthority:
    reason: DeliveryReasonEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="What permitted emailing documents in full: ACCOUNT_CONSENT or"
        " CONTACT_PREFERENCE."
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis of the consent; null for contacts' attachment preferences."
    )
    exposure_count: int = strawberry.field(
        description="The number of exposures with this authority and basis."
    )
    contact_count: int = strawberry.field(
        description="The number of different contacts in these exposures."
    )
    customer_count: int = strawberry.field(
        description="The number of different customers in these exposures."
    )


@strawberry.type(
    description="The numbers of exposures, contacts and customers in the whole list. Counting stops"
    " after 10,000 exposures, and `isExact` is then false."
)
class DeliveryExposureCounts:
    exposure_count: int = strawberry.field(
        description="The number of counted exposures: 10,000 if there are more."
    )
    contact_count: int = strawberry.field(
        description="The number of different contacts in the counted exposures."
    )
    customer_count: int = strawberry.field(
        description="The number of different customers in the counted exposures."
    )
    by_authority: list[ExposureAuthority] = strawberry.field(
        description="The numbers of counted exposures, contacts and customers for each authority"
        " and lawful basis."
    )
    is_exact: bool = strawberry.field(
        description="Whether all exposures are counted; false if there are more than 10,000. Use"
        " the CSV export for longer lists."
    )


@strawberry.type(
    description="A page of exposures (periods in which contacts would have been emailed documents"
    " in full), ordered by customer, contact and time."
)
class DeliveryExposureConnection(Page[DeliveryExposure]):
    """A page of exposures, with counts of the whole list by authority and basis."""

    count: strawberry.Private[Callable[[], Awaitable[DeliveryExposureCounts]]]

    @strawberry.field(
        description="The numbers of exposures, contacts and customers in the whole list, by"
        " authority and lawful basis; counted only when this field is selected."
    )
    async def counts(self) -> DeliveryExposureCounts:
        return await self.count()


@dataclass(slots=True)
class _Counter:
    exposures: int = 0
    contacts: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)

    def add(self, exposure: Exposure) -> None:
        self.exposures += 1
        self.contacts.add(exposure.contact_id)
        self.customers.add(exposure.customer_id)


async def counted(found: AsyncIterator[Exposure]) -> DeliveryExposureCounts:
    """Return the counts of exposures; counting stops after MAX_COUNTED."""
    total = _Counter()
    counters: dict[tuple[DeliveryReason, ConsentBasis | None], _Counter] = {}
    is_exact = True
    async for exposure in found:
        if total.exposures == MAX_COUNTED:
            is_exact = False
            break
        total.add(exposure)
        counters.setdefault((exposure.reason, exposure.basis), _Counter()).add(exposure)
    return DeliveryExposureCounts(
        exposure_count=total.exposures,
        contact_count=len(total.contacts),
        customer_count=len(total.customers),
        by_authority=[
            ExposureAuthority(
                reason=reason,
                basis=basis,
                exposure_count=counter.exposures,
                contact_count=len(counter.contacts),
                customer_count=len(counter.customers),
            )
            for (reason, basis), counter in sorted(
                counters.items(), key=lambda one: (one[0][0], one[0][1] or "")
            )
        ],
        is_exact=is_exact,
    )
