"""The queries and mutations of customer classes."""

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
from models.lists.customer_class_list import ClassFilter, ClassOrder
from models.storage.sql import Sql
from models.tables.access import Scope
from models.tables.audit import ActorContext
from models.tables.customer_class import ClassStatus
from resolvers.listing import listed_rows
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, created, given, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.pagination import DEFAULT_PAGE, After, Before, First, Last
from schema.base.permissions import may
from schema.base.projections import row_query_for
from schema.types.customer_class import (
    ClassStatusEnum,
    CustomerClass,
    CustomerClassFilter,
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
from schema.types.customer_class_sort import CustomerClassSort


async def customer_class(
    info: Info,
    id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="The id of the customer class. Set either `id` or `code`."),
    ] = None,
    code: Annotated[
        str | None,
        strawberry.argument(
            description="The code of a class that came with the platform, such as"
            " `COMPANY_UK_LIMITED`. Set either `id` or `code`."
        ),
    ] = None,
) -> CustomerClass | None:
    if (id is None) == (code is None):
        raise RequestRefused(ErrorCode.BAD_USER_INPUT, "Set either `id` or `code`, and not both.")
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
        ClassStatusEnum | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(
            description="Only classes with this status. Beside a `filter`, RETIRED must hold too,"
            " and ACTIVE, the default, has no effect; nor has it beside `assignable: false`."
        ),
    ] = ClassStatus.ACTIVE,
    assignable: Annotated[
        bool | None,
        strawberry.argument(
            description="True: only classes that a customer can be put into. False: only retired"
            " classes. Null sets no condition."
        ),
    ] = None,
    filter: Annotated[
        CustomerClassFilter | None,
        strawberry.argument(description="Which classes to list; by default active ones."),
    ] = None,
    last: Last = None,
    before: Before = None,
    sort: Annotated[
        CustomerClassSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default by display position."),
    ] = ClassOrder.DISPLAY_POSITION_ASC,
) -> CountedConnection[CustomerClass]:
    wanted = ClassFilter(
        _statuses(status, assignable, filter),
        # Without CUSTOMER_CLASSES_READ, callers see only classes to assign to customers (R94).
        is_restricted=not may(info, Scope.CUSTOMER_CLASSES_READ),
    )
    order: ClassOrder = sort or ClassOrder.DISPLAY_POSITION_ASC
    # A client that reads backwards need not send `first: null` to replace the default.
    size = None if last is not None and first == DEFAULT_PAGE else first
    return await listed_rows(
        info,
        CustomerClass,
        order,
        wanted.condition(),
        first=size,
        after=after,
        last=last,
        before=before,
    )


def _statuses(
    status: ClassStatus | None, assignable: bool | None, given_filter: CustomerClassFilter | None
) -> frozenset[ClassStatus]:
    """Return the statuses of the classes to list."""
    if given_filter is not None:
        wanted = given_filter.statuses
    else:
        wanted = None if assignable is False else [status or ClassStatus.ACTIVE]
    statuses = set(ClassStatus) if wanted is None else set(wanted)
    if given_filter is not None and status is ClassStatus.RETIRED:
        statuses &= {status}
    if assignable is not None:
        statuses &= {ClassStatus.ACTIVE if assignable else ClassStatus.RETIRED}
    return frozenset(statuses)


async def save_customer_class(
    info: Info, input: Input[SaveCustomerClassInput]
) -> SaveCustomerClassPayload:
    values = given(input, *EDITABLE_FIELDS)

    async def save(act: ActorContext) -> SavedClass:
        if input.id is None:
            return await created(act, input.expected_version, create_class(act, values))
        return await edit_class(
            act,
            input.id,
            values,
            expected_version=input.expected_version,
            override_reason=input.override_reason,
        )

    async def work(act: ActorContext) -> Outcome:
        saved = await save(act)
        return outcome(
            customer_class=saved.row,
            warnings=saved.warnings,
            affected_customer_count=saved.affected_customers,
        )

    return await run_mutation(info, input, work, SaveCustomerClassPayload, shows=CustomerClass)


async def retire_customer_class(
    info: Info, input: Input[RetireCustomerClassInput]
) -> RetireCustomerClassPayload:
    async def work(act: ActorContext) -> Outcome:
        done = await retire_class(
            act, input.id, input.replacement_id, input.reason, input.expected_version
        )
        return outcome(
            customer_class=done.row,
            replacement=done.replacement,
            moved_customer_count=done.moved_customers,
            queued_lookup_count=done.queued_lookups,
            reassigned_templates=sorted(done.reassigned_templates, key=_name_key),
            cleared_templates=sorted(done.cleared_templates, key=_name_key),
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
    async def work(act: ActorContext) -> Outcome:
        row = await delete_class(act, input.id, input.expected_version)
        return outcome(deleted_id=row.id)

    return await run_mutation(info, input, work, DeleteCustomerClassPayload, shows=CustomerClass)


def _name_key(template: models.CustomerTemplate) -> str:
    return template.name_key
