"""Computes figures that are not tagged: from the lines of which they are the sum, or other totals.

`lines` are the lines of the balance sheet by the name of their role, such as fixed assets.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from enrichment.accounts import concepts, identities
from enrichment.accounts.concepts import Role
from enrichment.accounts.figures import (
    CURRENT_ASSETS,
    FIXED_ASSETS,
    LESS_CURRENT_LIABILITIES,
    NET_ASSETS,
    TOTAL_ASSETS,
    Findings,
    add_figure,
)
from enrichment.accounts.lines import Line
from enrichment.accounts.model import WarningCode

_ZERO = Decimal(0)
_Terms = Sequence[tuple[Line, int]]


def find_parts(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    """Add fixed and current assets that are not tagged to `found`, computed from other lines."""
    _find_fixed(found, lines, day)
    _find_current(found, lines, day)
    _withdraw_what_net_assets_contradict(found, lines)


def _find_fixed(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    values = identities.values_of(lines)
    less, net = _less_current_liabilities(values), values.get(concepts.NET_CURRENT.name)
    expected = None
    if less is not None and net is not None:
        expected = less - net - values.get(concepts.CALLED_UP.name, _ZERO)
    if _find_by_lines(found, FIXED_ASSETS, concepts.FIXED_LINES, lines, expected, day):
        return
    terms = _signed(
        lines,
        plus=(concepts.LESS_CURRENT_LIABILITIES,),
        minus=(concepts.NET_CURRENT,),
        minus_if_tagged=(concepts.CALLED_UP,),
    )
    _work_out(found, FIXED_ASSETS, concepts.FIXED_LINES, lines, terms, day)


def _find_current(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    values = identities.values_of(lines)
    net, less = values.get(concepts.NET_CURRENT.name), _less_current_liabilities(values)
    if net is None and less is not None:
        net = less - values.get(concepts.CALLED_UP.name, _ZERO)
        net -= values.get(concepts.FIXED.name, _ZERO)
    expected = None
    if net is not None:
        expected = net + values.get(concepts.CREDITORS_WITHIN.name, _ZERO)
        expected -= values.get(concepts.PREPAYMENTS.name, _ZERO)
    if _find_by_lines(found, CURRENT_ASSETS, concepts.CURRENT_LINES, lines, expected, day):
        return
    terms = _signed(
        lines,
        plus=(concepts.NET_CURRENT, concepts.CREDITORS_WITHIN),
        minus_if_tagged=(concepts.PREPAYMENTS,),
    ) or _signed(
        lines,
        plus=(concepts.LESS_CURRENT_LIABILITIES, concepts.CREDITORS_WITHIN),
        minus=(concepts.FIXED,),
        minus_if_tagged=(concepts.CALLED_UP, concepts.PREPAYMENTS),
    )
    _work_out(found, CURRENT_ASSETS, concepts.CURRENT_LINES, lines, terms, day)


def _less_current_liabilities(values: Mapping[str, Decimal]) -> Decimal | None:
    """Return total assets less current liabilities: as tagged, or net assets plus long-term debts.

    None if neither is tagged. If net assets are not tagged, equity or funds are used instead.
    """
    for role in (concepts.LESS_CURRENT_LIABILITIES, concepts.NET, concepts.EQUITY, concepts.FUNDS):
        value = values.get(role.name)
        if value is not None:
            if role is concepts.LESS_CURRENT_LIABILITIES:
                return value
            return value + sum((values.get(r.name, _ZERO) for r in concepts.LONG_TERM), _ZERO)
    return None


def _find_by_lines(
    found: Findings,
    name: str,
    roles: Sequence[Role],
    lines: Mapping[str, Line],
    expected: Decimal | None,
    day: date,
) -> bool:
    """Add the figure `name` as the sum of its parts, the lines of `roles`, if that is plausible.

    `expected` is the value that other totals imply; None if unknown. The sum is used if it equals
    `expected` within rounding. Without an expected value, the value of a single line is used with a
    warning, but a sum of several lines is not. Returns whether the figure is finished: it was added
    now, or had been added or marked as unreadable before.
    """
    if name in found.figures or name in found.unreadable:
        return True
    present = [lines[role.name] for role in roles if role.name in lines]
    parts = [(line, line.value) for line in present if line.value is not None]
    if not parts or len(parts) != len(present):
        return False
    total = sum((value for _, value in parts), _ZERO)
    quantum = sum((line.quantum for line, _ in parts), Decimal(1))
    is_confirmed = expected is not None and abs(total - expected) <= quantum
    codes = [WarningCode.SUBSTITUTE_CONCEPT]
    if expected is None and len(parts) == 1:
        codes.append(WarningCode.SUBSTITUTE_UNCONFIRMED)
    elif not is_confirmed:
        return False
    codes.extend(code for line, _ in parts for code in line.codes)
    formula = " + ".join(line.concept for line, _ in parts) if len(parts) > 1 else None
    add_figure(found, name, total, parts[0][0], day, concept=formula, codes=codes)
    return True


def _work_out(
    found: Findings,
    name: str,
    roles: Sequence[Role],
    lines: Mapping[str, Line],
    terms: _Terms,
    day: date,
) -> None:
    """Add the figure `name` as the sum of `terms`, each a line with its sign.

    The sum is used if it is positive, and not less than the sum of the figure's parts, the lines of
    `roles`. Otherwise the figure is marked as unreadable if it has such parts.
    """
    known = [lines[role.name] for role in roles if role.name in lines]
    at_least = sum((line.value for line in known if line.value is not None), _ZERO)
    value = sum((sign * (line.value or _ZERO) for line, sign in terms), _ZERO)
    slack = sum((line.quantum for line, _ in terms), _ZERO) / 2
    if terms and value > slack and value + slack >= at_least:
        codes = [WarningCode.DERIVED_FROM_OTHER_LINES]
        codes.extend(code for line, _ in terms for code in line.codes)
        add_figure(found, name, value, terms[0][0], day, concept=_formula(terms), codes=codes)
    elif known:
        found.warn(name, WarningCode.SUBSTITUTE_UNCONFIRMED)
        found.unreadable.add(name)


def _signed(
    lines: Mapping[str, Line],
    *,
    plus: Sequence[Role],
    minus: Sequence[Role] = (),
    minus_if_tagged: Sequence[Role] = (),
) -> _Terms:
    """Return the lines of a sum with their signs, 1 or -1.

    Empty if a line of `plus` or `minus` has no value, or if a line of `minus_if_tagged` is tagged
    without a value.
    """
    needed = [(role, 1) for role in plus] + [(role, -1) for role in minus]
    terms: list[tuple[Line, int]] = []
    for role, sign in (*needed, *((role, -1) for role in minus_if_tagged)):
        line = lines.get(role.name)
        if line is not None and line.value is not None:
            size = abs(line.value) if role is concepts.CREDITORS_WITHIN else line.value
            terms.append((line.settled(size), sign))
        elif line is not None or role not in minus_if_tagged:
            return ()
    return terms


def _formula(terms: _Terms) -> str:
    first, *rest = terms
    return first[0].concept + "".join(
        f" {'+' if sign > 0 else '-'} {line.concept}" for line, sign in rest
    )


def _withdraw_what_net_assets_contradict(found: Findings, lines: Mapping[str, Line]) -> None:
    """Mark fixed and current assets without confirmation as unreadable if net assets are larger.

    All assets together cannot be less than net assets.
    """
    values = identities.values_of(lines)
    roles = (concepts.FIXED, concepts.CURRENT, *concepts.EXTRA_ASSETS)
    tagged = sum((values.get(role.name, _ZERO) for role in roles), _ZERO)
    if tagged + _slack(lines) >= _least(found):
        return
    for name in (FIXED_ASSETS, CURRENT_ASSETS):
        if WarningCode.SUBSTITUTE_UNCONFIRMED in found.codes_of(name):
            found.figures.pop(name, None)
            found.unreadable.add(name)


def derive_total(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    """Add total assets to `found` as a derived figure, unless they are tagged (A22).

    A balance sheet under UK GAAP has no line for total assets, so they are computed as a sum. They
    are marked as unreadable if the sum is less than net assets: then some asset is not tagged.
    """
    if TOTAL_ASSETS in found.figures:
        return
    if {FIXED_ASSETS, CURRENT_ASSETS} & found.unreadable:
        found.unreadable.add(TOTAL_ASSETS)
        return
    names = [name for name in (FIXED_ASSETS, CURRENT_ASSETS) if name in found.figures]
    if not names:
        return
    parts = [(found.figures[name].concept, found.figures[name].value) for name in names]
    codes = [code for name in names for code in found.codes_of(name)]
    for role in concepts.EXTRA_ASSETS:
        line = lines.get(role.name)
        if line is not None and line.value:
            parts.append((line.concept, line.value))
            codes.extend(line.codes)
    total = sum((value for _, value in parts), _ZERO)
    formula = " + ".join(concept for concept, _ in parts)
    expected = _total_from_below(lines)
    if expected is not None and abs(total - expected[0]) > _slack(lines):
        if len(names) == 1 and expected[0] > total:
            total, formula = expected
        codes.append(WarningCode.TOTAL_ASSETS_MISMATCH)
    if len(names) == 1 and not _is_whole(total, lines):
        codes.append(WarningCode.SUBSTITUTE_UNCONFIRMED)
    if total + _slack(lines) < _least(found):
        found.warn(TOTAL_ASSETS, WarningCode.TOTAL_ASSETS_MISMATCH)
        found.unreadable.add(TOTAL_ASSETS)
        return
    currency = found.figures[names[0]].currency
    basis = Line(concept=formula, options=(total,), quantum=Decimal(1), currency=currency)
    add_figure(found, TOTAL_ASSETS, total, basis, day, concept=formula, codes=codes)


def _is_whole(total: Decimal, lines: Mapping[str, Line]) -> bool:
    """Return whether `total` equals total assets less current liabilities plus debts within a year.

    False if total assets less current liabilities are unknown.
    """
    values = identities.values_of(lines)
    less = _less_current_liabilities(values)
    owed = values.get(concepts.CREDITORS_WITHIN.name, _ZERO)
    return less is not None and abs(less + owed - total) <= _slack(lines)


def _least(found: Findings) -> Decimal:
    """Return a lower bound of total assets.

    It is the larger of net assets and total assets less current liabilities; 0 if neither was
    found.
    """
    figures = (found.figures.get(name) for name in (LESS_CURRENT_LIABILITIES, NET_ASSETS))
    return max((figure.value for figure in figures if figure), default=_ZERO)


def _slack(lines: Mapping[str, Line]) -> Decimal:
    return 2 * max((line.quantum for line in lines.values()), default=Decimal(1))


def _total_from_below(lines: Mapping[str, Line]) -> tuple[Decimal, str] | None:
    """Return total assets computed from the liabilities, with the formula; None if not possible.

    If this is more than the sum of the tagged assets, some asset is not tagged.
    """
    less = lines.get(concepts.LESS_CURRENT_LIABILITIES.name)
    owed = lines.get(concepts.CREDITORS_WITHIN.name)
    if less is None or owed is None or less.value is None or owed.value is None:
        return None
    return less.value + abs(owed.value), f"{less.concept} + {owed.concept}"
