"""Choosing the current figure for each thing wanted, mending the known ways tags go wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from enrichment.accounts import concepts, identities
from enrichment.accounts.concepts import Role
from enrichment.accounts.lines import Line
from enrichment.accounts.messages import warning
from enrichment.accounts.model import AccountsWarning, Figure, WarningCode

FIXED_ASSETS = "fixed_assets"
CURRENT_ASSETS = "current_assets"
TOTAL_ASSETS = "total_assets"
LESS_CURRENT_LIABILITIES = "total_assets_less_current_liabilities"
NET_ASSETS = "net_assets"
DOCUMENT_FIELDS = ("balance_sheet_date", "company_number")

_ZERO = Decimal(0)
_LONG_TERM = (concepts.CREDITORS_AFTER, concepts.PROVISIONS, concepts.ACCRUALS)


@dataclass(slots=True)
class Findings:
    """What was found so far: the figures, those that are unreadable, and what to know."""

    figures: dict[str, Figure] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    warnings: list[AccountsWarning] = field(default_factory=list)

    def warn(self, name: str, *codes: WarningCode) -> None:
        """Note warnings about a figure, each once."""
        for code in codes:
            noted = warning(code, name)
            if noted not in self.warnings:
                self.warnings.append(noted)

    def codes_of(self, name: str) -> list[WarningCode]:
        """Return the codes of the warnings about a figure so far."""
        return [noted.code for noted in self.warnings if noted.field == name]

    def figure(self, name: str) -> Figure | None:
        """Return the figure with the warnings about it, and with those about the document."""
        figure = self.figures.get(name)
        if figure is None:
            return None
        concerned = (name, *DOCUMENT_FIELDS)
        return replace(
            figure, warnings=tuple(noted for noted in self.warnings if noted.field in concerned)
        )


def find_balances(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    """Find the five balances at `day` among the settled lines of the balance sheet."""
    _find_direct(found, FIXED_ASSETS, (concepts.FIXED,), lines, day)
    _find_direct(found, CURRENT_ASSETS, (concepts.CURRENT,), lines, day)
    _find_direct(found, LESS_CURRENT_LIABILITIES, (concepts.LESS_CURRENT_LIABILITIES,), lines, day)
    _find_direct(found, NET_ASSETS, (concepts.NET, concepts.EQUITY, concepts.FUNDS), lines, day)
    _find_direct(found, TOTAL_ASSETS, (concepts.TOTAL,), lines, day)
    _find_fixed_by_lines(found, lines, day)
    _find_current_by_lines(found, lines, day)
    _derive_total(found, lines, day)


def _find_direct(
    found: Findings, name: str, roles: Sequence[Role], lines: Mapping[str, Line], day: date
) -> None:
    """Take the first role that has one value; a later role is a substitute, and said to be."""
    for role in roles:
        line = lines.get(role.name)
        if line is None:
            continue
        codes = list(line.codes)
        if line.value is None:
            if len(line.options) > 1:
                codes.append(WarningCode.CONFLICTING_VALUES)
            found.warn(name, *codes)
            found.unreadable.add(name)
            continue
        if role is not roles[0]:
            codes.append(WarningCode.SUBSTITUTE_CONCEPT)
        if line.is_ifrs:
            codes.append(WarningCode.SCOPE_UNCERTAIN)
        _add(found, name, line.value, line, day, codes=codes)
        return


def _add(
    found: Findings,
    name: str,
    value: Decimal,
    line: Line,
    day: date,
    *,
    concept: str | None = None,
    codes: Sequence[WarningCode] = (),
) -> None:
    found.unreadable.discard(name)
    found.figures[name] = Figure(
        value=value,
        period_end=day,
        currency=line.currency,
        concept=concept or line.concept,
        is_derived=concept is not None,
    )
    found.warn(name, *codes)


def _find_fixed_by_lines(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    """Without a FixedAssets tag, its lines stand for it where the sums confirm them."""
    values = identities.values_of(lines)
    less, net = _less_current_liabilities(values), values.get(concepts.NET_CURRENT.name)
    expected = None
    if less is not None and net is not None:
        expected = less - net - values.get(concepts.CALLED_UP.name, _ZERO)
    _find_by_lines(found, FIXED_ASSETS, concepts.FIXED_LINES, lines, expected, day)


def _find_current_by_lines(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    """Without a CurrentAssets tag, likewise."""
    values = identities.values_of(lines)
    net, less = values.get(concepts.NET_CURRENT.name), _less_current_liabilities(values)
    if net is None and less is not None:
        net = less - values.get(concepts.CALLED_UP.name, _ZERO)
        net -= values.get(concepts.FIXED.name, _ZERO)
    expected = None
    if net is not None:
        expected = net + values.get(concepts.CREDITORS_WITHIN.name, _ZERO)
        expected -= values.get(concepts.PREPAYMENTS.name, _ZERO)
    _find_by_lines(found, CURRENT_ASSETS, concepts.CURRENT_LINES, lines, expected, day)


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
) -> None:
    """Use one line as the total, or the sum of several if it is what the sums expect.

    One line that nothing confirms is used and flagged; one that the sums contradict is not.
    """
    if name in found.figures or name in found.unreadable:
        return
    present = [lines[role.name] for role in roles if role.name in lines]
    parts = [(line, line.value) for line in present if line.value is not None]
    if not parts or len(parts) != len(present):
        return
    total = sum((value for _, value in parts), _ZERO)
    quantum = sum((line.quantum for line, _ in parts), Decimal(1))
    is_confirmed = expected is not None and abs(total - expected) <= quantum
    if expected is None and len(parts) == 1:
        codes = [WarningCode.SUBSTITUTE_CONCEPT, WarningCode.SUBSTITUTE_UNCONFIRMED]
    elif is_confirmed:
        codes = [WarningCode.SUBSTITUTE_CONCEPT]
    else:
        found.warn(name, WarningCode.SUBSTITUTE_UNCONFIRMED)
        return
    codes.extend(code for line, _ in parts for code in line.codes)
    formula = " + ".join(line.concept for line, _ in parts) if len(parts) > 1 else None
    _add(found, name, total, parts[0][0], day, concept=formula, codes=codes)


def _derive_total(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    """Total assets are no line of a UK GAAP balance sheet: add them up, and say so (A22)."""
    fixed, current = found.figures.get(FIXED_ASSETS), found.figures.get(CURRENT_ASSETS)
    if TOTAL_ASSETS in found.figures or not (fixed or current):
        return
    if {FIXED_ASSETS, CURRENT_ASSETS} & found.unreadable:
        found.unreadable.add(TOTAL_ASSETS)
        return
    parts = [(figure.concept, figure.value) for figure in (fixed, current) if figure]
    for role in (concepts.CALLED_UP, concepts.PREPAYMENTS):
        line = lines.get(role.name)
        if line is not None and line.value:
            parts.append((line.concept, line.value))
    total = sum((value for _, value in parts), _ZERO)
    formula = " + ".join(concept for concept, _ in parts)
    codes: list[WarningCode] = []
    expected = _total_from_below(lines)
    if expected is not None and not (fixed and current) and abs(total - expected[0]) > len(parts):
        total, formula = expected
        codes.append(WarningCode.TOTAL_ASSETS_MISMATCH)
    currency = fixed.currency if fixed else current.currency if current else None
    basis = Line(concept=formula, options=(total,), quantum=Decimal(1), currency=currency)
    _add(found, TOTAL_ASSETS, total, basis, day, concept=formula, codes=codes)


def _total_from_below(lines: Mapping[str, Line]) -> tuple[Decimal, str] | None:
    """Return the same total from the liabilities' side: it shows where an asset is not tagged."""
    less = lines.get(concepts.LESS_CURRENT_LIABILITIES.name)
    owed = lines.get(concepts.CREDITORS_WITHIN.name)
    if less is None or owed is None or less.value is None or owed.value is None:
        return None
    return less.value + abs(owed.value), f"{less.concept} + {owed.concept}"
