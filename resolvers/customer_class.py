"""What the root fields on customer classes do."""

from collections.abc import Sequence
from typing import Annotated

import strawberry

import models
from models.changes.customer_class_editing import (
    EDITABLE_FIELDS,
    SavedClass,
    create_class,
    delete_class,
    edit_class,
    reactivate_class,
)
from models.changes.retirement import Retirement, retire_class
from models.lists.customer_class_list import CLASS_KEY, ClassFilter, class_page, count_classes
from models.storage.sql import Sql, among
from models.tables.access import Scope
from models.tables.audit import ActorContext
from resolvers.run_mutation import given, refuse_version_of_nothing, run_mutation
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.pagination import COUNTS, DEFAULT_PAGE, ROWS, page_arguments
from schema.base.permissions import may
from schema.base.projections import page_query, read_by_id, row_query_for
from schema.base.user_error import UserError
from schema.types.customer_class import (
    CLASSES,
    ClassStatus,
    CustomerClass,
    CustomerClassConnection,
)
from schema.types.customer_class_changes import (
    DeleteCustomerClassInput,
    DeleteCustomerClassPayload,
    ReactivateCustomerClassInput,
    ReactivateCustomerClassPayload,
    RetireCustomerClassInput,
    RetireCustomerClassPayload,
    SaveCustomerClassInput,
    SaveCustomerClassPayload,
)
from schema.types.customer_template import CustomerTemplate


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
    column, value = ("id", id) if id is not None else ("code", code)
    found: CustomerClass | None = await row_query_for(info, CustomerClass).read_one(
        Sql(f"t0.{column} = ?", (value,))
    )
    return found


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
        strawberry.argument(
            description="Active classes by default; with `assignable: false`, the default and"
            " ACTIVE have no effect."
        ),
    ] = ClassStatus.ACTIVE,
    assignable: Annotated[
        bool | None,
        strawberry.argument(
            description="True for classes that can be picked for customers, false for those that"
            " can't, which are the retired ones."
        ),
    ] = None,
) -> CustomerClassConnection:
    """List classes by display position, then name, whatever the case (R17, R18)."""
    arguments = page_arguments(CLASSES, (int, str, str), first=first, after=after)
    is_any = status is ClassStatus.ALL or (
        assignable is False and status is not ClassStatus.RETIRED
    )
    wanted = ClassFilter(
        is_active=None if is_any else status is not ClassStatus.RETIRED,
        is_assignable=assignable,
        # Who enters customers picks from the classes without seeing to them (R94).
        is_restricted=not may(info, Scope.CUSTOMER_CLASSES_READ),
    )
    reader, selected = page_query(info, CustomerClass, *CLASS_KEY)
    nodes: list[CustomerClass] = []
    has_more = False
    if selected & ROWS:
        nodes, has_more = await class_page(reader, wanted, arguments.size, arguments.beyond)
    return CustomerClassConnection(
        nodes=nodes,
        arguments=arguments,
        has_more=has_more,
        counted=await count_classes(wanted) if selected & COUNTS else None,
    )


async def save_customer_class(
    info: Info,
    input: Annotated[SaveCustomerClassInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SaveCustomerClassPayload:
    """Create or edit a class (R14 to R16, R20 to R22)."""
    values = given(input, *EDITABLE_FIELDS)

    async def succeed(saved: SavedClass) -> SaveCustomerClassPayload:
        return SaveCustomerClassPayload(
            customer_class=await _shown(info, saved.row),
            warnings=list(saved.warnings),
            affected_customer_count=saved.affected_customers,
        )

    async def refuse(
        user_errors: list[UserError], current: models.CustomerClass | None
    ) -> SaveCustomerClassPayload:
        return SaveCustomerClassPayload(
            customer_class=await _shown(info, current), user_errors=user_errors
        )

    class_id = input.id
    if class_id is None:

        async def create(act: ActorContext) -> SavedClass:
            refuse_version_of_nothing(input.expected_version)
            return await create_class(act, values)

        return await run_mutation(info, input, create, succeed, refuse)
    return await run_mutation(
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

    async def refuse(
        user_errors: list[UserError], current: models.CustomerClass | None
    ) -> RetireCustomerClassPayload:
        return RetireCustomerClassPayload(
            customer_class=await _shown(info, current), user_errors=user_errors
        )

    async def succeed(done: Retirement) -> RetireCustomerClassPayload:
        return RetireCustomerClassPayload(
            customer_class=await _shown(info, done.row),
            replacement=await _shown(info, done.replacement, "replacement"),
            moved_customer_count=done.moved_customers,
            queued_lookup_count=done.queued_lookups,
            repointed_templates=await _templates(
                info, done.repointed_templates, "repointedTemplates"
            ),
            cleared_templates=await _templates(info, done.cleared_templates, "clearedTemplates"),
            was_platform_default=done.platform_default_was is not None,
        )

    return await run_mutation(
        info,
        input,
        lambda act: retire_class(
            act, input.id, input.replacement_id, input.reason, input.expected_version
        ),
        succeed,
        refuse,
    )


async def reactivate_customer_class(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        ReactivateCustomerClassInput, strawberry.argument(description="What to reactivate.")
    ],
) -> ReactivateCustomerClassPayload:
    """Bring a retired class back into use (R46)."""

    async def succeed(row: models.CustomerClass) -> ReactivateCustomerClassPayload:
        return ReactivateCustomerClassPayload(customer_class=await _shown(info, row))

    async def refuse(
        user_errors: list[UserError], current: models.CustomerClass | None
    ) -> ReactivateCustomerClassPayload:
        return ReactivateCustomerClassPayload(
            customer_class=await _shown(info, current), user_errors=user_errors
        )

    return await run_mutation(
        info,
        input,
        lambda act: reactivate_class(act, input.id, input.reason, input.expected_version),
        succeed,
        refuse,
    )


async def delete_customer_class(
    info: Info,
    input: Annotated[DeleteCustomerClassInput, strawberry.argument(description="What to delete.")],  # noqa: A002  # the contract's name
) -> DeleteCustomerClassPayload:
    """Delete a class that was never used (R33 to R38)."""

    async def succeed(row: models.CustomerClass) -> DeleteCustomerClassPayload:
        return DeleteCustomerClassPayload(deleted_id=strawberry.ID(row.id))

    async def refuse(
        user_errors: list[UserError], current: models.CustomerClass | None
    ) -> DeleteCustomerClassPayload:
        return DeleteCustomerClassPayload(
            customer_class=await _shown(info, current), user_errors=user_errors
        )

    return await run_mutation(
        info,
        input,
        lambda act: delete_class(act, input.id, input.expected_version),
        succeed,
        refuse,
    )


async def _shown(
    info: Info, row: models.CustomerClass | None, field: str = "customerClass"
) -> CustomerClass | None:
    return None if row is None else await read_by_id(info, CustomerClass, row.id, field)


async def _templates(
    info: Info, rows: Sequence[models.CustomerTemplate], field: str
) -> list[CustomerTemplate]:
    reader = row_query_for(info, CustomerTemplate, (field,))
    found: list[CustomerTemplate] = await reader.read(
        among("t0.id", [row.id for row in rows]), "ORDER BY t0.name_key"
    )
    return found
