"""What an operation costs: a formula of its variables, compiled once for each document.

Each object costs a point, a list as many objects as are asked for, scalars nothing, and some fields
what `cost_weights` says. `{ customers(first: $n) { nodes { customerClass { name } } } }` costs
1 + 2n: that is what is requested. What is read for it may be less: `Cost.fixed` is the part that is
due whatever is found, and readers count the rest as they read rows, each with its weight, which is
the row and the objects that come along with it. So both count the same things, at other lengths.

What `@skip` and `@include` leave out costs nothing. A field that is selected twice, by way of two
fragments, counts twice; the rows of a page count once, and are taken to be wanted if variables may
leave in a field that wants them. A list that no argument bounds is taken to be of a usual length.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Factor = Callable[[Mapping[str, Any]], int]
"""Gives a number from the variables as they were sent."""


@dataclass(frozen=True, slots=True)
class Term:
    """A cost that comes as often as the variables say; `is_read` if readers count it."""

    times: Factor
    cost: "Cost"
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What a selection costs: what is requested, and of that what is due whatever is read."""

    requested: int = 0
    fixed: int = 0
    terms: tuple[Term, ...] = ()

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.requested + other.requested, self.fixed + other.fixed, self.terms + other.terms
        )

    def times(self, number: int, *, is_read: bool = False) -> "Cost":
        """Give the cost of so many of it; those that are read are not due before they are."""
        requested, fixed = self.requested * number, 0 if is_read else self.fixed * number
        if not self.terms:
            return Cost(requested, fixed)
        constant = replace(self, terms=())
        varying = Term(lambda _: number, replace(self, requested=0, fixed=0), is_read)
        return constant.times(number, is_read=is_read) + Cost(terms=(varying,))

    def of(self, variables: Mapping[str, Any]) -> tuple[int, int]:
        """Give what is requested with these variables, and what is fixed."""
        requested, fixed = self.requested, self.fixed
        for term in self.terms:
            times = term.times(variables)
            more_requested, more_fixed = term.cost.of(variables)
            requested += times * more_requested
            if not term.is_read:
                fixed += times * more_fixed
        return requested, fixed


NOTHING = Cost()
