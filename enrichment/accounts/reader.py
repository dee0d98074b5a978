"""Reads filed accounts: takes bytes and returns figures, without I/O or a clock."""

from datetime import date

from enrichment.accounts import company, concepts, identities
from enrichment.accounts.checks import check_sums
from enrichment.accounts.derived import derive_total, find_parts
from enrichment.accounts.document import parse_document
from enrichment.accounts.employees import EMPLOYEES, find_employees
from enrichment.accounts.facts import Document, read_facts
from enrichment.accounts.figures import (
    CURRENT_ASSETS,
    FIXED_ASSETS,
    LESS_CURRENT_LIABILITIES,
    NET_ASSETS,
    TOTAL_ASSETS,
    Findings,
    find_tagged,
)
from enrichment.accounts.lines import BalanceSet, Line, balances_at, main_currency, read_lines
from enrichment.accounts.model import Accounts, AccountsRefused, RefusalCode, WarningCode
from enrichment.accounts.periods import (
    SLACK,
    balance_instants,
    balance_sheet_date,
    ends_on_any,
    period_start,
    stated_dates,
    undefined_contexts,
)
from enrichment.accounts.scales import flag_mixed_scales
from enrichment.accounts.scope import flag_scope, has_revisions, is_scope_open
from enrichment.accounts.signs import correct_total_signs
from enrichment.accounts.unusable import note_unusable

_MAX_STRAYS = 8


def read_accounts(content: bytes, *, company_number: str | None = None) -> Accounts:
    """Return the figures of a document in iXBRL 1.0 or 1.1 or XBRL 2.1, or of a zip with one.

    The figures are facts of the UK taxonomies (FRS 102, FRS 105, FRS 101, IFRS, UK GAAP before
    2015) at the newest balance sheet date, for the company itself (A22, A23). Raises
    AccountsRefused if the document cannot be read, or is not of the company with `company_number`;
    with None, any company is accepted. Raises MemoryError if memory runs out.
    """
    try:
        return _read(content, company_number)
    except (AccountsRefused, MemoryError):
        raise
    except Exception as error:
        raise AccountsRefused(
            RefusalCode.MALFORMED, "The document is built in a way that cannot be read."
        ) from error


def _read(content: bytes, company_number: str | None) -> Accounts:
    document = read_facts(parse_document(content))
    number, has_other_number = company.read_company_number(document, company_number)
    day, date_warnings = balance_sheet_date(document)
    start = period_start(document, day)
    balances = _balance_set(document, day)
    is_group = company.is_group(document)
    lines = _settled(balances)
    found = Findings(warnings=list(date_warnings))
    if has_other_number:
        found.warn("company_number", WarningCode.COMPANY_NUMBER_CONFLICT)
    find_tagged(found, lines, day)
    find_parts(found, lines, day)
    note_unusable(found, balances)
    derive_total(found, lines, day)
    ends = _ends(document, day)
    find_employees(
        document, found, day=day, start=start, ends=ends,
        is_separate=balances.is_separate and not _has_uk_count(document, ends),
        is_group=is_group or is_scope_open(balances), is_revised=has_revisions(balances),
    )  # fmt: skip
    check_sums(found, lines)
    return Accounts(
        company_number=number,
        company_name=company.read_company_name(document),
        balance_sheet_date=day,
        period_start=start,
        currency=_currency(found) or main_currency(balances),
        is_dormant=company.read_dormant(document),
        is_group=is_group,
        employees=found.figure(EMPLOYEES),
        fixed_assets=found.figure(FIXED_ASSETS),
        current_assets=found.figure(CURRENT_ASSETS),
        total_assets=found.figure(TOTAL_ASSETS),
        total_assets_less_current_liabilities=found.figure(LESS_CURRENT_LIABILITIES),
        net_assets=found.figure(NET_ASSETS),
        unreadable=frozenset(found.unreadable),
        warnings=tuple(found.warnings),
    )


def _balance_set(document: Document, day: date) -> BalanceSet:
    """Return the balances at `day`; if there are none, those of an undefined context.

    If no balance has the date `day`, a context that the document does not define is taken as one of
    this date, provided that its balances add up. If there are several such contexts, the one is
    taken in whose sums creditors due within one year take part, if it is the only one.
    """
    strays = undefined_contexts(document)
    is_hopeless = not 0 < len(strays) <= _MAX_STRAYS
    if is_hopeless or any(context_day == day for context_day in balance_instants(document)):
        return balances_at(document, day)
    placements = [balances_at(document, day, frozenset({stray})) for stray in sorted(strays)]
    if len(placements) == 1:
        good = [balances for balances in placements if identities.balances(_settled(balances))]
    else:
        good = [
            balances
            for balances in placements
            if identities.balances(_settled(balances), with_role=concepts.CREDITORS_WITHIN)
        ]
    return good[0] if len(good) == 1 else balances_at(document, day)


def _settled(balances: BalanceSet) -> dict[str, Line]:
    lines = identities.without_doubtful_assets(identities.resolve_values(read_lines(balances)))
    return flag_scope(flag_mixed_scales(correct_total_signs(lines)), balances)


def _ends(document: Document, day: date) -> frozenset[date]:
    """Return the dates that may end the period: `day`, and tagged ends at most a week from it."""
    stated = stated_dates(document, concepts.PERIOD_END)
    return frozenset({day, *(end for end in stated if abs(end - day) <= SLACK)})


def _has_uk_count(document: Document, ends: frozenset[date]) -> bool:
    """Return whether the number of employees is tagged by a UK taxonomy without a dimension.

    Such a number is the company's own; with an IFRS tag it would be the group's.
    """
    return any(
        not fact.is_ifrs
        and not fact.is_nil
        and fact.context is not None
        and not fact.context.is_separate
        and not fact.context.dimensions
        and ends_on_any(fact, ends)
        for fact in document.of(concepts.EMPLOYEES)
    )


def _currency(found: Findings) -> str | None:
    currencies = [figure.currency for figure in found.figures.values() if figure.currency]
    return max(currencies, key=currencies.count) if currencies else None
