"""Who would have been emailed detail in a period, as clients see it."""

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
"""Exposures are counted this far; what is longer is said to be longer."""


@strawberry.type(
    description="A time in which a contact would have been emailed documents in full, by one"
    " authority and at one address."
)
class DeliveryExposure:
    """An exposure."""

    customer_id: strawberry.ID = strawberry.field(description="The customer, erased or not.")
    contact_id: strawberry.ID = strawberry.field(description="Who would have been sent them.")
    documents: list[DocumentEnum] = strawberry.field(description="What would have been sent.")  # type: ignore[valid-type]  # an enum with another name
    reason: DeliveryReasonEnum = strawberry.field(  # type: ignore[valid-type]  # see above
        description="On whose authority: ACCOUNT_CONSENT or CONTACT_PREFERENCE."
    )
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The basis of the consent; null for a contact's own preference."
    )
    entry_id: strawberry.ID | None = strawberry.field(
        description="The consent or preference entry that it rests on (R78)."
    )
    from_at: datetime = strawberry.field(
        description="When it began, in UTC; that of the period at the earliest."
    )
    until_at: datetime = strawberry.field(
        description="When it ended, in UTC and not included; that of the period at the latest."
    )
    customer: Customer | None = strawberry.field(description="The customer; null once erased.")
    contact_name: str | None = restricted(
        Scope.CONTACTS_READ, description="The contact's name when it began.", masked=STARRED
    )
    email: str | None = restricted(
        Scope.CONTACTS_READ,
        description="The address that it would have gone to; null once erased.",
        masked=NULLED,
    )
    key: strawberry.Private[tuple[str, str, datetime]]

    @classmethod
    def of(cls, exposure: Exposure, customer: Customer | None) -> "DeliveryExposure":
        """Show an exposure."""
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


@strawberry.type(description="How many rest on one authority and one basis.")
class ExposureAuthority:
    """A count."""

    reason: DeliveryReasonEnum = strawberry.field(description="The authority.")  # type: ignore[valid-type]  # see above
    basis: ConsentBasisEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="The basis of the consent; null for contacts' own preferences."
    )
    exposure_count: int = strawberry.field(description="Exposures.")
    contact_count: int = strawberry.field(description="Contacts among them, each once.")
    customer_count: int = strawberry.field(description="Customers among them, each once.")


@strawberry.type(description="How many there are in the whole period; 10,000 exposures at most.")
class DeliveryExposureCounts:
    """Counts."""

    exposure_count: int = strawberry.field(description="Exposures.")
    contact_count: int = strawberry.field(description="Contacts among them, each once.")
    customer_count: int = strawberry.field(description="Customers among them, each once.")
    by_authority: list[ExposureAuthority] = strawberry.field(
        description="The same by authority and basis."
    )
    is_exact: bool = strawberry.field(
        description="Whether that is all of them; beyond 10,000 exposures, take the CSV export."
    )


@strawberry.type(description="A page of exposures, ordered by customer, contact and time.")
class DeliveryExposureConnection(Page[DeliveryExposure]):
    """A page of a list that is counted by authority and basis."""

    count: strawberry.Private[Callable[[], Awaitable[DeliveryExposureCounts]]]

    @strawberry.field(
        description="Exposures, contacts, customers, authorities and bases; counted when asked for."
    )
    async def counts(self) -> DeliveryExposureCounts:
        """Count them."""
        return await self.count()


@dataclass(slots=True)
class _Tally:
    exposures: int = 0
    contacts: set[str] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)

    def add(self, exposure: Exposure) -> None:
        self.exposures += 1
        self.contacts.add(exposure.contact_id)
        self.customers.add(exposure.customer_id)


async def counted(found: AsyncIterator[Exposure]) -> DeliveryExposureCounts:
    """Count exposures, as far as they are counted."""
    total = _Tally()
    tallies: dict[tuple[DeliveryReason, ConsentBasis | None], _Tally] = {}
    is_exact = True
    async for exposure in found:
        if total.exposures == MAX_COUNTED:
            is_exact = False
            break
        total.add(exposure)
        tallies.setdefault((exposure.reason, exposure.basis), _Tally()).add(exposure)
    return DeliveryExposureCounts(
        exposure_count=total.exposures,
        contact_count=len(total.contacts),
        customer_count=len(total.customers),
        by_authority=[
            ExposureAuthority(
                reason=reason,
                basis=basis,
                exposure_count=tally.exposures,
                contact_count=len(tally.contacts),
                customer_count=len(tally.customers),
            )
            for (reason, basis), tally in sorted(
                tallies.items(), key=lambda one: (one[0][0], one[0][1] or "")
            )
        ],
        is_exact=is_exact,
    )
