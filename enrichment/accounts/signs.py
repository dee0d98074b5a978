"""Corrects totals that are tagged with the wrong sign, if the sums together prove the error."""

from collections.abc import Mapping
from decimal import Decimal
from itertools import product

from enrichment.accounts import concepts, identities
from enrichment.accounts.lines import Line
from enrichment.accounts.model import WarningCode

_OF_ASSETS = (concepts.NET_CURRENT, concepts.LESS_CURRENT_LIABILITIES)
_OF_EQUITY = (concepts.NET, concepts.EQUITY, concepts.FUNDS)


def correct_total_signs(lines: Mapping[str, Line]) -> dict[str, Line]:
    """Return the lines, with the signs of some totals changed if this makes all sums hold.

    Signs are changed only if the sums fail with the tagged signs, and hold with exactly one set of
    changes. A total that is both tagged and printed as negative is not changed.
    """
    values = identities.values_of(lines)
    mended = dict(lines)
    if identities.all_hold(values, lines):
        return mended
    names = [
        role.name
        for role in (*_OF_ASSETS, *_OF_EQUITY)
        if values.get(role.name) and role.name in lines and lines[role.name].page_sign >= 0
    ]
    ways = [turned for turned in _ways(names) if _explains(turned, values, lines)]
    if len(ways) == 1:
        for name in ways[0]:
            mended[name] = lines[name].settled(-values[name], WarningCode.SIGN_INFERRED)
    return mended


def _ways(names: list[str]) -> list[frozenset[str]]:
    """Return the sets of totals in `names` whose signs may be wrong together."""
    ways = []
    equity = {role.name for role in _OF_EQUITY} & set(names)
    assets = {role.name for role in _OF_ASSETS}
    for choice in product((False, True), repeat=len(names)):
        turned = frozenset(name for name, is_turned in zip(names, choice, strict=True) if is_turned)
        # If long-term debts are not tagged, net assets may be negative though assets are positive.
        # So it proves nothing if only the signs of equity would have to change.
        is_equity_alone = equity <= turned and not turned & assets
        if turned and not (equity and is_equity_alone):
            ways.append(turned)
    return ways


def _explains(
    turned: frozenset[str], values: Mapping[str, Decimal], lines: Mapping[str, Line]
) -> bool:
    changed = {name: -value if name in turned else value for name, value in values.items()}
    return identities.all_hold(changed, lines) and identities.has_asset_sum(changed)
