"""The GraphQL type of customers."""

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
from schema.base.pagination import After, Before, First, Last
from schema.base.permissions import Requires
from schema.base.personal import STARRED, Masked, personal
from schema.types.advisory import ADVISORIES, Advisory
from schema.types.audit_connection import AuditEntryConnection
from schema.types.audit_trail import audit_trail
from schema.types.consent import (
    CONSENT,
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
from schema.types.enrichment import ENRICHMENT, Enrichment
from schema.types.profile import CompanyProfile
from schema.types.profile_change import PROFILE_CHANGES, ProfileChangeConnection
from schema.types.suggestion import Suggestion

if TYPE_CHECKING:
    from schema.types.contact import Contact

LabelEnum = described_enum(
    CustomerLabel,
    "CustomerLabel",
    "A label that a customer has because of its class.",
    {
        "INDIVIDUAL": "Data-protection law treats the customer as an individual: a private"
        " individual or a sole trader.",
        "SOLE_TRADER": "The customer is a sole trader: a self-employed person who trades as a"
        " business.",
        "RESELLER": "The customer sells services on to customers of its own.",
    },
)
SubscriberKindEnum = described_enum(
    SubscriberKind,
    "SubscriberKind",
    "Whether PECR (the UK's Privacy and Electronic Communications Regulations) treats a customer"
    " as an individual or as an organisation; it follows from the class.",
    {
        "INDIVIDUAL": "PECR treats the customer as an individual: a private individual or a sole"
        " trader.",
        "CORPORATE": "PECR treats the customer as an organisation.",
    },
)
InvoiceWordingEnum = described_enum(
    InvoiceWording,
    "InvoiceWording",
    "The set of phrases that the customer's invoices use.",
    {
        "STANDARD": "Phrases for customers that use the services themselves.",
        "RESELLER": "Phrases for customers that sell the services on.",
    },
)


@strawberry.type(
    description="An entry in a customer's class history: a move from one class to another, or the"
    " first assignment."
)
class ClassChange(Node):
    customer: Annotated["Customer", strawberry.lazy("schema.types.customer")] = to_one(
        "customer", description="The customer who was moved."
    )
    reason: str = personal(
        STARRED, description="Why the customer was moved; `(erased)` once the reason was erased."
    )
    changed_by: str = strawberry.field(
        description="The name of the access token or user that moved the customer."
    )
    changed_by_id: strawberry.ID = strawberry.field(
        description="The id of the access token or user that moved the customer."
    )
    changed_at: datetime = strawberry.field(description="When the customer was moved, in UTC.")
    crosses_individual_line: bool = strawberry.field(
        name="changesSubscriberKind",
        description="Whether the move was between a class for individuals (private individuals or"
        " sole traders) and a class for organisations. The customer's consent must then be"
        " reviewed.",
    )
    from_class: CustomerClass | None = to_one(
        "from_class",
        name="from",
        description="The class before the move; null for the first assignment.",
    )
    to_class: CustomerClass = to_one("to_class", name="to", description="The class after the move.")


maps_to(ClassChange, models.ClassChange)


CLASS_FLAGS = (
    "customer_class.is_personal_customer",
    "customer_class.is_sole_trader",
    "customer_class.is_reseller",
)


INDIVIDUAL_FLAGS = CLASS_FLAGS[:2]
NAME = Masked(
    ("name", *INDIVIDUAL_FLAGS),
    masked_name,
    f"`{MASK}` if the customer is a private individual or sole trader",
)


def _profile(profile: Profile) -> CompanyProfile:
    return CompanyProfile(profile=profile)


def _masked_profile(profile: Profile, *flags: bool) -> CompanyProfile:
    return CompanyProfile(profile=masked_profile(profile, *flags))


PROFILE = Masked(
    ("profile", *INDIVIDUAL_FLAGS),
    _masked_profile,
    "the profile without address and names if the customer is a private individual or sole trader",
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


@strawberry.type(
    description="A person or organisation with an account on the platform. A customer is always in"
    " exactly one class."
)
class Customer(Node):
    account_number: str = strawberry.field(
        description="The customer's account number, unique on the platform regardless of case."
    )
    external_reference: str | None = strawberry.field(
        description="The customer's own id in the system of the reseller that it buys through, or"
        " of the platform; unique among its customers, null if none was entered."
    )
    name: str = personal(NAME, description="The customer's name.")
    company_number: str | None = strawberry.field(
        description="The customer's company number at Companies House, 8 characters such as"
        " `00000101`; null if none was entered."
    )
    created_at: datetime = strawberry.field(description="When the customer was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When a user last changed a stored value of the customer, in UTC."
    )
    changed_at: datetime = strawberry.field(
        description="When the customer, a contact, its consent or its data from Companies House"
        " last changed, in UTC. Changes of its class's flags do not count, nor do the attempts of a"
        " lookup. A change appears when it is committed, which may be seconds after its time: read"
        " from some minutes before the newest time that you have, or follow `events`."
    )
    version: int = strawberry.field(
        description="The version of the customer. It increases with each change by a user; lookups"
        " at Companies House do not count. Send it as `expectedVersion` with the next change."
    )
    customer_class: CustomerClass = to_one(
        "customer_class", description="The class that the customer is in, active or retired."
    )
    class_history: list[ClassChange] = to_many(
        "customer_id",
        "t0.changed_at, t0.id",
        description="The customer's moves between classes, oldest first; the first entry is the"
        " first assignment.",
    )
    labels: list[LabelEnum] = computed(  # type: ignore[valid-type]  # an enum with another name
        _labels,
        *CLASS_FLAGS,
        description="The labels that the customer has because of its class; empty if it has none.",
    )
    subscriber_kind: SubscriberKindEnum = computed(  # type: ignore[valid-type]  # see above
        _subscriber_kind,
        *CLASS_FLAGS,
        description="Whether PECR (the UK's Privacy and Electronic Communications Regulations)"
        " treats the customer as an individual or as an organisation; follows from the class.",
    )
    invoice_wording: InvoiceWordingEnum = computed(  # type: ignore[valid-type]  # see above
        _invoice_wording,
        *CLASS_FLAGS,
        description="The set of phrases that the customer's invoices use; follows from the class.",
    )
    parent: "Customer | None" = to_one(
        "parent",
        description="The reseller that the customer buys through; null if there is none, or you"
        " may not see it.",
    )
    profile: CompanyProfile = computed(
        _profile,
        "profile",
        description="The company data of the customer, from users and from Companies House.",
        masked=PROFILE,
    )
    suggestions: list[Suggestion] = to_many(
        "customer_id",
        "t0.field",
        where="t0.status = 'OPEN'",
        description="Values from Companies House that differ from values that users typed, and that"
        " nobody has accepted or rejected yet.",
    )
    ledger: strawberry.Private[list[ConsentEntry]]
    contacts: list[Annotated["Contact", strawberry.lazy("schema.types.contact")]] | None = to_many(
        "customer_id",
        "t0.id",
        where="t0.deleted_at IS NULL",
        requires=Requires(Scope.CONTACTS_READ),
        description="The customer's contacts, oldest first, without deleted ones. Null without the"
        " permission contacts:read.",
    )
    name_key: strawberry.Private[str]
    customer_class_id: strawberry.Private[str]

    @strawberry.field(
        description="The state and history of the customer's lookups at Companies House.",
        metadata=ENRICHMENT,
    )
    def enrichment(self, info: Info) -> Enrichment:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="What lookups found changed at Companies House since an earlier one, newest"
        " first. Null, with an error, if an argument is refused.",
        metadata=PROFILE_CHANGES,
    )
    def profile_changes(
        self,
        info: Info,
        first: First = None,  # noqa: ARG002  # for the schema
        after: After = None,  # noqa: ARG002  # see above
        last: Last = None,  # noqa: ARG002  # see above
        before: Before = None,  # noqa: ARG002  # see above
    ) -> ProfileChangeConnection | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="Matters about the customer that staff should review; empty if there are none.",
        metadata=ADVISORIES,
    )
    def advisories(self, info: Info) -> list[Advisory]:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="The customer's GDPR & PECR consent at an instant, according to the entries on"
        " record now. Null, with an error, if the instant is refused.",
        metadata=CONSENT,
    )
    def consent(
        self,
        info: Info,
        at: Annotated[  # noqa: ARG002  # for the schema
            datetime | None,
            strawberry.argument(
                description="The date and time at which to determine the consent, past or future,"
                " with an offset from UTC such as `Z`; by default now."
            ),
        ] = None,
    ) -> Consent | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="All entries in the customer's consent ledger, by sequence, including"
        " corrected ones and requests for bills without a list of calls. Null without the"
        " permission consent:read.",
        extensions=[Requires(Scope.CONSENT_READ)],
        metadata=LEDGER,
    )
    def consent_history(self, info: Info) -> list[ConsentEntry] | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="Whether the customer's request for bills without a list of calls is in force"
        " now.",
        metadata=NON_ITEMISED,
    )
    def non_itemised_bills(self, info: Info) -> NonItemisedBills:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="What each of the customer's contacts would be emailed at an instant, and why."
        " Nothing is saved or sent. Null without the permission customers:read.",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=DELIVERY_PREVIEW,
    )
    def delivery_preview(
        self,
        info: Info,
        at: Annotated[  # noqa: ARG002  # for the schema
            datetime | None,
            strawberry.argument(
                description="The date and time of the preview, past or future, with an offset from"
                " UTC; by default now."
            ),
        ] = None,
        assuming: Annotated[  # noqa: ARG002  # for the schema
            DeliveryAssumption | None,
            strawberry.argument(
                description="Changes to assume about the customer; `difference` in the preview"
                " shows their effect. By default none."
            ),
        ] = None,
    ) -> DeliveryPreview | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    audit_trail: AuditEntryConnection | None = audit_trail(
        Requires(Scope.CUSTOMERS_READ),
        description="The changes made to the customer. Null without the permission customers:read.",
    )


maps_to(Customer, models.Customer)
