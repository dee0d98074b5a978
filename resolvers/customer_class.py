"""The queries and mutations of customer classes."""

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
from models.changes.retirement import retire_class
from models.lists.customer_class_list import CLASS_KEY, ClassFilter, class_page, count_classes
from models.storage.sql import Sql, among
from models.tables.access import Scope
from models.tables.audit import ActorContext
from resolvers.listing import listed
from resolvers.run_mutation import Input, given, refuse_version_of_nothing, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.pagination import DEFAULT_PAGE, After, First, page_arguments
from schema.base.permissions import may
from schema.base.projections import read_by_id, row_query_for
from schema.types.customer_class import CLASSES, ClassStatus, CustomerClass
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
    id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="The id of the class. Set either `id` or `code`."),
    ] = None,
    code: Annotated[
        str | None,
        strawberry.argument(
            description="The code of a class that came with the platform, such as"
            " `COMPANY_UK_LIMITED`."
        ),
    ] = None,
) -> CustomerClass | None:
    if (id is None) == (code is None):
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "Set either `id` or `code`.")
    column, value = ("id", id) if id is not None else ("code", code)
    found: CustomerClass | None = await row_query_for(info, CustomerClass).read_one(
        Sql(f"t0.{column} = ?", (value,))
    )
    return found


async def customer_classes(
    info: Info,
    first: First = DEFAULT_PAGE,
    after: After = None,
    status: Annotated[
        ClassStatus | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(
            description="Return active classes, retired classes, or all; active ones by default."
            " With `assignable: false`, the default and ACTIVE have no effect."
        ),
    ] = ClassStatus.ACTIVE,
    assignable: Annotated[
        bool | None,
        strawberry.argument(
            description="True returns classes that a customer can be put into; false returns those"
            " that are retired. Null sets no condition."
        ),
    ] = None,
) -> CountedConnection[CustomerClass]:
    arguments = page_arguments(CLASSES, (int, str, str), first=first, after=after)
    is_any = status is ClassStatus.ALL or (
        assignable is False and status is not ClassStatus.RETIRED
    )
    wanted = ClassFilter(
        is_active=None if is_any else status is not ClassStatus.RETIRED,
        is_assignable=assignable,
        # Without CUSTOMER_CLASSES_READ, callers see only classes to assign to customers (R94).
        is_restricted=not may(info, Scope.CUSTOMER_CLASSES_READ),
    )
    return await listed(
        info,
        CountedConnection[CustomerClass],
        CustomerClass,
        arguments,
        lambda row_query: class_page(row_query, wanted, arguments.size, arguments.beyond),
        lambda: count_classes(wanted),
        key_columns=CLASS_KEY,
        key_of=lambda node: (node.display_position, node.name_key, node.id),
    )


async def save_customer_class(
    info: Info, input: Input[SaveCustomerClassInput]
) -> SaveCustomerClassPayload:
    values = given(input, *EDITABLE_FIELDS)

    async def save(act: ActorContext) -> SavedClass:
        if input.id is None:
            refuse_version_of_nothing(input.expected_version)
            return await create_class(act, values)
        return await edit_class(
            act,
            input.id,
            values,
            expected_version=input.expected_version,
            override_reason=input.override_reason,
        )

    async def work(act: ActorContext) -> SaveCustomerClassPayload:
        saved = await save(act)
        return SaveCustomerClassPayload(
            customer_class=await read_by_id(info, CustomerClass, saved.row.id, "customerClass"),
            warnings=list(saved.warnings),
            affected_customer_count=saved.affected_customers,
        )

    return await run_mutation(info, input, work, SaveCustomerClassPayload, shows=CustomerClass)


async def retire_customer_class(
    info: Info, input: Input[RetireCustomerClassInput]
) -> RetireCustomerClassPayload:
    async def work(act: ActorContext) -> RetireCustomerClassPayload:
        done = await retire_class(
            act, input.id, input.replacement_id, input.reason, input.expected_version
        )
        repointed, cleared = done.repointed_templates, done.cleared_templates
        return RetireCustomerClassPayload(
            customer_class=await read_by_id(info, CustomerClass, done.row.id, "customerClass"),
            replacement=await _replacement(info, done.replacement),
            moved_customer_count=done.moved_customers,
            queued_lookup_count=done.queued_lookups,
            repointed_templates=await _templates(info, repointed, "repointedTemplates"),
            cleared_templates=await _templates(info, cleared, "clearedTemplates"),
            was_platform_default=done.platform_default_was is not None,
        )

    return await run_mutation(info, input, work, RetireCustomerClassPayload, shows=CustomerClass)


async def reactivate_customer_class(
    info: Info, input: Input[ReactivateCustomerClassInput]
) -> ReactivateCustomerClassPayload:
    async def work(act: ActorContext) -> models.CustomerClass:
        return await reactivate_class(act, input.id, input.reason, input.expected_version)

    return await run_mutation(
        info, input, work, ReactivateCustomerClassPayload, shows=CustomerClass
    )


async def delete_customer_class(
    info: Info, input: Input[DeleteCustomerClassInput]
) -> DeleteCustomerClassPayload:
    async def work(act: ActorContext) -> DeleteCustomerClassPayload:
        row = await delete_class(act, input.id, input.expected_version)
        return DeleteCustomerClassPayload(deleted_id=strawberry.ID(row.id))

    return await run_mutation(info, input, work, DeleteCustomerClassPayload, shows=CustomerClass)


async def _replacement(info: Info, row: models.CustomerClass | None) -> CustomerClass | None:
    return None if row is None else await read_by_id(info, CustomerClass, row.id, "replacement")


async def _templates(
    info: Info, rows: Sequence[models.CustomerTemplate], field: str
) -> list[CustomerTemplate]:
    row_query = row_query_for(info, CustomerTemplate, (field,))
    found: list[CustomerTemplate] = await row_query.read(
        among("t0.id", [row.id for row in rows]), "ORDER BY t0.name_key"
    )
    return found
