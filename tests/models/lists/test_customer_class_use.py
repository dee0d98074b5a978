"""What prevents deleting or retiring a class, as truth tables."""

from datetime import UTC, datetime

import pytest

from models.lists.customer_class_use import (
    Blocker,
    ClassUse,
    as_refusals,
    deletion_blockers,
    retirement_blockers,
)
from models.rules.errors import Refusal, RefusalCode
from models.tables.customer_class import CustomerClass
from tests.clock import START

SHIPPED, USED = RefusalCode.SHIPPED_CLASS_PROTECTED, RefusalCode.CLASS_HAS_BEEN_USED
REFERENCED, CUSTOMERS = RefusalCode.CLASS_REFERENCED, RefusalCode.CLASS_HAS_CUSTOMERS
SAME, RETIRED = RefusalCode.REPLACEMENT_IS_SAME_CLASS, RefusalCode.CLASS_RETIRED

FIRST, LAST = datetime(2025, 2, 3, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC)
NEVER_USED = ClassUse()
IN_USE = ClassUse(1, 1, FIRST, FIRST)
LEFT = ClassUse(0, 2, FIRST, LAST)
IN_TEMPLATE = ClassUse(template_names=("Shops", "Clubs"))
IS_DEFAULT = ClassUse(is_platform_default=True)
ALL_OF_IT = ClassUse(1, 3, FIRST, LAST, ("Shops",), is_platform_default=True)


def a_class(
    *, code: str | None = None, is_retired: bool = False, row_id: str = "cls_a"
) -> CustomerClass:
    return CustomerClass(
        id=row_id,
        code=code,
        name="Partnership",
        name_key="partnership",
        retired_at=START if is_retired else None,
        created_at=START,
        last_modified_at=START,
    )


# fmt: off
DELETIONS: tuple[tuple[bool, ClassUse, list[RefusalCode], list[int | None]], ...] = (
    # shipped, use | codes, counts
    (False, NEVER_USED, [], []),  # it never had a customer (R33)
    (True, NEVER_USED, [SHIPPED], [None]),  # shipped classes cannot be deleted (R38)
    (False, IN_USE, [USED], [1]),  # R33
    (False, LEFT, [USED], [2]),  # all have moved away (R34)
    (False, IN_TEMPLATE, [REFERENCED], [2]),  # R37
    (False, IS_DEFAULT, [REFERENCED], [1]),  # R37
    (True, ALL_OF_IT, [SHIPPED, USED, REFERENCED], [None, 3, 2]),  # all reasons at once (R36)
)
# fmt: on


@pytest.mark.parametrize(("is_shipped", "use", "codes", "counts"), DELETIONS)
def test_a_class_is_deleted_only_if_nothing_stands_in_the_way(
    is_shipped: bool, use: ClassUse, codes: list[RefusalCode], counts: list[int | None]
) -> None:
    """R33, R34, R36, R37, R38."""
    blockers = deletion_blockers(a_class(code="CHARITY" if is_shipped else None), use)
    assert [blocker.code for blocker in blockers] == codes
    assert [blocker.count for blocker in blockers] == counts


def test_the_refusal_says_how_many_and_when() -> None:
    """R36."""
    (blocker,) = deletion_blockers(a_class(), LEFT)
    assert blocker.message == (
        "2 customers have been in this class (0 now), first on 2025-02-03 and last on 2026-04-05;"
        " retire the class instead."
    )
    (blocker,) = deletion_blockers(a_class(), IN_USE)
    assert blocker.message == (
        "1 customer has been in this class (1 now), first on 2025-02-03 and last on 2025-02-03;"
        " retire the class instead."
    )


def test_the_refusal_lists_what_refers_to_the_class() -> None:
    """R37."""
    (blocker,) = deletion_blockers(
        a_class(), ClassUse(template_names=("Shops",), is_platform_default=True)
    )
    assert blocker.message == (
        "The platform default and the template “Shops” refer to this class. Choose another class"
        " there first."
    )


OTHER, GONE = a_class(row_id="cls_b"), a_class(row_id="cls_c", is_retired=True)

# fmt: off
RETIREMENTS: tuple[
    tuple[bool, ClassUse, CustomerClass | None, list[RefusalCode]], ...
] = (
    # retired already, use, replacement | codes
    (False, NEVER_USED, None, []),  # no customers left: no replacement needed (R42)
    (False, LEFT, None, []),  # R42
    (False, IN_USE, None, [CUSTOMERS]),  # R42
    (False, IN_TEMPLATE, None, []),  # references are cleared, so they do not prevent it (R44)
    (False, IN_USE, OTHER, []),  # R39
    (False, NEVER_USED, OTHER, []),  # R42
    (False, IN_USE, a_class(), [SAME]),  # the class itself (R43)
    (False, IN_USE, GONE, [RETIRED]),  # R43
    (True, NEVER_USED, None, []),  # retiring twice is allowed (R46)
    (True, NEVER_USED, GONE, []),  # with any replacement (R46)
)
# fmt: on


@pytest.mark.parametrize(("is_retired", "use", "replacement", "codes"), RETIREMENTS)
def test_a_class_is_retired_only_if_its_customers_have_a_place(
    is_retired: bool, use: ClassUse, replacement: CustomerClass | None, codes: list[RefusalCode]
) -> None:
    """R42, R43, R46."""
    blockers = retirement_blockers(a_class(is_retired=is_retired), use, replacement)
    assert [blocker.code for blocker in blockers] == codes


def test_blockers_become_refusals_that_lead_to_the_field() -> None:
    assert as_refusals([Blocker(USED, "Used.", 3)], "id") == [Refusal(USED, "Used.", ("id",))]
