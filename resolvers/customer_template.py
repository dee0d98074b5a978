"""The queries and mutations of customer templates and of the platform's defaults."""

import strawberry

import models
from models.changes import customer_template_editing
from models.storage.sql import ALWAYS
from models.tables.audit import ActorContext
from resolvers.run_mutation import Input, given, refuse_version_of_nothing, run_mutation
from schema.base.context import Info
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


async def customer_templates(info: Info) -> list[CustomerTemplate]:
    row_query = row_query_for(info, CustomerTemplate)
    found: list[CustomerTemplate] = await row_query.read(ALWAYS, "ORDER BY t0.name_key, t0.id")
    return found


async def platform_defaults(info: Info) -> PlatformDefaults:
    (found,) = await row_query_for(info, PlatformDefaults).read(ALWAYS)
    defaults: PlatformDefaults = found
    return defaults


async def save_customer_template(
    info: Info, input: Input[SaveCustomerTemplateInput]
) -> SaveCustomerTemplatePayload:
    values = given(input, *customer_template_editing.TEMPLATE_FIELDS)

    async def work(act: ActorContext) -> models.CustomerTemplate:
        if input.id is None:
            refuse_version_of_nothing(input.expected_version)
        return await customer_template_editing.save_template(
            act, input.id, values, input.expected_version
        )

    return await run_mutation(
        info, input, work, SaveCustomerTemplatePayload, shows=CustomerTemplate
    )


async def delete_customer_template(
    info: Info, input: Input[DeleteCustomerTemplateInput]
) -> DeleteCustomerTemplatePayload:
    async def work(act: ActorContext) -> DeleteCustomerTemplatePayload:
        row = await customer_template_editing.delete_template(act, input.id, input.expected_version)
        return DeleteCustomerTemplatePayload(deleted_id=strawberry.ID(row.id))

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
