"""The queries and mutations of customer templates and of the platform's defaults."""

from typing import Annotated

import strawberry

import models
from models.changes import customer_template_editing
from models.lists.customer_template_list import TemplateFilter, TemplateOrder
from models.storage.sql import ALWAYS
from models.tables.audit import ActorContext
from resolvers.listing import listed_rows
from resolvers.outcome import Outcome, outcome
from resolvers.run_mutation import Input, created, given, run_mutation
from schema.base.connection import CountedConnection
from schema.base.context import Info
from schema.base.pagination import After, Before, First, Last
from schema.base.projections import row_query_for
from schema.types.customer_template import (
    CustomerTemplate,
    DeleteCustomerTemplateInput,
    DeleteCustomerTemplatePayload,
    PlatformDefaults,
    SaveCustomerTemplateInput,
    SaveCustomerTemplatePayload,
    SavePlatformDefaultsInput,
    SavePlatformDefaultsPayload,
)
from schema.types.customer_template_filter import CustomerTemplateFilter, CustomerTemplateSort
from schema.types.filter_values import checked_search


async def customer_templates(
    info: Info,
    first: First = None,
    after: After = None,
    last: Last = None,
    before: Before = None,
    filter: Annotated[
        CustomerTemplateFilter | None,
        strawberry.argument(
            description="Conditions on the templates to list. Null lists all templates that you may"
            " see."
        ),
    ] = None,
    sort: Annotated[
        CustomerTemplateSort | None,  # type: ignore[valid-type]  # an enum with another name
        strawberry.argument(description="The order of the list; by default by name."),
    ] = TemplateOrder.NAME_ASC,
) -> CountedConnection[CustomerTemplate]:
    wanted = TemplateFilter()
    if filter is not None:
        wanted = TemplateFilter(checked_search(filter.text), filter.class_id, filter.parent_id)
    order: TemplateOrder = sort or TemplateOrder.NAME_ASC
    return await listed_rows(
        info,
        CustomerTemplate,
        order,
        wanted.condition(),
        first=first,
        after=after,
        last=last,
        before=before,
    )


async def platform_defaults(info: Info) -> PlatformDefaults:
    (found,) = await row_query_for(info, PlatformDefaults).read(ALWAYS)
    defaults: PlatformDefaults = found
    return defaults


async def save_customer_template(
    info: Info, input: Input[SaveCustomerTemplateInput]
) -> SaveCustomerTemplatePayload:
    values = given(input, *customer_template_editing.TEMPLATE_FIELDS)

    async def work(act: ActorContext) -> models.CustomerTemplate:
        save_template = customer_template_editing.save_template
        if input.id is None:
            return await created(act, input.expected_version, save_template(act, None, values))
        return await save_template(act, input.id, values, input.expected_version)

    return await run_mutation(
        info, input, work, SaveCustomerTemplatePayload, shows=CustomerTemplate
    )


async def delete_customer_template(
    info: Info, input: Input[DeleteCustomerTemplateInput]
) -> DeleteCustomerTemplatePayload:
    async def work(act: ActorContext) -> Outcome:
        row = await customer_template_editing.delete_template(act, input.id, input.expected_version)
        return outcome(deleted_id=row.id)

    return await run_mutation(
        info, input, work, DeleteCustomerTemplatePayload, shows=CustomerTemplate
    )


async def save_platform_defaults(
    info: Info, input: Input[SavePlatformDefaultsInput]
) -> SavePlatformDefaultsPayload:
    async def work(act: ActorContext) -> models.PlatformDefaults:
        return await customer_template_editing.save_platform_defaults(
            act, input.customer_class_id, input.expected_version
        )

    return await run_mutation(
        info, input, work, SavePlatformDefaultsPayload, shows=PlatformDefaults
    )
