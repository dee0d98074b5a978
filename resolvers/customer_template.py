"""What the root fields on templates and platform defaults do."""

from typing import Annotated, TypeVar

import strawberry

import models
from models.changes import customer_template_editing
from models.storage.sql import ALWAYS
from models.tables.audit import ActorContext
from resolvers.run_mutation import given, refuse_version_of_nothing, run_mutation
from schema.base.context import Info
from schema.base.projections import read_by_id, row_query_for
from schema.base.user_error import UserError
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

Kind = TypeVar("Kind", CustomerTemplate, PlatformDefaults)


async def customer_templates(info: Info) -> list[CustomerTemplate]:
    """List the templates by name."""
    reader = row_query_for(info, CustomerTemplate)
    found: list[CustomerTemplate] = await reader.read(ALWAYS, "ORDER BY t0.name_key, t0.id")
    return found


async def platform_defaults(info: Info) -> PlatformDefaults:
    """Give the platform's defaults."""
    ((found),) = await row_query_for(info, PlatformDefaults).read(ALWAYS)
    defaults: PlatformDefaults = found
    return defaults


async def save_customer_template(
    info: Info,
    input: Annotated[SaveCustomerTemplateInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SaveCustomerTemplatePayload:
    """Create or edit a template."""
    values = given(input, *customer_template_editing.TEMPLATE_FIELDS)

    async def work(act: ActorContext) -> models.CustomerTemplate:
        if input.id is None:
            refuse_version_of_nothing(input.expected_version)
        return await customer_template_editing.save_template(
            act, input.id, values, input.expected_version
        )

    async def succeed(row: models.CustomerTemplate) -> SaveCustomerTemplatePayload:
        return SaveCustomerTemplatePayload(
            customer_template=await _shown(info, CustomerTemplate, row, "customerTemplate")
        )

    async def refuse(
        user_errors: list[UserError], current: models.CustomerTemplate | None
    ) -> SaveCustomerTemplatePayload:
        return SaveCustomerTemplatePayload(
            customer_template=await _shown(info, CustomerTemplate, current, "customerTemplate"),
            user_errors=user_errors,
        )

    return await run_mutation(info, input, work, succeed, refuse)


async def delete_customer_template(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        DeleteCustomerTemplateInput, strawberry.argument(description="What to delete.")
    ],
) -> DeleteCustomerTemplatePayload:
    """Delete a template."""

    async def succeed(row: models.CustomerTemplate) -> DeleteCustomerTemplatePayload:
        return DeleteCustomerTemplatePayload(deleted_id=strawberry.ID(row.id))

    async def refuse(
        user_errors: list[UserError], current: models.CustomerTemplate | None
    ) -> DeleteCustomerTemplatePayload:
        return DeleteCustomerTemplatePayload(
            customer_template=await _shown(info, CustomerTemplate, current, "customerTemplate"),
            user_errors=user_errors,
        )

    return await run_mutation(
        info,
        input,
        lambda act: customer_template_editing.delete_template(
            act, input.id, input.expected_version
        ),
        succeed,
        refuse,
    )


async def save_platform_defaults(
    info: Info,
    input: Annotated[SavePlatformDefaultsInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SavePlatformDefaultsPayload:
    """Set the platform's default class."""

    async def succeed(row: models.PlatformDefaults) -> SavePlatformDefaultsPayload:
        return SavePlatformDefaultsPayload(
            platform_defaults=await _shown(info, PlatformDefaults, row, "platformDefaults")
        )

    async def refuse(
        user_errors: list[UserError], current: models.PlatformDefaults | None
    ) -> SavePlatformDefaultsPayload:
        return SavePlatformDefaultsPayload(
            platform_defaults=await _shown(info, PlatformDefaults, current, "platformDefaults"),
            user_errors=user_errors,
        )

    return await run_mutation(
        info,
        input,
        lambda act: customer_template_editing.save_platform_defaults(
            act, input.customer_class_id, input.expected_version
        ),
        succeed,
        refuse,
    )


async def _shown(
    info: Info,
    kind: type[Kind],
    row: models.CustomerTemplate | models.PlatformDefaults | None,
    field: str,
) -> Kind | None:
    return None if row is None else await read_by_id(info, kind, row.id, field)
