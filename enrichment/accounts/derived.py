"""Figures without a tag of their own: from their lines, or worked out from the other totals."""

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
_LONG_TERM = (concepts.CREDITORS_AFTER, concepts.PROVISIONS, concepts.ACCRUALS)
_EXTRA_ASSETS = (concepts.CALLED_UP, concepts.PREPAYMENTS)
_Terms = Sequence[tuple[Line, int]]


def find_parts(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    """Find fixed and current assets where they have no tag of their own."""
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
    """Return total assets less current liabilities, tagged or worked back from net assets."""
    for role in (concepts.LESS_CURRENT_LIABILITIES, concepts.NET, concepts.EQUITY, concepts.FUNDS):
        value = values.get(role.name)
        if value is not None:
            if role is concepts.LESS_CURRENT_LIABILITIES:
                return value
            return value + sum((values.get(r.name, _ZERO) for r in _LONG_TERM), _ZERO)
    return None


def _find_by_lines(
    found: Findings,
    name: str,
    roles: Sequence[Role],
    lines: Mapping[str, Line],
    expected: Decimal | None,
    day: date,
) -> bool:
    """Use one line as the total, or the sum of several if it is what the sums expect.

    One line that nothing confirms is used and flagged; one that the sums contradict is not.
    Return whether the figure is settled.
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
    """Work the total out from other totals; unreadable where it has lines that they contradict."""
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
    """Return the lines of a sum with their signs; none where one that is needed has no value."""
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
    """Drop unconfirmed lines that stand for totals where all assets are less than net assets."""
    values = identities.values_of(lines)
    roles = (concepts.FIXED, concepts.CURRENT, *_EXTRA_ASSETS)
    tagged = sum((values.get(role.name, _ZERO) for role in roles), _ZERO)
    if tagged + _slack(lines) >= _least(found):
        return
    for name in (FIXED_ASSETS, CURRENT_ASSETS):
        if WarningCode.SUBSTITUTE_UNCONFIRMED in found.codes_of(name):
            found.figures.pop(name, None)
            found.unreadable.add(name)


def derive_total(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    """Add up total assets, which are no line of a UK GAAP balance sheet, and say so (A22).

    Unreadable where the sum is less than net assets: some asset is not tagged.
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
    for role in _EXTRA_ASSETS:
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
    """Return whether what is tagged of the other side adds up to all assets."""
    values = identities.values_of(lines)
    less = _less_current_liabilities(values)
    owed = values.get(concepts.CREDITORS_WITHIN.name, _ZERO)
    return less is not None and abs(less + owed - total) <= _slack(lines)


def _least(found: Findings) -> Decimal:
    """Return what total assets are at least: they are never less than what they exceed debts by."""
    figures = (found.figures.get(name) for name in (LESS_CURRENT_LIABILITIES, NET_ASSETS))
    return max((figure.value for figure in figures if figure), default=_ZERO)


def _slack(lines: Mapping[str, Line]) -> Decimal:
    return 2 * max((line.quantum for line in lines.values()), default=Decimal(1))


def _total_from_below(lines: Mapping[str, Line]) -> tuple[Decimal, str] | None:
    """Return the same total from the liabilities' side: it shows where an asset is not tagged."""
    less = lines.get(concepts.LESS_CURRENT_LIABILITIES.name)
    owed = lines.get(concepts.CREDITORS_WITHIN.name)
    if less is None or owed is None or less.value is None or owed.value is None:
        return None
    return less.value + abs(owed.value), f"{less.concept} + {owed.concept}"
