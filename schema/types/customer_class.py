"""The GraphQL type of customer classes, and pages of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

import models
from models.lists.customer_class_use import ClassUse, deletion_blockers, retirement_blockers
from models.lists.customer_list import (
    MAX_COUNT,
    CustomerOrder,
    count_of_classes,
    first_of_classes,
)
from models.rules.classification import is_legal_individual
from models.tables.access import Scope
from models.tables.customer_class import ClassStatus
from schema.base.connection import PagesPerKey
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.field_mapping import Selection, batched, computed, maps_to, prefetched
from schema.base.node import Node
from schema.base.pagination import (
    CONNECTION,
    COUNTS,
    ROWS,
    After,
    Before,
    First,
    Last,
    page_arguments,
)
from schema.base.permissions import Requires
from schema.types.audit_connection import AuditEntryConnection
from schema.types.audit_trail import audit_trail
from schema.types.class_customer_filter import ClassCustomerFilter, matching
from schema.types.customer_sort import CustomerSort
from schema.types.permissibility import Permissibility

if TYPE_CHECKING:
    from schema.types.customer_connection import CustomerConnection

PICKS_CLASSES = Requires(Scope.CUSTOMER_CLASSES_READ, Scope.CUSTOMERS_READ)
ADMINISTRATION = Requires(Scope.CUSTOMER_CLASSES_READ, is_for_partners=False)
"""Required by fields about the customers of all resellers or about the platform's staff."""


ClassStatusEnum = described_enum(
    ClassStatus,
    "ClassStatus",
    "Whether a customer class is in use.",
    {
        "ACTIVE": "The class is active: it can be chosen for customers.",
        "RETIRED": "The class is retired: it is kept for history and can't be chosen for"
        " customers.",
    },
)


CUSTOMER_PLACES = ("name_key", "account_number", "created_at")
"""The columns by which pages of customers can be ordered."""


def _is_set(value: object) -> bool:
    return value is not None


def _is_not_set(value: object) -> bool:
    return value is None


def _status(retired_at: datetime | None) -> ClassStatus:
    return ClassStatus.ACTIVE if retired_at is None else ClassStatus.RETIRED


async def _customers_of(
    selection: Selection,
    classes: Sequence[Any],
    filter: ClassCustomerFilter | None = None,
    sort: CustomerOrder | None = None,
    **page: Any,
) -> list["CustomerConnection"]:
    """Return a page of customers for each class; one statement reads all pages."""
    from schema.types.customer_connection import CustomerConnection  # noqa: PLC0415  # breaks a circle

    order = sort or CustomerOrder.NAME_ASC
    if selection.info.context.is_masked:
        order = order.without_names
    list_name = f"class-customers-{order.name}"
    arguments = page_arguments(list_name, (str, str), parse=order.parse, **page)
    wanted, ids = matching(selection.info, filter), list(dict.fromkeys(one.id for one in classes))
    pages = PagesPerKey(ids, lambda one: one.customer_class_id, arguments)
    if selection.fields & ROWS:
        await first_of_classes(
            selection.reader,
            ids,
            arguments.size + 1,
            arguments.beyond,
            order,
            pages.keep,
            wanted=wanted,
            is_backward=arguments.is_backward,
        )
    counts: dict[str, int] = {}
    if selection.fields & COUNTS:
        counts = await count_of_classes(ids, MAX_COUNT + 1, wanted)
    return [
        CustomerConnection(
            nodes=pages.of(one.id),
            key_of=lambda one: order.key_of(getattr(one, order.column), one.id),
            arguments=arguments,
            has_more=one.id in pages.with_more,
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
        description="The code of a class that came with the platform, such as `COMPANY_UK_LIMITED`,"
        " which never changes; null for a class that users added."
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
        description="Whether the customers of the class are resellers, which sell services on; this"
        " decides the wording of their invoices, and reporting."
    )
    check_companies_house: bool = strawberry.field(
        description="Whether a customer of the class is looked up at Companies House each time it"
        " is saved."
    )
    is_shipped: bool = computed(
        _is_set,
        "code",
        description="Whether the class came with the platform. The name of such a class and its"
        " flags (personal customer, sole trader, reseller, check Companies House) are protected.",
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
    status: ClassStatusEnum = computed(  # type: ignore[valid-type]  # an enum with another name
        _status, "retired_at", description="Whether the class is active or retired."
    )
    created_at: datetime = strawberry.field(description="When the class was created, in UTC.")
    last_modified_at: datetime = strawberry.field(
        description="When a stored value of the class last changed, in UTC."
    )
    version: int = strawberry.field(
        description="The version of the class. It increases with each change; send it as"
        " `expectedVersion` with the next change."
    )

    name_key: strawberry.Private[str]

    @strawberry.field(
        description="Whether the class can be deleted now, and if not, why. Null for partners"
        " (callers bound to a reseller), and without the permission customer_classes:read.",
        extensions=[ADMINISTRATION],
        metadata=batched(_deletability, paths=()),
    )
    def deletability(self, info: Info) -> Permissibility | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="Whether the class can be retired now, and if not, why; retiring a retired"
        " class changes nothing. Null for partners (callers bound to a reseller), and without the"
        " permission customer_classes:read.",
        extensions=[ADMINISTRATION],
        metadata=batched(_retirability, paths=()),
    )
    def retirability(
        self,
        info: Info,
        replacement_id: Annotated[  # noqa: ARG002  # for the schema
            strawberry.ID | None,
            strawberry.argument(
                description="The id of the replacement: the class that the customers of the retired"
                " class would move to. By default there is no replacement."
            ),
        ] = None,
    ) -> Permissibility | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    @strawberry.field(
        description="The customers of the class. Null without the permission customers:read.",
        extensions=[Requires(Scope.CUSTOMERS_READ)],
        metadata=batched(
            _customers_of, paths=CONNECTION, extra=("customer_class_id",), places=CUSTOMER_PLACES
        ),
    )
    def customers(  # the arguments of lists
        self,
        info: Info,
        first: First = None,  # noqa: ARG002  # for the schema
        after: After = None,  # noqa: ARG002  # see above
        last: Last = None,  # noqa: ARG002  # see above
        before: Before = None,  # noqa: ARG002  # see above
        filter: Annotated[  # noqa: ARG002  # see above
            ClassCustomerFilter | None,
            strawberry.argument(
                description="Conditions on the customers to list. Null lists all customers of the"
                " class."
            ),
        ] = None,
        sort: Annotated[  # noqa: ARG002  # see above
            CustomerSort | None,  # type: ignore[valid-type]  # an enum with another name
            strawberry.argument(
                description="The order of the list; by default by name. Callers who may not see"
                " personal data cannot sort by name: their list is sorted by account number"
                " instead."
            ),
        ] = CustomerOrder.NAME_ASC,
    ) -> (
        Annotated["CustomerConnection", strawberry.lazy("schema.types.customer_connection")] | None
    ):
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any

    audit_trail: AuditEntryConnection | None = audit_trail(
        ADMINISTRATION,
        description="The changes made to the class. Null for partners (callers bound to a"
        " reseller), and without the permission customer_classes:read.",
    )


maps_to(CustomerClass, models.CustomerClass)


@strawberry.input(
    description="Conditions on customer classes; a class is listed if it meets all that are given."
)
class CustomerClassFilter:
    statuses: list[ClassStatusEnum] | None = strawberry.field(  # type: ignore[valid-type]  # see above
        default_factory=lambda: [ClassStatus.ACTIVE],
        description="Only classes with one of these statuses; by default active ones. Null lists"
        " active and retired classes.",
    )
