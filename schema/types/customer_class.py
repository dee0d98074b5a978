"""The GraphQL type of customer classes, and pages of them."""

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
"""Required by fields about the customers of all resellers or about the platform's staff."""


@unique
class _ClassStatus(StrEnum):
    ACTIVE = "ACTIVE"
    RETIRED = "RETIRED"
    ALL = "ALL"


ClassStatus = described_enum(
    _ClassStatus,
    "ClassStatus",
    "Whether a customer class is in use.",
    {
        "ACTIVE": "The class can be chosen for customers.",
        "RETIRED": "The class is kept for history and can't be chosen for customers.",
        "ALL": "Active and retired classes; used in filters only.",
    },
)


CUSTOMER_PLACES = ("name_key", "account_number")
"""The columns by which pages of customers can be ordered."""


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
    """Return a page of customers for each class; one statement reads all pages."""
    from schema.types.customer_connection import CustomerConnection  # noqa: PLC0415  # breaks a circle

    order, list_name = CustomerOrder.NAME_ASC, CLASS_CUSTOMERS
    if selection.info.context.is_masked:
        order, list_name = order.without_names, CLASS_CUSTOMERS_BY_NUMBER
    arguments = page_arguments(list_name, (str, str), first=first, after=after)
    members: dict[str, list[Any]] = {one.id: [] for one in classes}
    with_more: set[str] = set()

    def keep_pages(found: list[Any]) -> list[Any]:
        for customer in found:
            members[customer.customer_class_id].append(customer)
        for class_id, own in members.items():
            if len(own) > arguments.size:
                own.pop()
                with_more.add(class_id)
        return [one for own in members.values() for one in own]

    if selection.fields & ROWS:
        size, beyond = arguments.size + 1, arguments.beyond
        await first_of_classes(selection.reader, list(members), size, beyond, order, keep_pages)
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
    return [
        Permissibility.of([] if row is None else deletion_blockers(row, use), use)
        for row, use in await _rows_and_uses(selection, classes)
    ]


async def _retirability(
    selection: Selection, classes: Sequence[Any], replacement_id: str | None = None
) -> list[Permissibility]:
    replacement = None
    if replacement_id is not None:
        loader = selection.info.context.loaders.customer_class
        replacement = await loader.load(replacement_id)
        if replacement is None:
            raise RequestRefused(
                ErrorCode.BAD_USER_INPUT, "No customer class has the id in `replacementId`."
            )
    return [
        Permissibility.of([] if row is None else retirement_blockers(row, use, replacement), use)
        for row, use in await _rows_and_uses(selection, classes)
    ]


async def _rows_and_uses(
    selection: Selection, classes: Sequence[Any]
) -> list[tuple[models.CustomerClass | None, ClassUse]]:
    """Return the row and the use of each class; the row is None if it was not stored (dry run)."""
    loaders, ids = selection.info.context.loaders, [one.id for one in classes]
    rows = await loaders.customer_class.load_many(ids)
    return list(zip(rows, await loaders.class_use.load_many(ids), strict=True))


@strawberry.type(
    description="A group of customers with the same legal type and data-protection rules."
)
class CustomerClass(Node):
    code: str | None = strawberry.field(
        description="The code of a shipped class, such as `COMPANY_UK_LIMITED`, which never"
        " changes; null for a class that users added."
    )
    name: str = strawberry.field(description="The name of the class, unique regardless of case.")
    display_class: str | None = strawberry.field(
        description="CSS class names to style the class with, separated by single spaces; safe in"
        " HTML. Null if none were entered."
    )
    display_position: int = strawberry.field(
        description="The position of the class in lists; lower numbers come first."
    )
    is_personal_customer: bool = strawberry.field(
        description="Whether the customers of the class are private individuals."
    )
    is_sole_trader: bool = strawberry.field(
        description="Whether the customers of the class are sole traders."
    )
    is_reseller: bool = strawberry.field(
        description="Whether the customers of the class sell services on; it decides invoice"
        " wording and reporting."
    )
    check_companies_house: bool = strawberry.field(
        description="Whether saving a customer of the class looks it up at Companies House."
    )
    is_shipped: bool = computed(
        _is_set,
        "code",
        description="Whether the class came with the platform. The name and the flags of such a"
        " class are protected.",
    )
    is_legal_individual: bool = computed(
        is_legal_individual,
        "is_personal_customer",
        "is_sole_trader",
        description="Whether data-protection law treats the customers of the class as individuals:"
        " they are private individuals or sole traders.",
    )
    is_assignable: bool = computed(
        _is_not_set,
        "retired_at",
        description="Whether the class can be chosen for customers: it is not retired.",
    )
    status: ClassStatus = computed(  # type: ignore[valid-type]  # an enum with another name
        _status, "retired_at", description="Whether the class is active or retired; never ALL."
    )
    created_at: datetime = strawberry.field(description="When the class was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When a stored value of the class last changed, in UTC."
    )
    version: int = strawberry.field(
        description="The version of the class. It increases with each change; send it as"
        " `expectedVersion` with the next one."
    )

    name_key: strawberry.Private[str]

    @strawberry.field(
        description="Whether the class can be deleted now, and if not, why. Null for partners, and"
        " without the permission customer_classes:read.",
        extensions=[ADMINISTRATION],
        metadata=batched(_deletability, paths=()),
    )
    def deletability(self, info: Info) -> Permissibility | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="Whether the class can be retired now, and if not, why; retiring a retired"
        " class changes nothing. Null for partners, and without the permission"
        " customer_classes:read.",
        extensions=[ADMINISTRATION],
        metadata=batched(_retirability, paths=()),
    )
    def retirability(
        self,
        info: Info,
        replacement_id: Annotated[  # noqa: ARG002  # for the schema
            strawberry.ID | None,
            strawberry.argument(
                description="The id of the class that its customers would move to; by default none."
            ),
        ] = None,
    ) -> Permissibility | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="The customers of the class by name, or by account number for callers who may"
        " not see personal data. Null without the permission customers:read.",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=batched(
            _customers_of, paths=CONNECTION, extra=("customer_class_id",), places=CUSTOMER_PLACES
        ),
    )
    def customers(
        self,
        info: Info,
        first: Annotated[  # noqa: ARG002  # for the schema
            int | None,
            strawberry.argument(
                description="The number of customers to return, 0 to 500; 50 by default."
            ),
        ] = DEFAULT_PAGE,
        after: Annotated[  # noqa: ARG002  # for the schema
            str | None,
            strawberry.argument(
                description="Return the customers after this cursor, such as the `endCursor` of"
                " the page before. Null begins at the start of the list."
            ),
        ] = None,
    ) -> (
        Annotated["CustomerConnection", strawberry.lazy("schema.types.customer_connection")] | None
    ):
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="The changes made to the class, newest first, at most 100. Null for partners,"
        " and without the permission customer_classes:read.",
        extensions=[ADMINISTRATION],
        metadata=AUDIT_TRAIL,
    )
    def audit_trail(self, info: Info) -> list[AuditEntry] | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any


maps_to(CustomerClass, models.CustomerClass)
