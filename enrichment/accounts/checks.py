"""Checks whether the figures add up; those that do not get a warning, but are still returned."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from enrichment.accounts import concepts, identities
from enrichment.accounts.bounds import check_bounds, flag_figures
from enrichment.accounts.concepts import Role
from enrichment.accounts.figures import (
    CURRENT_ASSETS,
    FIXED_ASSETS,
    LESS_CURRENT_LIABILITIES,
    NET_ASSETS,
    TOTAL_ASSETS,
    Findings,
)
from enrichment.accounts.identities import Identity
from enrichment.accounts.lines import Line
from enrichment.accounts.model import WarningCode

_WITHOUT_PREPAYMENTS = Identity(
    concepts.NET_CURRENT, (concepts.CURRENT,), (concepts.CREDITORS_WITHIN,)
)
_WITHOUT_CALLED_UP = Identity(
    concepts.LESS_CURRENT_LIABILITIES, (concepts.FIXED, concepts.NET_CURRENT)
)
_EQUITY = Identity(concepts.NET, (concepts.EQUITY,))
_FUNDS = Identity(concepts.NET, (concepts.FUNDS,))
_TOTAL = Identity(concepts.TOTAL, (concepts.FIXED, concepts.CURRENT))

_FROM_THE_TOP = Identity(
    concepts.LESS_CURRENT_LIABILITIES,
    (concepts.FIXED, concepts.CURRENT),
    (concepts.CREDITORS_WITHIN,),
)


@dataclass(frozen=True, slots=True)
class _Check:
    """A sum to check, in one or more forms.

    It is checked if every role (line of the balance sheet) in `needed` has a value. If none of the
    `forms` holds, each figure in `fields` gets the warning `code`.
    """

    fields: tuple[str, ...]
    code: WarningCode
    forms: tuple[Identity, ...]
    needed: tuple[Role, ...]


_CHECKS = (
    _Check(
        (CURRENT_ASSETS,),
        WarningCode.NET_CURRENT_ASSETS_MISMATCH,
        (identities.NET_CURRENT, _WITHOUT_PREPAYMENTS),
        (concepts.NET_CURRENT, concepts.CURRENT, concepts.CREDITORS_WITHIN),
    ),
    _Check(
        (FIXED_ASSETS, LESS_CURRENT_LIABILITIES),
        WarningCode.TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH,
        (identities.LESS_CURRENT_LIABILITIES, _WITHOUT_CALLED_UP),
        (concepts.LESS_CURRENT_LIABILITIES, concepts.FIXED, concepts.NET_CURRENT),
    ),
    _Check(
        (FIXED_ASSETS, CURRENT_ASSETS, LESS_CURRENT_LIABILITIES),
        WarningCode.TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH,
        (identities.FROM_THE_TOP, _FROM_THE_TOP),
        (
            concepts.LESS_CURRENT_LIABILITIES,
            concepts.FIXED,
            concepts.CURRENT,
            concepts.CREDITORS_WITHIN,
        ),
    ),
    _Check((NET_ASSETS,), WarningCode.NET_ASSETS_MISMATCH, (_EQUITY, _FUNDS), (concepts.NET,)),
    _Check(
        (TOTAL_ASSETS, FIXED_ASSETS, CURRENT_ASSETS),
        WarningCode.TOTAL_ASSETS_MISMATCH,
        (_TOTAL,),
        (concepts.TOTAL, concepts.FIXED, concepts.CURRENT),
    ),
)


def check_sums(found: Findings, lines: Mapping[str, Line]) -> None:
    """Warn of each figure in a sum that does not hold, even if rounding is allowed for."""
    values = {name: line.value for name, line in lines.items() if line.value is not None}
    owed = concepts.CREDITORS_WITHIN.name
    if owed in values:
        values[owed] = abs(values[owed])
    for check in _CHECKS:
        has_all = all(role.name in values for role in check.needed)
        if has_all and _fails(check.forms, values, lines):
            flag_figures(found, check.fields, check.code)
    check_bounds(found, lines)


def _fails(
    forms: tuple[Identity, ...], values: Mapping[str, Decimal], lines: Mapping[str, Line]
) -> bool:
    """Return whether some form of the sum can be tested, but no form that can be tested holds."""
    gaps = [
        (gap, identities.tolerance(form, values, lines))
        for form in forms
        if (gap := identities.residual(form, values)) is not None
    ]
    return bool(gaps) and all(gap > allowed for gap, allowed in gaps)
