"""The orders of lists of customer classes."""

from models.lists.customer_class_list import ClassOrder
from schema.base.descriptions import described_enum

CustomerClassSort = described_enum(
    ClassOrder,
    "CustomerClassSort",
    "The order of a list of customer classes. Classes with the same display position are ordered by"
    " name.",
    {
        "DISPLAY_POSITION_ASC": "By display position, lowest first.",
        "DISPLAY_POSITION_DESC": "By display position, highest first.",
        "NAME_ASC": "By name, A to Z, regardless of case.",
        "NAME_DESC": "By name, Z to A, regardless of case.",
    },
)
