"""The customer class as clients see it."""

from datetime import datetime
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Annotated

import strawberry

import models
from models.access import Scope
from models.class_use import deletion_blockers, retirement_blockers
from schema.audit import AuditEntry
from schema.context import Info
from schema.descriptions import described_enum
from schema.errors import ErrorCode, RequestRefused
from schema.node import Node
from schema.pagination import DEFAULT_PAGE, PageInfo, encode_cursor, page_arguments
from schema.permissibility import Permissibility
from schema.permissions import Requires

if TYPE_CHECKING:
    from schema.customer import CustomerConnection

CLASS_CUSTOMERS = "class-customers"
READS_CLASSES = Requires(Scope.CUSTOMER_CLASSES_READ)


@unique
class _ClassStatus(StrEnum):
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"
    ALL = "ALL"


ClassStatus = described_enum(
    _ClassStatus,
    "ClassStatus",
    "Whether a class is in use or kept for history.",
    {
        "ACTIVE": "Can be picked for customers.",
        "RETIRED": "Kept for history; can't be picked (R19).",
        "ALL": "For filtering only: active and retired ones.",
    },
)


@strawberry.type(description="A group of customers of one legal type and data-protection profile.")
class CustomerClass(Node):
    """A customer class (R1)."""

    code: str | None = strawberry.field(
        description="The stable code of a shipped class, such as COMPANY_UK_LIMITED (R12)."
    )
    name: str = strawberry.field(description="Its name, unique whatever the case (R3).")
    display_class: str | None = strawberry.field(
        description="CSS class names for styling it; safe to put into HTML (R4)."
    )
    display_position: int = strawberry.field(description="Its place in lists, lowest first.")
    is_personal_customer: bool = strawberry.field(description="Covers private individuals.")
    is_sole_trader: bool = strawberry.field(description="Covers sole traders.")
    is_reseller: bool = strawberry.field(
        description="Covers those who sell services on; affects invoice wording and reporting."
    )
    check_companies_house: bool = strawberry.field(
        description="Saving a customer of this class looks it up at Companies House (R81)."
    )
    is_shipped: bool = strawberry.field(
        description="Came with the platform; name and flags are protected (R14)."
    )
    is_legal_individual: bool = strawberry.field(
        description="Data-protection law treats these customers as individuals (R5)."
    )
    is_assignable: bool = strawberry.field(description="Can be picked for customers (R26).")
    status: ClassStatus = strawberry.field(description="Active or retired.")  # type: ignore[valid-type]  # an enum with another name
    created_at: datetime = strawberry.field(description="When it was created, in UTC (R2).")
    last_modified_at: datetime = strawberry.field(
        description="When a stored value last changed, in UTC (R2)."
    )
    version: int = strawberry.field(
        description="Rises with each change; send it back as expectedVersion (R101)."
    )
    row: strawberry.Private[models.CustomerClass]

    @classmethod
    def of(cls, row: models.CustomerClass) -> "CustomerClass":
        """Project a row."""
        return cls(
            id=strawberry.ID(row.id),
            code=row.code,
            name=row.name,
            display_class=row.display_class,
            display_position=row.display_position,
            is_personal_customer=row.is_personal_customer,
            is_sole_trader=row.is_sole_trader,
            is_reseller=row.is_reseller,
            check_companies_house=row.check_companies_house,
            is_shipped=row.is_shipped,
            is_legal_individual=row.flags.is_legal_individual,
            is_assignable=row.is_assignable,
            status=_ClassStatus(row.status.value),
            created_at=row.created_at,
            last_modified_at=row.last_modified_at,
            version=row.version,
            row=row,
        )

    @strawberry.field(
        description="Whether it can be deleted now (R33 to R38).", extensions=[READS_CLASSES]
    )
    async def deletability(self, info: Info) -> Permissibility:
        """Look at its use before anybody clicks."""
        use = await info.context.loaders.class_use.load(self.row.id)
        return Permissibility.of(deletion_blockers(self.row, use), use)

    @strawberry.field(
        description="Whether it can be retired now (R42, R43); a retired class can, to no effect.",
        extensions=[READS_CLASSES],
    )
    async def retirability(
        self,
        info: Info,
        replacement_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="The class to move its customers to."),
        ] = None,
    ) -> Permissibility:
        """Look at its use, and at the replacement."""
        loaders = info.context.loaders
        use = await loaders.class_use.load(self.row.id)
        replacement = None
        if replacement_id is not None:
            replacement = await loaders.customer_class.load(replacement_id)
            if replacement is None:
                raise RequestRefused(ErrorCode.BAD_USER_INPUT, "There is no such replacement.")
        return Permissibility.of(retirement_blockers(self.row, use, replacement), use)

    @strawberry.field(
        description="Its customers by name.", extensions=[Requires(Scope.CUSTOMERS_READ)]
    )
    async def customers(
        self,
        info: Info,
        first: Annotated[
            int | None, strawberry.argument(description="How many at most, 500 or fewer.")
        ] = DEFAULT_PAGE,
        after: Annotated[
            str | None, strawberry.argument(description="The endCursor of the page before.")
        ] = None,
    ) -> Annotated["CustomerConnection", strawberry.lazy("schema.customer")]:
        """Give a page of them, read with those of the other classes."""
        from schema.customer import CustomerConnection  # noqa: PLC0415  # breaks a circle

        arguments = page_arguments(CLASS_CUSTOMERS, (str, str), first=first, after=after)
        wanted = (self.row.id, arguments.size + 1, arguments.beyond)
        rows = await info.context.loaders.class_customers.load(wanted)

        async def count() -> int:
            return await info.context.loaders.class_customer_count.load(self.row.id)

        return CustomerConnection.of(
            rows[: arguments.size],
            lambda row: encode_cursor(CLASS_CUSTOMERS, (row.name_key, row.id)),
            arguments,
            has_more=len(rows) > arguments.size,
            count=count,
        )

    @strawberry.field(
        description="What was done to it, newest first, 100 entries at most (R96).",
        extensions=[READS_CLASSES],
    )
    async def audit_trail(self, info: Info) -> list[AuditEntry]:
        """Give its audit entries."""
        return [
            AuditEntry.of(row) for row in await info.context.loaders.audit_entries.load(self.row.id)
        ]


@strawberry.type(description="One class in a list, with its cursor.")
class CustomerClassEdge:
    """An edge."""

    cursor: str = strawberry.field(description="The place of this class in the list.")
    node: CustomerClass = strawberry.field(description="The class.")


@strawberry.type(description="A page of customer classes.")
class CustomerClassConnection:
    """A connection; the list is short, so its total is counted with the page."""

    edges: list[CustomerClassEdge] = strawberry.field(description="Classes with cursors.")
    nodes: list[CustomerClass] = strawberry.field(description="The same classes without.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in the list.")
    total_count: int = strawberry.field(description="Classes in the whole list.")
