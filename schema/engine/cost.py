"""The cost of an operation: a formula of its variables, compiled once for each document.

Each object costs a point, a list as many objects as are asked for, scalars nothing, and some fields
have a weight of their own (`cost_weights`). `{ customers(first: $n) { nodes { customerClass { name
} } } }` costs 1 + 2n: these are the requested points. Fewer may be charged: `Cost.fixed` is due
whatever is found, and row queries count the rest as they read rows, each with its weight: the row,
and the objects that are joined to it.

Fields that `@skip` and `@include` leave out cost nothing. A field that is selected twice, by two
fragments, counts twice. The rows of a page count once, if variables may include a field that needs
them. A list without a limit is assumed to have a usual length.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Factor = Callable[[Mapping[str, Any]], int]
"""Computes a number from the variables of a request."""


@dataclass(frozen=True, slots=True)
class Term:
    """A cost that is multiplied by a factor; `is_read` if row queries count it."""

    times: Factor
    cost: "Cost"
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """What a selection costs: `requested` points, of which `fixed` are due whatever is read."""

    requested: int = 0
    fixed: int = 0
    terms: tuple[Term, ...] = ()

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.requested + other.requested, self.fixed + other.fixed, self.terms + other.terms
        )

    def times(self, number: int, *, is_read: bool = False) -> "Cost":
        """Return the cost times a number; the part that is read is due when rows are read."""
        requested, fixed = self.requested * number, 0 if is_read else self.fixed * number
        if not self.terms:
            return Cost(requested, fixed)
        constant = replace(self, terms=())
        varying = Term(lambda _: number, replace(self, requested=0, fixed=0), is_read)
        return constant.times(number, is_read=is_read) + Cost(terms=(varying,))

    def of(self, variables: Mapping[str, Any]) -> tuple[int, int]:
        """Return the requested and the fixed points with some variables."""
        requested, fixed = self.requested, self.fixed
        for term in self.terms:
            times = term.times(variables)
            more_requested, more_fixed = term.cost.of(variables)
            requested += times * more_requested
            if not term.is_read:
                fixed += times * more_fixed
        return requested, fixed


NOTHING = Cost()
