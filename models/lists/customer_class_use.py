"""Counts the uses of customer classes, and finds those that prevent deletion or retirement.

Implements R33 to R38 and R42.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tortoise.functions import Count, Max

from models.lists.customer_list import count_of_classes
from models.rules.errors import Refusal, RefusalCode
from models.storage.sql import among, from_database, run
from models.tables.customer import ClassChange, Customer
from models.tables.customer_class import CustomerClass
from models.tables.customer_template import CustomerTemplate, PlatformDefaults


@dataclass(frozen=True, slots=True)
class Blocker:
    """A reason why a class can't be deleted or retired.

    `count` is the number of uses that prevent it; None if the reason is not a use.
    """

    code: RefusalCode
    message: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class ClassUse:
    """How a class is used: by which customers, now and in the past, and by which defaults.

    `customers_ever` includes deleted customers (R35). `last_used_at` is when a customer last
    entered or left the class. `resold_customers` is the number of customers whose parent is in the
    class (R32).
    """

    customers_now: int = 0
    customers_ever: int = 0
    first_used_at: datetime | None = None
    last_used_at: datetime | None = None
    template_names: tuple[str, ...] = ()
    is_platform_default: bool = False
    resold_customers: int = 0

    @property
    def references(self) -> tuple[str, ...]:
        """Return the names of the defaults that refer to the class."""
        platform = ("the platform default",) if self.is_platform_default else ()
        return platform + tuple(f"the template “{name}”" for name in self.template_names)


def deletion_blockers(row: CustomerClass, use: ClassUse) -> list[Blocker]:
    """Return why a class can't be deleted: it is shipped, was used, or is referred to."""
    blockers = []
    if row.is_shipped:
        blockers.append(
            Blocker(
                RefusalCode.SHIPPED_CLASS_PROTECTED,
                "The class came with the platform and cannot be deleted, because rules rely on it;"
                " retire it instead.",
            )
        )
    if use.customers_ever:
        blockers.append(
            Blocker(
                RefusalCode.CLASS_HAS_BEEN_USED,
                f"{_customers(use.customers_ever)} been in this class ({use.customers_now} now),"
                f" first on {_day(use.first_used_at)} and last on {_day(use.last_used_at)}; retire"
                " the class instead.",
                use.customers_ever,
            )
        )
    if use.references:
        verb = "refers to" if len(use.references) == 1 else "refer to"
        blockers.append(
            Blocker(
                RefusalCode.CLASS_REFERENCED,
                f"{_as_subject(use.references)} {verb} this class. Choose another class"
                " there first.",
                len(use.references),
            )
        )
    return blockers


def retirement_blockers(
    row: CustomerClass, use: ClassUse, replacement: CustomerClass | None
) -> list[Blocker]:
    """Return why a class can't be retired in favour of `replacement`, or without one (R42, R43).

    Empty if the class can be retired, or is retired already.
    """
    if row.retired_at is not None:
        return []
    if replacement is None:
        if not use.customers_now:
            return []
        return [
            Blocker(
                RefusalCode.CLASS_HAS_CUSTOMERS,
                f"{_customers_are(use.customers_now)} in this class;"
                " choose a class to move them to.",
                use.customers_now,
            )
        ]
    return _replacement_blockers(row, use, replacement)


def _replacement_blockers(
    row: CustomerClass, use: ClassUse, replacement: CustomerClass
) -> list[Blocker]:
    if replacement.id == row.id:
        return [
            Blocker(
                RefusalCode.REPLACEMENT_IS_SAME_CLASS,
                "A class can't be replaced by itself; choose another replacement.",
            )
        ]
    if replacement.retired_at is not None:
        return [
            Blocker(
                RefusalCode.CLASS_RETIRED,
                f"The replacement, “{replacement.name}”, is itself retired; choose an active"
                " class.",
            )
        ]
    if row.is_reseller and not replacement.is_reseller and use.resold_customers:
        return [
            Blocker(
                RefusalCode.CUSTOMER_HAS_CHILDREN,
                f"{use.resold_customers} customers have a parent in this class, and the replacement"
                " is not a class for resellers; choose another replacement.",
                use.resold_customers,
            )
        ]
    return []


def _as_subject(names: Sequence[str]) -> str:
    """Return names as the subject of a sentence: "The platform default and the template “A”"."""
    *others, last = names
    listed = f"{', '.join(others)} and {last}" if others else last
    return listed[0].upper() + listed[1:]


def as_refusals(blockers: Sequence[Blocker], *path: str) -> list[Refusal]:
    """Return blockers as refusals of a mutation; `path` is the input field that they name."""
    return [Refusal(blocker.code, blocker.message, path) for blocker in blockers]


async def use_of(class_ids: Sequence[str]) -> dict[str, ClassUse]:
    """Return by class id how many customers, templates and defaults use each class.

    The number of queries is the same for any number of classes.
    """
    ids = list(class_ids)
    now = await count_of_classes(ids)
    ever = await _entries_of(ids)
    left = {
        row["from_class_id"]: row["last"]
        for row in await ClassChange.filter(from_class_id__in=ids)
        .annotate(last=Max("changed_at"))
        .group_by("from_class_id")
        .values("from_class_id", "last")
    }
    templates = await CustomerTemplate.filter(customer_class_id__in=ids).order_by("name_key")
    defaults = {
        row.customer_class_id for row in await PlatformDefaults.filter(customer_class_id__in=ids)
    }
    resold = {
        row["parent__customer_class_id"]: row["customers"]
        for row in await Customer.filter(parent__customer_class_id__in=ids, erased_at__isnull=True)
        .annotate(customers=Count("id"))
        .group_by("parent__customer_class_id")
        .values("parent__customer_class_id", "customers")
    }
    uses = {}
    for class_id in ids:
        came = ever.get(class_id)
        moments = [came.last] if came else []
        moments += [left[class_id]] if class_id in left else []
        uses[class_id] = ClassUse(
            customers_now=now[class_id],
            customers_ever=came.customers if came else 0,
            first_used_at=came.first if came else None,
            last_used_at=max(moments, default=None),
            template_names=tuple(t.name for t in templates if t.customer_class_id == class_id),
            is_platform_default=class_id in defaults,
            resold_customers=resold.get(class_id, 0),
        )
    return uses


class _ClassEntries(NamedTuple):
    """How many customers ever entered a class, and when the first and the last of them did."""

    customers: int
    first: datetime
    last: datetime


async def _entries_of(class_ids: Sequence[str]) -> dict[str, _ClassEntries]:
    """Return, for each class that was ever used, how many customers entered it and when.

    The query groups by customer first, which an index serves; count(DISTINCT …) would sort the
    whole history.
    """
    into = among("to_class_id", class_ids)
    rows = await run(
        "SELECT to_class_id, count(*), min(first), max(last) FROM (SELECT to_class_id, customer_id,"  # noqa: S608  # no value is spelt out
        f" min(changed_at) AS first, max(changed_at) AS last FROM class_change WHERE {into.text}"
        " GROUP BY to_class_id, customer_id) AS came GROUP BY to_class_id",
        into.parameters,
    )
    read = from_database(ClassChange._meta.fields_map["changed_at"]) or (lambda instant: instant)
    return {
        class_id: _ClassEntries(count, read(first), read(last))
        for class_id, count, first, last in rows
    }


def _customers(count: int) -> str:
    return "1 customer has" if count == 1 else f"{count} customers have"


def _customers_are(count: int) -> str:
    return "1 customer is" if count == 1 else f"{count} customers are"


def _day(moment: datetime | None) -> str:
    return "never" if moment is None else moment.date().isoformat()
