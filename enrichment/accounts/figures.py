"""Chooses a tagged line of the balance sheet for each figure; collects figures and warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from enrichment.accounts import concepts
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


@dataclass(slots=True)
class Findings:
    """The figures found so far, the names of unreadable figures, and the warnings."""

    figures: dict[str, Figure] = field(default_factory=dict)
    unreadable: set[str] = field(default_factory=set)
    warnings: list[AccountsWarning] = field(default_factory=list)

    def warn(self, name: str, *codes: WarningCode) -> None:
        """Add warnings about the figure `name`, unless they were added before."""
        for code in codes:
            noted = warning(code, name)
            if noted not in self.warnings:
                self.warnings.append(noted)

    def codes_of(self, name: str) -> list[WarningCode]:
        """Return the codes of the warnings about the figure `name`."""
        return [noted.code for noted in self.warnings if noted.field == name]

    def figure(self, name: str) -> Figure | None:
        """Return the figure `name` with the warnings about it and those about the whole document.

        None if it was not found.
        """
        figure = self.figures.get(name)
        if figure is None:
            return None
        concerned = (name, *DOCUMENT_FIELDS)
        return replace(
            figure, warnings=tuple(noted for noted in self.warnings if noted.field in concerned)
        )


def find_tagged(found: Findings, lines: Mapping[str, Line], day: date) -> None:
    """Add to `found` the figures of the balance sheet at `day` that have a tag of their own."""
    _find_direct(found, FIXED_ASSETS, (concepts.FIXED,), lines, day)
    _find_direct(found, CURRENT_ASSETS, (concepts.CURRENT,), lines, day)
    _find_direct(found, LESS_CURRENT_LIABILITIES, (concepts.LESS_CURRENT_LIABILITIES,), lines, day)
    _find_direct(found, NET_ASSETS, (concepts.NET, concepts.EQUITY, concepts.FUNDS), lines, day)
    _find_direct(found, TOTAL_ASSETS, (concepts.TOTAL,), lines, day)


def _find_direct(
    found: Findings, name: str, roles: Sequence[Role], lines: Mapping[str, Line], day: date
) -> None:
    """Add the figure `name` from the first of `roles` whose line has exactly one value.

    If that is not the first role, the figure gets a warning. If no line has exactly one value, but
    a line is tagged, the figure is marked as unreadable.
    """
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
        add_figure(found, name, line.value, line, day, codes=codes)
        return


def add_figure(
    found: Findings,
    name: str,
    value: Decimal,
    line: Line,
    day: date,
    *,
    concept: str | None = None,
    codes: Sequence[WarningCode] = (),
) -> None:
    """Add the figure `name` and its warnings to `found`.

    `concept` is the formula of a derived figure; None for a figure that is tagged as `line`. The
    currency is that of `line`, and `codes` are the warnings.
    """
    found.unreadable.discard(name)
    found.figures[name] = Figure(
        value=value,
        period_end=day,
        currency=line.currency,
        concept=concept or line.concept,
        is_derived=concept is not None,
    )
    found.warn(name, *codes)
