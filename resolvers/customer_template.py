"""What the root fields on templates and platform defaults do."""

from typing import Annotated

import strawberry

import models
from models import template_editing
from models.customer_template import PLATFORM_DEFAULTS_ID
from resolvers.perform import given, perform
from schema.context import Info
from schema.customer_template import (
    CustomerTemplate,
    DeleteCustomerTemplateInput,
    DeleteCustomerTemplatePayload,
    PlatformDefaults,
    SaveCustomerTemplateInput,
    SaveCustomerTemplatePayload,
    SavePlatformDefaultsInput,
    SavePlatformDefaultsPayload,
)


async def customer_templates() -> list[CustomerTemplate]:
    """List the templates by name."""
    rows = await models.CustomerTemplate.all().order_by("name_key", "id")
    return [CustomerTemplate.of(row) for row in rows]


async def platform_defaults() -> PlatformDefaults:
    """Give the platform's defaults."""
    return PlatformDefaults.of(await models.PlatformDefaults.get(id=PLATFORM_DEFAULTS_ID))


async def save_customer_template(
    info: Info,
    input: Annotated[SaveCustomerTemplateInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SaveCustomerTemplatePayload:
    """Create or edit a template."""
    values = given(input, *template_editing.TEMPLATE_FIELDS)
    return await perform(
        info,
        input,
        lambda act: template_editing.save_template(act, input.id, values, input.expected_version),
        lambda row: SaveCustomerTemplatePayload(customer_template=CustomerTemplate.of(row)),
        lambda user_errors, current: SaveCustomerTemplatePayload(
            customer_template=_shown(current), user_errors=user_errors
        ),
    )


async def delete_customer_template(
    info: Info,
    input: Annotated[  # noqa: A002  # the contract's name
        DeleteCustomerTemplateInput, strawberry.argument(description="What to delete.")
    ],
) -> DeleteCustomerTemplatePayload:
    """Delete a template."""
    return await perform(
        info,
        input,
        lambda act: template_editing.delete_template(act, input.id, input.expected_version),
        lambda row: DeleteCustomerTemplatePayload(deleted_id=strawberry.ID(row.id)),
        lambda user_errors, current: DeleteCustomerTemplatePayload(
            customer_template=_shown(current), user_errors=user_errors
        ),
    )


async def save_platform_defaults(
    info: Info,
    input: Annotated[SavePlatformDefaultsInput, strawberry.argument(description="What to save.")],  # noqa: A002  # the contract's name
) -> SavePlatformDefaultsPayload:
    """Set the platform's default class."""
    return await perform(
        info,
        input,
        lambda act: template_editing.save_platform_defaults(
            act, input.customer_class_id, input.expected_version
        ),
        lambda row: SavePlatformDefaultsPayload(platform_defaults=PlatformDefaults.of(row)),
        lambda user_errors, current: SavePlatformDefaultsPayload(
            platform_defaults=None if current is None else PlatformDefaults.of(current),
            user_errors=user_errors,
        ),
    )


def _shown(row: models.CustomerTemplate | None) -> CustomerTemplate | None:
    return None if row is None else CustomerTemplate.of(row)
