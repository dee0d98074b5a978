"""Filters and orders of lists of templates for new customers."""

import strawberry

from models.lists.customer_template_list import TemplateOrder
from schema.base.descriptions import described_enum

CustomerTemplateSort = described_enum(
    TemplateOrder,
    "CustomerTemplateSort",
    "The order of a list of templates.",
    {
        "NAME_ASC": "By name, A to Z, regardless of case.",
        "NAME_DESC": "By name, Z to A, regardless of case.",
        "CREATED_AT_ASC": "By time of creation, oldest first.",
        "CREATED_AT_DESC": "By time of creation, newest first.",
    },
)


@strawberry.input(
    description="Conditions on the templates to list; a template is listed if it meets all"
    " conditions that are set."
)
class CustomerTemplateFilter:
    """Conditions on templates; null does not filter."""

    text: str | None = strawberry.field(
        default=None,
        description="Only templates whose name contains this text, regardless of case. White"
        " space alone does not filter.",
    )
    class_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only templates whose customers get the class with this id.",
    )
    parent_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Only templates whose customers buy through the reseller with this id.",
    )
