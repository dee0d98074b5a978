"""The customer as clients see it."""

from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from models.lists.personal_data import MASK, masked_name, masked_profile
from models.rules.classification import ClassFlags, CustomerLabel, InvoiceWording, SubscriberKind
from models.rules.profile import Profile
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.field_mapping import computed, maps_to, prefetched, to_many, to_one
from schema.base.node import Node
from schema.base.permissions import Requires
from schema.base.personal import STARRED, Masked, personal
from schema.types.advisory import ADVISORIES, Advisory
from schema.types.audit import AUDIT_TRAIL, AuditEntry
from schema.types.consent import (
    CONSENT,
    CONSENT_AT,
    LEDGER,
    NON_ITEMISED,
    Consent,
    ConsentEntry,
    NonItemisedBills,
)
from schema.types.customer_class import CustomerClass
from schema.types.delivery import DeliveryPreview
from schema.types.delivery_assumption import DeliveryAssumption
from schema.types.delivery_preview import DELIVERY_PREVIEW
from schema.types.enrichment import ENRICHMENT, Enrichment, Suggestion
from schema.types.profile import CompanyProfile

if TYPE_CHECKING:
    from schema.types.contact import Contact

LabelEnum = described_enum(
    CustomerLabel,
    "CustomerLabel",
    "What a customer is marked as, derived from its class (R25).",
    {
        "INDIVIDUAL": "The law treats the customer as an individual; sole traders too (R5).",
        "SOLE_TRADER": "A sole trader.",
        "RESELLER": "Sells services on to customers of its own.",
    },
)
SubscriberKindEnum = described_enum(
    SubscriberKind,
    "SubscriberKind",
    "Whether the subscriber is a natural person or an organisation.",
    {"INDIVIDUAL": "A natural person, sole traders included.", "CORPORATE": "An organisation."},
)
InvoiceWordingEnum = described_enum(
    InvoiceWording,
    "InvoiceWording",
    "Which set of phrases an invoice is worded with (R31).",
    {"STANDARD": "For those who use the services.", "RESELLER": "For those who sell them on."},
)


@strawberry.type(description="One move between classes; the first assignment is row one (R27).")
class ClassChange:
    """A row of the class history."""

    id: strawberry.ID = strawberry.field(description="The id of the row.")
    reason: str = personal(STARRED, description="Why the customer was moved.")
    changed_by: str = strawberry.field(description="Who moved it, by name.")
    changed_by_id: strawberry.ID = strawberry.field(description="Who moved it, by credential.")
    changed_at: datetime = strawberry.field(description="When it was moved, in UTC.")
    crosses_individual_line: bool = strawberry.field(
        description="Whether it moved between individuals and organisations (R30)."
    )
    from_class: CustomerClass | None = to_one(
        "from_class", name="from", description="The class before; null for the first one."
    )
    to_class: CustomerClass = to_one("to_class", name="to", description="The class after.")


maps_to(ClassChange, models.ClassChange)


CLASS_FLAGS = (
    "customer_class.is_personal_customer",
    "customer_class.is_sole_trader",
    "customer_class.is_reseller",
)


INDIVIDUAL_FLAGS = CLASS_FLAGS[:2]
NAME = Masked(
    ("name", *INDIVIDUAL_FLAGS), masked_name, f"`{MASK}` for individuals, sole traders too"
)


def _profile(profile: Profile) -> CompanyProfile:
    return CompanyProfile(profile=profile)


def _masked_profile(profile: Profile, *flags: bool) -> CompanyProfile:
    return CompanyProfile(profile=masked_profile(profile, *flags))


PROFILE = Masked(
    ("profile", *INDIVIDUAL_FLAGS),
    _masked_profile,
    "without address and names for individuals, sole traders too",
)


@cache
def _labels(*flags: bool) -> tuple[CustomerLabel, ...]:
    return ClassFlags(*flags).labels


@cache
def _subscriber_kind(*flags: bool) -> SubscriberKind:
    return ClassFlags(*flags).subscriber_kind


@cache
def _invoice_wording(*flags: bool) -> InvoiceWording:
    return ClassFlags(*flags).invoice_wording


@strawberry.type(description="A customer of the platform; it sits in exactly one class (R24).")
class Customer(Node):
    """A customer."""

    account_number: str = strawberry.field(description="Its number, unique on the platform.")
    external_reference: str | None = strawberry.field(
        description="What another system calls it; not unique."
    )
    name: str = personal(NAME, description="Its name.")
    company_number: str | None = strawberry.field(
        description="Its number at Companies House, normalised to 8 characters (R88)."
    )
    created_at: datetime = strawberry.field(description="When it was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When a user last changed a stored value, in UTC."
    )
    version: int = strawberry.field(
        description="Rises with each change by a user, not with enrichment; send it back as"
        " expectedVersion (R101)."
    )
    customer_class: CustomerClass = to_one(
        "customer_class", description="The class that it sits in, retired or not (R19, R94)."
    )
    class_history: list[ClassChange] = to_many(
        "customer_id",
        "t0.changed_at, t0.id",
        description="The classes that it has been in, oldest first (R27).",
    )
    labels: list[LabelEnum] = computed(  # type: ignore[valid-type]  # an enum with another name
        _labels, *CLASS_FLAGS, description="What it is marked as, by its class (R25)."
    )
    subscriber_kind: SubscriberKindEnum = computed(  # type: ignore[valid-type]  # see above
        _subscriber_kind,
        *CLASS_FLAGS,
        description="Natural person or organisation, by its class.",
    )
    invoice_wording: InvoiceWordingEnum = computed(  # type: ignore[valid-type]  # see above
        _invoice_wording, *CLASS_FLAGS, description="How its invoices are worded (R31)."
    )
    parent: "Customer | None" = to_one(
        "parent", description="The reseller that it buys through (R32)."
    )
    profile: CompanyProfile = computed(
        _profile,
        "profile",
        description="What is known of the company; filled by users and enrichment.",
        masked=PROFILE,
    )
    suggestions: list[Suggestion] = to_many(
        "customer_id",
        "t0.field",
        where="t0.status = 'OPEN'",
        description="Open suggestions: register values beside users' own (R86).",
    )
    ledger: strawberry.Private[list[ConsentEntry]]
    contacts: list[Annotated["Contact", strawberry.lazy("schema.types.contact")]] | None = to_many(
        "customer_id",
        "t0.id",
        where="t0.deleted_at IS NULL",
        requires=Requires(Scope.CONTACTS_READ),
        description="Its contacts, oldest first (R59).",
    )
    name_key: strawberry.Private[str]
    customer_class_id: strawberry.Private[str]

    @strawberry.field(
        description="Where it stands with Companies House (R87).", metadata=ENRICHMENT
    )
    def enrichment(self, info: Info) -> Enrichment:
        """Give the status with its runs."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(description="What somebody should look at (R30, A21).", metadata=ADVISORIES)
    def advisories(self, info: Info) -> list[Advisory]:
        """Give the advisories."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="GDPR & PECR Consent Given, as it is now (R56).", metadata=CONSENT
    )
    def consent(self, info: Info) -> Consent:
        """Give the flag now."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="The same at any instant, past or to come, by all that is on record now (R56).",
        metadata=CONSENT_AT,
    )
    def consent_given_at(
        self,
        info: Info,
        instant: Annotated[  # noqa: ARG002  # for the schema
            datetime, strawberry.argument(description="With an offset, as Z.")
        ],
    ) -> Consent:
        """Give the flag at an instant."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="All entries of its consent ledger by sequence, corrected ones and requests for"
        " bills without itemisation too (R55); needs consent:read.",
        extensions=[Requires(Scope.CONSENT_READ)],
        metadata=LEDGER,
    )
    def consent_history(self, info: Info) -> list[ConsentEntry] | None:
        """Give its entries."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="Whether it wants bills without itemisation now (A16).", metadata=NON_ITEMISED
    )
    def non_itemised_bills(self, info: Info) -> NonItemisedBills:
        """Give the request now."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="What each contact would be emailed and why, at an instant past or to come, as"
        " it is or under an assumption; nothing is written or sent (R68 to R80).",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=DELIVERY_PREVIEW,
    )
    def delivery_preview(
        self,
        info: Info,
        at: Annotated[  # noqa: ARG002  # for the schema
            datetime | None, strawberry.argument(description="By default now; with an offset.")
        ] = None,
        assuming: Annotated[  # noqa: ARG002  # for the schema
            DeliveryAssumption | None,
            strawberry.argument(description="What to assume; difference says what it changes."),
        ] = None,
    ) -> DeliveryPreview | None:
        """Give the preview, made with those of the other customers."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="What was done to it, newest first, 100 entries at most (R96).",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=AUDIT_TRAIL,
    )
    def audit_trail(self, info: Info) -> list[AuditEntry] | None:
        """Give its audit entries."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any


maps_to(Customer, models.Customer)
