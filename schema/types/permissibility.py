"""GraphQL types that tell whether a customer class can be deleted or retired, and why not."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum, unique

import strawberry

from models.lists.customer_class_use import Blocker as Obstacle
from models.lists.customer_class_use import ClassUse
from schema.base.descriptions import described_enum


@unique
class _BlockerCode(StrEnum):
    SHIPPED_CLASS_PROTECTED = "SHIPPED_CLASS_PROTECTED"
    CLASS_HAS_BEEN_USED = "CLASS_HAS_BEEN_USED"
    CLASS_REFERENCED = "CLASS_REFERENCED"
    CLASS_HAS_CUSTOMERS = "CLASS_HAS_CUSTOMERS"
    CLASS_RETIRED = "CLASS_RETIRED"
    REPLACEMENT_IS_SAME_CLASS = "REPLACEMENT_IS_SAME_CLASS"
    CUSTOMER_HAS_CHILDREN = "CUSTOMER_HAS_CHILDREN"


BlockerCode = described_enum(
    _BlockerCode,
    "BlockerCode",
    "A reason why a customer class cannot be deleted or retired; the mutation would be refused with"
    " the error of the same code.",
    {
        "SHIPPED_CLASS_PROTECTED": "The class came with the platform; such classes cannot be"
        " deleted.",
        "CLASS_HAS_BEEN_USED": "A customer is or was in the class; `count` is the number of"
        " customers ever in it.",
        "CLASS_REFERENCED": "The platform's default or templates name the class; `count` is their"
        " number.",
        "CLASS_HAS_CUSTOMERS": "Customers are in the class, and no replacement is given to move"
        " them to; `count` is their number.",
        "CLASS_RETIRED": "The given replacement is itself a retired class.",
        "REPLACEMENT_IS_SAME_CLASS": "The given replacement is the class itself.",
        "CUSTOMER_HAS_CHILDREN": "Other customers buy through customers in the class, and the given"
        " replacement is not a class for resellers; `count` is the number of those other"
        " customers.",
    },
)


@strawberry.type(description="A reason why a customer class cannot be deleted or retired.")
class Blocker:
    code: BlockerCode = strawberry.field(  # type: ignore[valid-type]  # an enum with another name
        description="The reason why the class cannot be deleted or retired, for programs."
    )
    message: str = strawberry.field(
        description="The reason why the class cannot be deleted or retired, for people, in English."
    )
    count: int | None = strawberry.field(
        description="How many customers, templates or defaults block the deletion or retirement;"
        " the description of `code` says what is counted. Null if nothing is counted for the code."
    )


@strawberry.type(
    description="Whether a customer class can be deleted or retired now, what prevents this, and"
    " how the class is used."
)
class Permissibility:
    is_allowed: bool = strawberry.field(
        description="Whether the class can be deleted or retired now: there are no blockers."
    )
    blockers: list[Blocker] = strawberry.field(
        description="The reasons that prevent the deletion or retirement; empty if it is allowed."
    )
    customers_now_count: int = strawberry.field(
        description="The number of customers in the class now."
    )
    customers_ever_count: int = strawberry.field(
        description="The number of customers ever in the class, including those that left it or"
        " were deleted."
    )
    first_used_at: datetime | None = strawberry.field(
        description="When the first customer was put into the class, in UTC; null if none ever was."
    )
    last_used_at: datetime | None = strawberry.field(
        description="When a customer was last put into the class or left it, in UTC; null if none"
        " ever was in it."
    )

    @classmethod
    def of(cls, obstacles: Sequence[Obstacle], use: ClassUse) -> "Permissibility":

        return cls(
            is_allowed=not obstacles,
            blockers=[
                Blocker(code=_BlockerCode(o.code), message=o.message, count=o.count)
                for o in obstacles
            ],
            customers_now_count=use.customers_now,
            customers_ever_count=use.customers_ever,
            first_used_at=use.first_used_at,
            last_used_at=use.last_used_at,
        )
