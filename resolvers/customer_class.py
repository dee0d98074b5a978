"""What the root fields on customer classes do."""

from typing import Annotated

import strawberry
from tortoise.expressions import Q

import models
from models.access import Scope
from models.audit import Act
from models.class_editing import (
    EDITABLE_FIELDS,
    SavedClass,
    create_class,
    delete_class,
    edit_class,
    reactivate_class,
)
from models.retirement import Retirement, retire_class
from resolvers.perform import given, perform, refuse_version_of_nothing
from schema.context import Info
from schema.customer_class import (
    ClassStatus,
    CustomerClass,
    CustomerClassConnection,
    CustomerClassEdge,
)
from schema.customer_class_changes import (
    DeleteCustomerClassInput,
    DeleteCustomerClassPayload,
    ReactivateCustomerClassInput,
    ReactivateCustomerClassPayload,
    RetireCustomerClassInput,
    RetireCustomerClassPayload,
    SaveCustomerClassInput,
    SaveCustomerClassPayload,
)
from schema.customer_template import CustomerTemplate
from schema.errors import ErrorCode, RequestRefused
from schema.pagination import DEFAULT_PAGE, encode_cursor, page_arguments, page_info
from schema.permissions import may
from schema.user_error import UserError

CLASSES = "customer-classes"


async def customer_class(
    info: Info,
    id: Annotated[strawberry.ID | None, strawberry.argument(description="Its id.")] = None,  # noqa: A002  # the contract's name
    code: Annotated[
        str | None, strawberry.argument(description="The code of a shipped class.")
    ] = None,
) -> CustomerClass | None:
    """Give one class by id or by code."""
    if (id is None) == (code is None):
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "Give id or code, one of them.")
    if id is not None:
        row = await info.context.loaders.customer_class.load(id)
    else:
        row = await models.CustomerClass.get_or_none(code=code)
    return None if row is None else CustomerClass.of(row)


async def customer_classes(
    info: Info,
    first: Annotated[
        int | None, strawberry.argument(description="How many at most, 500 or fewer.")
    ] = DEFAULT_PAGE,
    after: Annotated[
        str | None, strawberry.argument(description="The endCursor of the page before.")
    ] = None,
    status: Annotated[
        ClassStatus | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="Active classes by default (R17)."),
    ] = ClassStatus.ACTIVE,
    assignable: Annotated[
        bool | None,
        strawberry.argument(description="Only those that can be picked, or that can't."),
    ] = None,
) -> CustomerClassConnection:
    """List classes by display position, then name, whatever the case (R17, R18)."""
    arguments = page_arguments(CLASSES, (int, str, str), first=first, after=after)
    query = models.CustomerClass.all()
    status = status or ClassStatus.ACTIVE
    if status is not ClassStatus.ALL:
        query = query.filter(retired_at__isnull=status is ClassStatus.ACTIVE)
    if assignable is not None:
        query = query.filter(retired_at__isnull=assignable)
    if not may(info, Scope.CUSTOMER_CLASSES_READ):
        # Who enters customers picks from the classes without seeing to them (R94).
        query = query.filter(retired_at__isnull=True)
    total = await query.count()
    if arguments.beyond is not None:
        position, name_key, row_id = arguments.beyond
        query = query.filter(
            Q(display_position__gt=position)
            | Q(display_position=position, name_key__gt=name_key)
            | Q(display_position=position, name_key=name_key, id__gt=row_id)
        )
    ordered = query.order_by("display_position", "name_key", "id")
    rows = await ordered.limit(arguments.size + 1)
    edges = [
        CustomerClassEdge(
            cursor=encode_cursor(CLASSES, (row.display_position, row.name_key, row.id)),
            node=CustomerClass.of(row),
        )
        for row in rows[: arguments.size]
    ]
    return CustomerClassConnection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=page_info(
            [edge.cursor for edge in edges], arguments, has_more=len(rows) > arguments.size
        ),
        total_count=total,
    )


async def save_customer_class(
    info: Info,
    input: Annotated[SaveCustomerClassInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SaveCustomerClassPayload:
    """Create or edit a class (R14 to R16, R20 to R22)."""
    values = given(input, *EDITABLE_FIELDS)

    def succeed(saved: SavedClass) -> SaveCustomerClassPayload:
        return SaveCustomerClassPayload(
            customer_class=CustomerClass.of(saved.row),
            warnings=list(saved.warnings),
            affected_customer_count=saved.affected_customers,
        )

    def refuse(
        user_errors: list[UserError], current: models.CustomerClass | None
    ) -> SaveCustomerClassPayload:
        return SaveCustomerClassPayload(customer_class=_shown(current), user_errors=user_errors)

    class_id = input.id
    if class_id is None:

        async def create(act: Act) -> SavedClass:
            refuse_version_of_nothing(input.expected_version)
            return await create_class(act, values)

        return await perform(info, input, create, succeed, refuse)
    return await perform(
        info,
        input,
        lambda act: edit_class(
            act,
            class_id,
            values,
            expected_version=input.expected_version,
            override_reason=input.override_reason,
        ),
        succeed,
        refuse,
    )


async def retire_customer_class(
    info: Info,
    input: Annotated[RetireCustomerClassInput, strawberry.argument(description="What to retire.")],  # noqa: A002  # the contract's name
) -> RetireCustomerClassPayload:
    """Retire a class and move its customers (R39 to R46)."""

    def succeed(done: Retirement) -> RetireCustomerClassPayload:
        return RetireCustomerClassPayload(
            customer_class=CustomerClass.of(done.row),
            replacement=_shown(done.replacement),
            moved_customer_count=done.moved_customers,
            queued_lookup_count=done.queued_lookups,
            repointed_templates=[CustomerTemplate.of(row) for row in done.repointed_templates],
            cleared_templates=[CustomerTemplate.of(row) for row in done.cleared_templates],
            was_platform_default=done.platform_default_was is not None,
        )

    return await perform(
        info,
        input,
        lambda act: retire_class(
            act, input.id, input.replacement_id, input.reason, input.expected_version
        ),
        succeed,
        lambda user_errors, current: RetireCustomerClassPayload(
            customer_class=_shown(current), user_errors=user_errors
        ),
    )


async def reactivate_customer_class(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        ReactivateCustomerClassInput, strawberry.argument(description="What to reactivate.")
    ],
) -> ReactivateCustomerClassPayload:
    """Bring a retired class back into use (R46)."""
    return await perform(
        info,
        input,
        lambda act: reactivate_class(act, input.id, input.reason, input.expected_version),
        lambda row: ReactivateCustomerClassPayload(customer_class=CustomerClass.of(row)),
        lambda user_errors, current: ReactivateCustomerClassPayload(
            customer_class=_shown(current), user_errors=user_errors
        ),
    )


async def delete_customer_class(
    info: Info,
    input: Annotated[DeleteCustomerClassInput, strawberry.argument(description="What to delete.")],  # noqa: A002  # the contract's name
) -> DeleteCustomerClassPayload:
    """Delete a class that was never used (R33 to R38)."""
    return await perform(
        info,
        input,
        lambda act: delete_class(act, input.id, input.expected_version),
        lambda row: DeleteCustomerClassPayload(deleted_id=strawberry.ID(row.id)),
        lambda user_errors, current: DeleteCustomerClassPayload(
            customer_class=_shown(current), user_errors=user_errors
        ),
    )


def _shown(row: models.CustomerClass | None) -> CustomerClass | None:
    return None if row is None else CustomerClass.of(row)
