"""Turns data of Companies House and from accounts into profile entries with their source. PURE."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP
from typing import Any

from enrichment.accounts import Accounts, Figure, WarningCode
from enrichment.filings import AccountsFiling
from enrichment.profile import CompanyRecord
from models.rules.enrichment_status import EnrichmentReason
from models.rules.profile import ACCOUNTS_FIELDS, ADDRESS_LINES, ProfileEntry, is_in_future

EMPLOYEES = "employees"
_SLACK = timedelta(days=7)
EMPLOYEES_COMPULSORY_FROM = date(2016, 1, 1)
"""Accounts for periods that begin from this date on must state the number of employees.

Those of dormant companies need not.
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of data (REGISTER or SANDBOX), and when the data was retrieved."""

    source: str
    retrieved_at: datetime

    def entry(self, value: Any) -> ProfileEntry:
        """Return a profile entry with `value`, and with this source and time."""
        return ProfileEntry(
            value=value, source=self.source, retrieved_at=self.retrieved_at.isoformat()
        )


def profile_entries(record: CompanyRecord, origin: Origin) -> dict[str, ProfileEntry]:
    """Return the profile entries for address and date of incorporation (R84).

    A date in the future is left out.
    """
    entries = {}
    if record.registered_address is not None:
        address = record.registered_address
        entries["registered_address"] = origin.entry(
            {line: getattr(address, line) for line in ADDRESS_LINES}
        )
    founded = record.incorporated_on
    if founded is not None and not is_in_future(founded, origin.retrieved_at):
        entries["incorporated_on"] = origin.entry(founded.isoformat())
    return entries


def profile_details(record: CompanyRecord, origin: Origin) -> dict[str, Any]:
    """Return the other details of a company, such as its status and former names."""
    return {
        "company_name": record.name,
        "company_type": record.type,
        "company_subtype": record.subtype,
        "company_status": record.status,
        "company_status_detail": record.status_detail,
        "jurisdiction": record.jurisdiction,
        "ceased_on": _iso(record.ceased_on),
        "sic_codes": list(record.sic_codes),
        "previous_names": [
            {
                "name": previous.name,
                "effective_from_on": _iso(previous.effective_from_on),
                "ceased_on": _iso(previous.ceased_on),
            }
            for previous in record.previous_names
        ],
        "are_accounts_overdue": record.accounts_overdue,
        "accounts_next_due_on": _iso(record.accounts_next_due_on),
        "is_address_default": record.is_address_default,
        "is_address_disputed": record.is_address_disputed,
        "is_address_undeliverable": record.is_address_undeliverable,
        "source": origin.source,
        "retrieved_at": origin.retrieved_at.isoformat(),
    }


def filing_details(filing: AccountsFiling) -> dict[str, Any]:
    """Return the details about the filing of the newest accounts, readable or not (A24)."""
    return {
        "accounts_filing_id": filing.transaction_id,
        "accounts_filed_on": _iso(filing.filed_on),
        "accounts_period_end_on": _iso(filing.period_end_on),
        "has_group_accounts": filing.is_group,
    }


def accounts_entries(
    accounts: Accounts, filing: AccountsFiling, origin: Origin
) -> dict[str, ProfileEntry]:
    """Return the profile entries for the number of employees and asset totals (A22, A23)."""
    entries = {}
    of_filing = _doubts_of_filing(accounts, filing)
    for name in ACCOUNTS_FIELDS:
        figure: Figure | None = getattr(accounts, name)
        if figure is None:
            continue
        amount = format(figure.value, "f")
        if name == EMPLOYEES:
            entry = origin.entry(int(figure.value.to_integral_value(ROUND_HALF_UP)))
            if figure.value % 1:
                entry["exact_value"] = amount
        else:
            entry = origin.entry(amount)
        entry["filing_id"] = filing.transaction_id
        entry["period_end_on"] = figure.period_end.isoformat()
        entry["scope"] = "GROUP" if figure.is_group else "COMPANY"
        entry["is_derived"] = figure.is_derived
        entry["is_group_accounts"] = accounts.is_group or filing.is_group
        codes = {warning.code for warning in figure.warnings} | of_filing
        if name == EMPLOYEES and filing.is_group and not accounts.is_group:
            codes.add(WarningCode.SCOPE_UNCERTAIN)
        entry["warnings"] = sorted(code.value for code in codes)
        if filing.filed_on is not None:
            entry["filed_on"] = filing.filed_on.isoformat()
        if figure.currency is not None:
            entry["currency"] = figure.currency
        entries[name] = entry
    return entries


def _doubts_of_filing(accounts: Accounts, filing: AccountsFiling) -> set[WarningCode]:
    """Return a warning if the balance sheet date in the filing and in the document differ."""
    filed_for = filing.period_end_on
    if filed_for is None or abs(accounts.balance_sheet_date - filed_for) <= _SLACK:
        return set()
    return {WarningCode.BALANCE_SHEET_DATE_CONFLICT}


def shortfall(accounts: Accounts) -> EnrichmentReason | None:
    """Return why figures are missing in accounts that could be read (R85).

    None if no compulsory figure is missing.
    """
    figures = [getattr(accounts, name) for name in ACCOUNTS_FIELDS if name != EMPLOYEES]
    if accounts.unreadable:
        return EnrichmentReason.ACCOUNTS_UNREADABLE
    if not any(figures):
        return EnrichmentReason.FIGURES_NOT_TAGGED
    begins = accounts.period_start or accounts.balance_sheet_date
    is_due = begins >= EMPLOYEES_COMPULSORY_FROM and not accounts.is_dormant
    if accounts.employees is None and is_due:
        return EnrichmentReason.EMPLOYEES_NOT_DISCLOSED
    return None


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
