"""Checks figures against bounds: for example, net assets are at most assets less tagged debts."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from enrichment.accounts import concepts
from enrichment.accounts.concepts import Role
from enrichment.accounts.figures import (
    CURRENT_ASSETS,
    FIXED_ASSETS,
    LESS_CURRENT_LIABILITIES,
    NET_ASSETS,
    TOTAL_ASSETS,
    Findings,
)
from enrichment.accounts.lines import Line
from enrichment.accounts.model import WarningCode

_SLACK = Decimal(2)
_ZERO = Decimal(0)
_ALSO_IN_NOTES = "AccrualsDeferredIncome"
"""A tag that is used for accruals beside creditors, and in notes for accruals within creditors."""

_Lines = Mapping[str, Line]


def check_bounds(found: Findings, lines: _Lines) -> None:
    """Warn of figures in `found` that are too large, or too small, for the other `lines`."""
    figures = {name: figure.value for name, figure in found.figures.items()}
    slack = max(_SLACK, 2 * max((line.quantum for line in lines.values()), default=_ZERO))
    _check_total(found, figures, slack)
    if LESS_CURRENT_LIABILITIES in figures:
        _check_less_current_liabilities(found, figures, lines, slack)
    else:
        _check_net_from_the_top(found, figures, lines, slack)


def _check_total(found: Findings, figures: Mapping[str, Decimal], slack: Decimal) -> None:
    total = figures.get(TOTAL_ASSETS)
    if total is None:
        return
    for name in (FIXED_ASSETS, CURRENT_ASSETS, NET_ASSETS):
        if name in figures and figures[name] > total + slack:
            flag_figures(found, (name, TOTAL_ASSETS), WarningCode.TOTAL_ASSETS_MISMATCH)


def _check_less_current_liabilities(
    found: Findings, figures: Mapping[str, Decimal], lines: _Lines, slack: Decimal
) -> None:
    less, net = figures[LESS_CURRENT_LIABILITIES], figures.get(NET_ASSETS)
    assets = _assets(figures, lines)
    if assets is not None and less > assets + slack:
        flag_figures(
            found,
            (FIXED_ASSETS, CURRENT_ASSETS, LESS_CURRENT_LIABILITIES),
            WarningCode.TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH,
        )
    if net is None:
        return
    owed = _long_term(lines)
    is_short = owed and net < less - owed - slack and not _is_confirmed(lines, net, slack)
    if net > less - owed + slack or net == -less != 0 or is_short:
        flag_figures(found, (NET_ASSETS, LESS_CURRENT_LIABILITIES), WarningCode.NET_ASSETS_MISMATCH)


def _check_net_from_the_top(
    found: Findings, figures: Mapping[str, Decimal], lines: _Lines, slack: Decimal
) -> None:
    """Check net assets against assets and debts.

    This is for accounts without the figure total assets less current liabilities.
    """
    net, assets = figures.get(NET_ASSETS), _assets(figures, lines)
    if net is None:
        return
    owed, owed_within = _long_term(lines), _value(lines, concepts.CREDITORS_WITHIN)
    if assets is not None:
        most = assets - owed - abs(owed_within or _ZERO)
        is_short = owed_within is not None and net < most - slack
        if net > most + slack or (is_short and not _is_confirmed(lines, net, slack)):
            fields = (NET_ASSETS, FIXED_ASSETS, CURRENT_ASSETS)
            flag_figures(found, fields, WarningCode.NET_ASSETS_MISMATCH)
        return
    net_current = _value(lines, concepts.NET_CURRENT)
    if FIXED_ASSETS in figures and net_current is not None:
        most = figures[FIXED_ASSETS] + net_current + _sum(lines, concepts.EXTRA_ASSETS) - owed
        if net > most + slack:
            flag_figures(found, (NET_ASSETS, FIXED_ASSETS), WarningCode.NET_ASSETS_MISMATCH)


def _assets(figures: Mapping[str, Decimal], lines: _Lines) -> Decimal | None:
    """Return the sum of all assets; None unless both fixed and current assets are known."""
    if FIXED_ASSETS not in figures or CURRENT_ASSETS not in figures:
        return None
    return figures[FIXED_ASSETS] + figures[CURRENT_ASSETS] + _sum(lines, concepts.EXTRA_ASSETS)


def _long_term(lines: _Lines) -> Decimal:
    """Return the sum of debts due after one year, of provisions and of accruals.

    A line is left out if its tag may also mean all creditors, or accruals within creditors.
    """
    roles = [concepts.PROVISIONS]
    after = lines.get(concepts.CREDITORS_AFTER.name)
    if after is not None and (after.is_narrowed or after.concept != "Creditors"):
        roles.append(concepts.CREDITORS_AFTER)
    accruals = lines.get(concepts.ACCRUALS.name)
    if accruals is not None and accruals.concept != _ALSO_IN_NOTES:
        roles.append(concepts.ACCRUALS)
    return _sum(lines, roles)


def _is_confirmed(lines: _Lines, net: Decimal, slack: Decimal) -> bool:
    """Return whether net assets are tagged, and equity or funds are tagged with the same value."""
    others = [_value(lines, role) for role in (concepts.EQUITY, concepts.FUNDS)]
    return _value(lines, concepts.NET) is not None and any(
        other is not None and abs(other - net) <= slack for other in others
    )


def _sum(lines: _Lines, roles: Sequence[Role]) -> Decimal:
    return sum((abs(_value(lines, role) or _ZERO) for role in roles), _ZERO)


def _value(lines: _Lines, role: Role) -> Decimal | None:
    line = lines.get(role.name)
    return None if line is None else line.value


def flag_figures(found: Findings, fields: Sequence[str], code: WarningCode) -> None:
    """Add the warning `code` to each figure that `fields` names, if it was found.

    Total assets get the warning too if they were added up from one of these figures.
    """
    for field in fields:
        if field in found.figures:
            found.warn(field, code)
    total = found.figures.get(TOTAL_ASSETS)
    if total is not None and total.is_derived and {FIXED_ASSETS, CURRENT_ASSETS} & set(fields):
        found.warn(TOTAL_ASSETS, code)
