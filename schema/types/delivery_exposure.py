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
    description="A period in which a contact would have been emailed documents in full, at one"
    " email address and on one authority."
)
class DeliveryExposure:
    customer_id: strawberry.ID = strawberry.field(
        description="The customer's id; erased customers are included."
    )
    contact_id: strawberry.ID = strawberry.field(
        description="The id of the contact who would have been emailed the documents."
    )
    documents: list[DocumentEnum] = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The documents that would have been emailed in full."
    )
    reason: DeliveryReasonEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The authority: ACCOUNT_CONSENT or CONTACT_PREFERENCE."
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis of the consent; null for a contact's preference."
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
    customer: Customer | None = strawberry.field(description="The customer; null if it was erased.")
    contact_name: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The contact's name when the exposure began; `(erased)` once erased. Null"
        " without the permission contacts:read.",
        masked=STARRED,
    )
    email: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The email address that would have been used; null once erased, and without"
        " the permission contacts:read.",
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


@strawberry.type(description="The number of exposures with the same authority and basis.")
class ExposureAuthority:
    reason: DeliveryReasonEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The authority: ACCOUNT_CONSENT or CONTACT_PREFERENCE."
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The lawful basis of the consent; null for contacts' preferences."
    )
    exposure_count: int = strawberry.field(description="The number of exposures.")
    contact_count: int = strawberry.field(
        description="The number of different contacts among them."
    )
    customer_count: int = strawberry.field(
        description="The number of different customers among them."
    )


@strawberry.type(
    description="The number of exposures in the whole list; at most 10,000 are counted."
)
class DeliveryExposureCounts:
    exposure_count: int = strawberry.field(description="The number of exposures, at most 10,000.")
    contact_count: int = strawberry.field(
        description="The number of different contacts among them."
    )
    customer_count: int = strawberry.field(
        description="The number of different customers among them."
    )
    by_authority: list[ExposureAuthority] = strawberry.field(
        description="The same numbers for each authority and basis."
    )
    is_exact: bool = strawberry.field(
        description="Whether all exposures are counted; false if there are more than 10,000. Use"
        " the CSV export for longer lists."
    )


@strawberry.type(description="A page of exposures, ordered by customer, contact and time.")
class DeliveryExposureConnection(Page[DeliveryExposure]):
    """A page of exposures, with counts of the whole list by authority and basis."""

    count: strawberry.Private[Callable[[], Awaitable[DeliveryExposureCounts]]]

    @strawberry.field(
        description="The numbers of exposures, contacts and customers in the whole list, by"
        " authority and basis; counted only when this field is selected."
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
