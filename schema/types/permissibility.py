"""Whether something may be done, told before anybody tries."""

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
    "What stands in the way, by the code that the refusal would have.",
    {
        "SHIPPED_CLASS_PROTECTED": "Shipped classes are never deleted (R38).",
        "CLASS_HAS_BEEN_USED": "A customer has been in the class (R33); count: how many ever.",
        "CLASS_REFERENCED": "Defaults or templates name the class (R37); count: how many.",
        "CLASS_HAS_CUSTOMERS": "Customers are left and no replacement is named (R42).",
        "CLASS_RETIRED": "The replacement is retired itself (R43).",
        "REPLACEMENT_IS_SAME_CLASS": "A class can't replace itself (R43).",
        "CUSTOMER_HAS_CHILDREN": "Customers buy through its customers, and the replacement is no"
        " reseller class (R32); count: how many.",
    },
)


@strawberry.type(description="One thing that stands in the way.")
class Blocker:
    """An obstacle of the domain."""

    code: BlockerCode = strawberry.field(description="What it is, for programs.")  # type: ignore[valid-type]  # an enum with another name
    message: str = strawberry.field(description="What it is, for people, in English.")
    count: int | None = strawberry.field(description="How many there are of it, if it counts.")


@strawberry.type(description="Whether something may be done now, and what stands in the way.")
class Permissibility:
    """An answer given before anybody clicks."""

    is_allowed: bool = strawberry.field(description="Whether it would be done if asked for now.")
    blockers: list[Blocker] = strawberry.field(description="What stands in the way; may be empty.")
    customers_now_count: int = strawberry.field(description="Customers in the class now.")
    customers_ever_count: int = strawberry.field(
        description="Customers that have ever been in the class, deleted ones included (R34, R35)."
    )
    first_used_at: datetime | None = strawberry.field(
        description="When the first customer came into the class."
    )
    last_used_at: datetime | None = strawberry.field(
        description="When a customer last came into the class or left it."
    )

    @classmethod
    def of(cls, obstacles: Sequence[Obstacle], use: ClassUse) -> "Permissibility":
        """Show obstacles and the use that they come from."""
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
