"""Whether the filed figures add up: failing sums are warnings on the record, never refusals."""

from collections.abc import Mapping
from decimal import Decimal

from enrichment.accounts import concepts, identities
from enrichment.accounts.figures import (
    CURRENT_ASSETS,
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

_CHECKS = (
    (
        CURRENT_ASSETS,
        WarningCode.NET_CURRENT_ASSETS_MISMATCH,
        (identities.NET_CURRENT, _WITHOUT_PREPAYMENTS),
        (concepts.NET_CURRENT, concepts.CURRENT, concepts.CREDITORS_WITHIN),
    ),
    (
        LESS_CURRENT_LIABILITIES,
        WarningCode.TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH,
        (identities.LESS_CURRENT_LIABILITIES, _WITHOUT_CALLED_UP),
        (concepts.LESS_CURRENT_LIABILITIES, concepts.FIXED, concepts.NET_CURRENT),
    ),
    (
        NET_ASSETS,
        WarningCode.NET_ASSETS_MISMATCH,
        (_EQUITY, _FUNDS),
        (concepts.NET,),
    ),
    (
        TOTAL_ASSETS,
        WarningCode.TOTAL_ASSETS_MISMATCH,
        (_TOTAL,),
        (concepts.TOTAL, concepts.FIXED, concepts.CURRENT),
    ),
)


def check_sums(found: Findings, lines: Mapping[str, Line]) -> None:
    """Warn where a sum of tagged lines fails by more than their rounding explains."""
    values = {name: line.value for name, line in lines.items() if line.value is not None}
    owed = concepts.CREDITORS_WITHIN.name
    if owed in values:
        values[owed] = abs(values[owed])
    for field, code, forms, needed in _CHECKS:
        has_all = all(role.name in values for role in needed)
        if has_all and _fails(forms, values, lines):
            found.warn(field, code)


def _fails(
    forms: tuple[Identity, ...], values: Mapping[str, Decimal], lines: Mapping[str, Line]
) -> bool:
    """Tell whether every form of the sum that can be tested fails."""
    gaps = [
        (gap, identities.tolerance(form, values, lines))
        for form in forms
        if (gap := identities.residual(form, values)) is not None
    ]
    return bool(gaps) and all(gap > allowed for gap, allowed in gaps)
