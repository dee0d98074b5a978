"""The customer as clients see it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import strawberry

import models
from models.access import Scope
from models.advisories import AdvisoryCode, advisories
from models.classification import ClassFlags, CustomerLabel, InvoiceWording, SubscriberKind
from models.customer_class import CustomerClass as ClassRow
from models.customer_list import LARGEST_COUNT
from models.enrichment_status import EnrichmentStatus
from models.profile import Profile
from schema.audit import AUDIT_TRAIL, AuditEntry
from schema.context import Info
from schema.customer_class import CustomerClass
from schema.descriptions import described_enum
from schema.enrichment import ENRICHMENT, Enrichment, Suggestion
from schema.node import Node
from schema.pagination import PageArguments, PageInfo, encode_cursor, page_info
from schema.permissions import Requires
from schema.profile import CompanyProfile
from schema.reads import derived, hand_out, many, one, reads

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
AdvisoryCodeEnum = described_enum(
    AdvisoryCode,
    "AdvisoryCode",
    "What somebody should look at.",
    {
        "REVIEW_CONSENT": "Moved between individuals and organisations; review consent (R30).",
        "CLASS_MISMATCH": "The register's type does not fit the class (A21).",
        "NAME_MISMATCH": "The register knows the company number under another name.",
        "COMPANY_NOT_ACTIVE": "The company is dissolved, in liquidation or the like.",
    },
)


@strawberry.type(description="Something that somebody should look at; it changes nothing.")
class Advisory:
    """An advisory."""

    code: AdvisoryCodeEnum = strawberry.field(description="What it is, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="What it is, for people, in English.")
    suggested_class_code: str | None = strawberry.field(
        description="The shipped class that would fit, where that is the matter."
    )


@strawberry.type(description="One move between classes; the first assignment is row one (R27).")
class ClassChange:
    """A row of the class history."""

    id: strawberry.ID = strawberry.field(description="The id of the row.")
    reason: str = strawberry.field(description="Why the customer was moved.")
    changed_by: str = strawberry.field(description="Who moved it, by name.")
    changed_by_id: strawberry.ID = strawberry.field(description="Who moved it, by credential.")
    changed_at: datetime = strawberry.field(description="When it was moved, in UTC.")
    crosses_individual_line: bool = strawberry.field(
        description="Whether it moved between individuals and organisations (R30)."
    )
    from_class: CustomerClass | None = one(
        "from_class", name="from", description="The class before; null for the first one."
    )
    to_class: CustomerClass = one("to_class", name="to", description="The class after.")


reads(ClassChange, models.ClassChange)


CLASS_FLAGS = (
    "customer_class.is_personal_customer",
    "customer_class.is_sole_trader",
    "customer_class.is_reseller",
)


def _profile(profile: Profile) -> CompanyProfile:
    return CompanyProfile(profile=profile)


def _labels(*flags: bool) -> tuple[CustomerLabel, ...]:
    return ClassFlags(*flags).labels


def _subscriber_kind(*flags: bool) -> SubscriberKind:
    return ClassFlags(*flags).subscriber_kind


def _invoice_wording(*flags: bool) -> InvoiceWording:
    return ClassFlags(*flags).invoice_wording


def _advisories(
    name: str,
    class_code: str | None,
    is_checked: bool,  # a column
    profile: Profile,
    consent_review_due_at: datetime | None,
) -> list[Advisory]:
    found = advisories(
        name=name,
        class_code=class_code,
        is_checked=is_checked,
        profile=profile,
        consent_review_due_at=consent_review_due_at,
    )
    return [
        Advisory(code=one.code, message=one.message, suggested_class_code=one.suggested_class_code)
        for one in found
    ]


def advisories_of(row: models.Customer, customer_class: ClassRow) -> list[Advisory]:
    """Show what to look at about a customer in its class."""
    return _advisories(
        row.name,
        customer_class.code,
        customer_class.check_companies_house,
        row.profile,
        row.consent_review_due_at,
    )


@strawberry.type(description="A customer of the platform; it sits in exactly one class (R24).")
class Customer(Node):
    """A customer."""

    account_number: str = strawberry.field(description="Its number, unique on the platform.")
    external_reference: str | None = strawberry.field(
        description="What another system calls it; not unique."
    )
    name: str = strawberry.field(description="Its name.")
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
    customer_class: CustomerClass = one(
        "customer_class", description="The class that it sits in, retired or not (R19, R94)."
    )
    class_history: list[ClassChange] = many(
        "customer_id",
        "t0.changed_at, t0.id",
        description="The classes that it has been in, oldest first (R27).",
    )
    labels: list[LabelEnum] = derived(  # type: ignore[valid-type]  # an enum with another name
        _labels, *CLASS_FLAGS, description="What it is marked as, by its class (R25)."
    )
    subscriber_kind: SubscriberKindEnum = derived(  # type: ignore[valid-type]  # see above
        _subscriber_kind,
        *CLASS_FLAGS,
        description="Natural person or organisation, by its class.",
    )
    invoice_wording: InvoiceWordingEnum = derived(  # type: ignore[valid-type]  # see above
        _invoice_wording, *CLASS_FLAGS, description="How its invoices are worded (R31)."
    )
    parent: "Customer | None" = one(
        "parent", description="The reseller that it buys through (R32)."
    )
    profile: CompanyProfile = derived(
        _profile,
        "profile",
        description="What is known of the company; filled by users and enrichment.",
    )
    suggestions: list[Suggestion] = many(
        "customer_id",
        "t0.field",
        where="t0.status = 'OPEN'",
        description="Open suggestions: register values beside users' own (R86).",
    )
    advisories: list[Advisory] = derived(
        _advisories,
        "name",
        "customer_class.code",
        "customer_class.check_companies_house",
        "profile",
        "consent_review_due_at",
        description="What somebody should look at (R30, A21).",
    )
    name_key: strawberry.Private[str]
    customer_class_id: strawberry.Private[str]
    enrichment_status: strawberry.Private[EnrichmentStatus]

    @strawberry.field(
        description="Where it stands with Companies House (R87).", metadata=ENRICHMENT
    )
    def enrichment(self, info: Info) -> Enrichment:
        """Give the status with its runs."""
        return hand_out(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="What was done to it, newest first, 100 entries at most (R96).",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=AUDIT_TRAIL,
    )
    def audit_trail(self, info: Info) -> list[AuditEntry]:
        """Give its audit entries."""
        return hand_out(self, info)  # type: ignore[no-any-return]  # of that type


reads(Customer, models.Customer)


@strawberry.type(description="One customer in a list, with its cursor.")
class CustomerEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place of this customer in the list.")
    node: Customer = strawberry.field(description="The customer.")


@strawberry.type(description="A page of customers.")
class CustomerConnection:
    """A connection; what costs something is made only when it is selected."""

    nodes: list[Customer] = strawberry.field(description="The customers of the page.")
    key_of: strawberry.Private[Callable[[Customer], tuple[Any, ...]]]
    arguments: strawberry.Private[PageArguments]
    has_more: strawberry.Private[bool]
    counted: strawberry.Private[int | None]
    """How many there are, up to one more than LARGEST_COUNT; null if nobody asked."""

    @strawberry.field(description="The same customers with their cursors.")
    def edges(self) -> list[CustomerEdge]:
        """Give each customer its cursor."""
        return [CustomerEdge(cursor=self._cursor(node), node=node) for node in self.nodes]

    @strawberry.field(description="Where the page lies in the list.")
    def page_info(self) -> PageInfo:
        """Give the first and the last cursor."""
        ends = [self._cursor(self.nodes[place]) for place in (0, -1)] if self.nodes else []
        return page_info(ends, self.arguments, has_more=self.has_more)

    @strawberry.field(
        description="Customers in the whole list, 10,000 at most; counted only when asked for."
    )
    def total_count(self) -> int:
        """Give the count."""
        assert self.counted is not None  # noqa: S101  # somebody asks
        return min(self.counted, LARGEST_COUNT)

    @strawberry.field(description="Whether totalCount is all of them: false above 10,000.")
    def total_count_is_exact(self) -> bool:
        """Tell whether there are no more."""
        assert self.counted is not None  # noqa: S101  # somebody asks
        return self.counted <= LARGEST_COUNT

    def _cursor(self, node: Customer) -> str:
        list_name, *key = self.key_of(node)
        return encode_cursor(list_name, tuple(key))
