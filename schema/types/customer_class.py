"""The customer class as clients see it."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum, unique
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from models.lists.customer_class_use import ClassUse, deletion_blockers, retirement_blockers
from models.lists.customer_list import CustomerOrder, count_listed, first_of_classes
from models.rules.classification import is_legal_individual
from models.tables.access import Scope
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.field_mapping import Selection, batched, computed, maps_to, prefetched
from schema.base.node import Node
from schema.base.pagination import (
    CONNECTION,
    COUNTS,
    DEFAULT_PAGE,
    ROWS,
    page_arguments,
)
from schema.base.permissions import Requires
from schema.types.audit import AUDIT_TRAIL, AuditEntry
from schema.types.permissibility import Permissibility

if TYPE_CHECKING:
    from schema.types.customer_connection import CustomerConnection

CLASSES = "customer-classes"
CLASS_CUSTOMERS = "class-customers"
CLASS_CUSTOMERS_BY_NUMBER = "class-customers-by-number"
ADMINISTRATION = Requires(Scope.CUSTOMER_CLASSES_READ, is_for_partners=False)
"""For what tells of the customers of everybody, or of who works for the platform."""


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


CUSTOMER_PLACES = ("name_key", "account_number")
"""What a page of customers goes by."""


def _is_set(value: object) -> bool:
    return value is not None


def _is_not_set(value: object) -> bool:
    return value is None


def _status(retired_at: datetime | None) -> _ClassStatus:
    return _ClassStatus.ACTIVE if retired_at is None else _ClassStatus.RETIRED


async def _customers_of(
    selection: Selection,
    classes: Sequence[Any],
    first: int | None = None,
    after: str | None = None,
) -> list["CustomerConnection"]:
    """Bring a page of the customers of each class, with one statement for them all."""
    from schema.types.customer_connection import CustomerConnection  # noqa: PLC0415  # breaks a circle

    order, list_name = CustomerOrder.NAME_ASC, CLASS_CUSTOMERS
    if selection.info.context.is_masked:
        order, list_name = order.without_names, CLASS_CUSTOMERS_BY_NUMBER
    arguments = page_arguments(list_name, (str, str), first=first, after=after)
    members: dict[str, list[Any]] = {one.id: [] for one in classes}
    with_more: set[str] = set()

    def shown(found: list[Any]) -> list[Any]:
        for customer in found:
            members[customer.customer_class_id].append(customer)
        for class_id, own in members.items():
            if len(own) > arguments.size:
                own.pop()
                with_more.add(class_id)
        return [one for own in members.values() for one in own]

    if selection.fields & ROWS:
        size, beyond = arguments.size + 1, arguments.beyond
        await first_of_classes(selection.reader, list(members), size, beyond, order, shown)
    counts: dict[str, int] = {}
    if selection.fields & COUNTS:
        counts = await count_listed(list(members))
    return [
        CustomerConnection(
            nodes=members[one.id],
            key_of=lambda one: (getattr(one, order.column), one.id),
            arguments=arguments,
            has_more=one.id in with_more,
            counted=counts.get(one.id),
        )
        for one in classes
    ]


async def _deletability(selection: Selection, classes: Sequence[Any]) -> list[Permissibility]:
    """Look at the use of some classes."""
    return [
        Permissibility.of([] if row is None else deletion_blockers(row, use), use)
        for row, use in await _rows_and_uses(selection, classes)
    ]


async def _retirability(
    selection: Selection, classes: Sequence[Any], replacement_id: str | None = None
) -> list[Permissibility]:
    """Look at the use of some classes, and at the replacement."""
    replacement = None
    if replacement_id is not None:
        loader = selection.info.context.loaders.customer_class
        replacement = await loader.load(replacement_id)
        if replacement is None:
            raise RequestRefused(ErrorCode.BAD_USER_INPUT, "There is no such replacement.")
    return [
        Permissibility.of([] if row is None else retirement_blockers(row, use, replacement), use)
        for row, use in await _rows_and_uses(selection, classes)
    ]


async def _rows_and_uses(
    selection: Selection, classes: Sequence[Any]
) -> list[tuple[models.CustomerClass | None, ClassUse]]:
    """Read classes and their uses; one may be gone, or never have been but in a dry run."""
    loaders, ids = selection.info.context.loaders, [one.id for one in classes]
    rows = await loaders.customer_class.load_many(ids)
    return list(zip(rows, await loaders.class_use.load_many(ids), strict=True))


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
    is_shipped: bool = computed(
        _is_set, "code", description="Came with the platform; name and flags are protected (R14)."
    )
    is_legal_individual: bool = computed(
        is_legal_individual,
        "is_personal_customer",
        "is_sole_trader",
        description="Data-protection law treats these customers as individuals (R5).",
    )
    is_assignable: bool = computed(
        _is_not_set, "retired_at", description="Can be picked for customers (R26)."
    )
    status: ClassStatus = computed(_status, "retired_at", description="Active or retired.")  # type: ignore[valid-type]  # an enum with another name
    created_at: datetime = strawberry.field(description="When it was created, in UTC (R2).")
    last_modified_at: datetime = strawberry.field(
        description="When a stored value last changed, in UTC (R2)."
    )
    version: int = strawberry.field(
        description="Rises with each change; send it back as expectedVersion (R101)."
    )

    name_key: strawberry.Private[str]

    @strawberry.field(
        description="Whether it can be deleted now (R33 to R38).",
        extensions=[ADMINISTRATION],
        metadata=batched(_deletability, paths=()),
    )
    def deletability(self, info: Info) -> Permissibility | None:
        """Tell before anybody clicks."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="Whether it can be retired now (R42, R43); a retired class can, to no effect.",
        extensions=[ADMINISTRATION],
        metadata=batched(_retirability, paths=()),
    )
    def retirability(
        self,
        info: Info,
        replacement_id: Annotated[  # noqa: ARG002  # for the schema
            strawberry.ID | None,
            strawberry.argument(description="The class to move its customers to."),
        ] = None,
    ) -> Permissibility | None:
        """Tell before anybody clicks."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="Its customers by name; by account number for whoever may not see personal"
        " data.",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=batched(
            _customers_of, paths=CONNECTION, extra=("customer_class_id",), places=CUSTOMER_PLACES
        ),
    )
    def customers(
        self,
        info: Info,
        first: Annotated[  # noqa: ARG002  # for the schema
            int | None, strawberry.argument(description="How many at most, 500 or fewer.")
        ] = DEFAULT_PAGE,
        after: Annotated[  # noqa: ARG002  # for the schema
            str | None, strawberry.argument(description="The endCursor of the page before.")
        ] = None,
    ) -> (
        Annotated["CustomerConnection", strawberry.lazy("schema.types.customer_connection")] | None
    ):
        """Give a page of them, read with those of the other classes."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type

    @strawberry.field(
        description="What was done to it, newest first, 100 entries at most (R96).",
        extensions=[ADMINISTRATION],
        metadata=AUDIT_TRAIL,
    )
    def audit_trail(self, info: Info) -> list[AuditEntry] | None:
        """Give its audit entries."""
        return prefetched(self, info)  # type: ignore[no-any-return]  # of that type


maps_to(CustomerClass, models.CustomerClass)
