"""The customer as clients see it."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

import strawberry

import models
from models.access import Scope
from models.advisories import AdvisoryCode, advisories
from models.classification import CustomerLabel, InvoiceWording, SubscriberKind
from models.customer_class import CustomerClass as ClassRow
from schema.audit import AuditEntry
from schema.context import Info
from schema.customer_class import CustomerClass
from schema.descriptions import described_enum
from schema.enrichment import Enrichment, Suggestion
from schema.node import Node
from schema.pagination import PageArguments, PageInfo, page_info
from schema.permissions import Requires
from schema.profile import CompanyProfile

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
    row: strawberry.Private[models.ClassChange]

    @strawberry.field(name="from", description="The class before; null for the first one.")
    async def from_class(self, info: Info) -> CustomerClass | None:
        """Give the class, retired or not (R19)."""
        if self.row.from_class_id is None:
            return None
        return CustomerClass.of(await _class_row(info, self.row.from_class_id))

    @strawberry.field(name="to", description="The class after.")
    async def to_class(self, info: Info) -> CustomerClass:
        """Give the class, retired or not (R19)."""
        return CustomerClass.of(await _class_row(info, self.row.to_class_id))


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
    row: strawberry.Private[models.Customer]

    @classmethod
    def of(cls, row: models.Customer) -> "Customer":
        """Project a row."""
        return cls(
            id=strawberry.ID(row.id),
            account_number=row.account_number,
            external_reference=row.external_reference,
            name=row.name,
            company_number=row.company_number,
            created_at=row.created_at,
            last_modified_at=row.last_modified_at,
            version=row.version,
            row=row,
        )

    @strawberry.field(description="The class that it sits in, retired or not.")
    async def customer_class(self, info: Info) -> CustomerClass:
        """Give the class; no permission on classes is needed for it (R94)."""
        return CustomerClass.of(await _class_row(info, self.row.customer_class_id))

    @strawberry.field(description="The classes that it has been in, oldest first (R27).")
    async def class_history(self, info: Info) -> list[ClassChange]:
        """Give the append-only history."""
        return [
            ClassChange(
                id=strawberry.ID(change.id),
                reason=change.reason,
                changed_by=change.changed_by,
                changed_by_id=strawberry.ID(change.changed_by_id),
                changed_at=change.changed_at,
                crosses_individual_line=change.crosses_individual_line,
                row=change,
            )
            for change in await info.context.loaders.class_history.load(self.row.id)
        ]

    @strawberry.field(description="What it is marked as (R25).")
    async def labels(self, info: Info) -> list[LabelEnum]:  # type: ignore[valid-type]  # an enum with another name
        """Derive the labels from the class."""
        return list((await _class_row(info, self.row.customer_class_id)).flags.labels)

    @strawberry.field(description="Natural person or organisation, by its class.")
    async def subscriber_kind(self, info: Info) -> SubscriberKindEnum:  # type: ignore[valid-type]  # an enum with another name
        """Derive the kind from the class."""
        return (await _class_row(info, self.row.customer_class_id)).flags.subscriber_kind

    @strawberry.field(description="How its invoices are worded, by its class (R31).")
    async def invoice_wording(self, info: Info) -> InvoiceWordingEnum:  # type: ignore[valid-type]  # an enum with another name
        """Derive the key from the class."""
        return (await _class_row(info, self.row.customer_class_id)).flags.invoice_wording

    @strawberry.field(description="The reseller that it buys through (R32).")
    async def parent(self, info: Info) -> "Customer | None":
        """Give the parent."""
        if self.row.parent_id is None:
            return None
        parent = await info.context.loaders.customer.load(self.row.parent_id)
        return None if parent is None else Customer.of(parent)

    @strawberry.field(description="What is known of the company; filled by users and enrichment.")
    def profile(self) -> CompanyProfile:
        """Give the profile."""
        return CompanyProfile(profile=self.row.profile)

    @strawberry.field(description="Where it stands with Companies House (R87).")
    async def enrichment(self, info: Info) -> Enrichment:
        """Give the status with its runs."""
        runs = await info.context.loaders.runs.load(self.row.id)
        return Enrichment.of(self.row.enrichment_status, runs)

    @strawberry.field(description="Open suggestions: register values beside users' own (R86).")
    async def suggestions(self, info: Info) -> list[Suggestion]:
        """Give what is to be accepted or rejected."""
        return [
            Suggestion.of(row) for row in await info.context.loaders.suggestions.load(self.row.id)
        ]

    @strawberry.field(description="What somebody should look at (R30, A21).")
    async def advisories(self, info: Info) -> list[Advisory]:
        """Derive the advisories."""
        return advisories_of(self.row, await _class_row(info, self.row.customer_class_id))

    @strawberry.field(
        description="What was done to it, newest first, 100 entries at most (R96).",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
    )
    async def audit_trail(self, info: Info) -> list[AuditEntry]:
        """Give its audit entries."""
        return [
            AuditEntry.of(row) for row in await info.context.loaders.audit_entries.load(self.row.id)
        ]


@strawberry.type(description="One customer in a list, with its cursor.")
class CustomerEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place of this customer in the list.")
    node: Customer = strawberry.field(description="The customer.")


@strawberry.type(description="A page of customers.")
class CustomerConnection:
    """A connection."""

    edges: list[CustomerEdge] = strawberry.field(description="Customers with cursors.")
    nodes: list[Customer] = strawberry.field(description="The same customers without.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(description="Customers in the whole list; counted only when asked for.")
    async def total_count(self) -> int:
        """Count them."""
        return await self.count()

    @classmethod
    def of(
        cls,
        rows: Sequence[models.Customer],
        cursor_of: Callable[[models.Customer], str],
        arguments: PageArguments,
        *,
        has_more: bool,
        count: Callable[[], Awaitable[int]],
    ) -> "CustomerConnection":
        """Show a page of rows."""
        edges = [CustomerEdge(cursor=cursor_of(row), node=Customer.of(row)) for row in rows]
        return cls(
            edges=edges,
            nodes=[edge.node for edge in edges],
            page_info=page_info([edge.cursor for edge in edges], arguments, has_more=has_more),
            count=count,
        )


async def _class_row(info: Info, class_id: str) -> ClassRow:
    row = await info.context.loaders.customer_class.load(class_id)
    assert row is not None  # noqa: S101  # a foreign key says so
    return row


def advisories_of(row: models.Customer, customer_class: ClassRow) -> list[Advisory]:
    """Show what to look at about a customer in its class."""
    found = advisories(
        name=row.name,
        class_code=customer_class.code,
        is_checked=customer_class.check_companies_house,
        profile=row.profile,
        consent_review_due_at=row.consent_review_due_at,
    )
    return [
        Advisory(code=one.code, message=one.message, suggested_class_code=one.suggested_class_code)
        for one in found
    ]
