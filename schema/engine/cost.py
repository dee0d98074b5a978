"""The cost of an operation in points, as a formula of the operation's variables.

Each object costs one point, and scalars cost nothing. A list costs the points of as many objects as
are requested. Some fields have an additional weight (`cost_weights`). For example,
`{ customers(first: $n) { nodes { customerClass { name } } } }` costs 1 + 2n requested points.

The charge may be lower. `Cost.fixed` points are charged whatever is found. All other points are
counted by row queries as they read rows: each row counts with the objects that are joined to it.

Fields that `@skip` or `@include` leaves out cost nothing. A field that two fragments select counts
twice. The rows of a page count once if a field that needs them may be selected, depending on
variables. A list without a limit is assumed to have the length that `cost_weights` names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

Factor = Callable[[Mapping[str, Any]], int]
"""A function that computes a number from the values of a request's variables."""


@dataclass(frozen=True, slots=True)
class Term:
    """A cost that is multiplied by a factor, which depends on variables.

    If `is_read`, row queries count the points, so that none of them are fixed.
    """

    times: Factor
    cost: "Cost"
    is_read: bool = False


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a selection in points.

    `requested` is the maximum, and `fixed` the part that is charged whatever is found. `terms` add
    points that depend on variables.
    """

    requested: int = 0
    fixed: int = 0
    terms: tuple[Term, ...] = ()

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.requested + other.requested, self.fixed + other.fixed, self.terms + other.terms
        )

    def times(self, number: int, *, is_read: bool = False) -> "Cost":
        """Return the cost multiplied by `number`; if `is_read`, with no fixed points."""
        requested, fixed = self.requested * number, 0 if is_read else self.fixed * number
        if not self.terms:
            return Cost(requested, fixed)
        constant = replace(self, terms=())
        varying = Term(lambda _: number, replace(self, requested=0, fixed=0), is_read)
        return constant.times(number, is_read=is_read) + Cost(terms=(varying,))

    def of(self, variables: Mapping[str, Any]) -> tuple[int, int]:
        """Return two numbers of points, for the values of a request's variables.

        The first is the maximum that the operation may cost (`requested`), and the second is the
        part of it that is charged whatever is found (`fixed`).
        """
        requested, fixed = self.requested, self.fixed
        for term in self.terms:
            times = term.times(variables)
            more_requested, more_fixed = term.cost.of(variables)
            requested += times * more_requested
            if not term.is_read:
                fixed += times * more_fixed
        return requested, fixed


NOTHING = Cost()
