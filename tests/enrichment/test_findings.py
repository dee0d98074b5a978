"""Converting what was read about a company to profile entries with their provenance."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from enrichment.accounts import Accounts, AccountsWarning, Figure, WarningCode
from enrichment.filings import AccountsFiling
from enrichment.findings import (
    Origin,
    accounts_entries,
    filing_details,
    profile_details,
    profile_entries,
    shortfall,
)
from enrichment.profile import Address, CompanyRecord, PreviousName
from models.rules.enrichment_status import EnrichmentReason
from models.rules.profile import ACCOUNTS_FIELDS, ADDRESS_LINES

YEAR_END = date(2025, 12, 31)
ORIGIN = Origin("REGISTER", datetime(2026, 10, 1, 9, 30, tzinfo=UTC))
STAMP = {"source": "REGISTER", "retrieved_at": "2026-10-01T09:30:00+00:00"}

RECORD = CompanyRecord(
    number="00000101",
    name="ACME LIMITED",
    type="ltd",
    subtype=None,
    status="active",
    status_detail=None,
    incorporated_on=date(2012, 3, 14),
    ceased_on=None,
    registered_address=Address(address_line_1="1 High Street", postal_code="LS1 1AA"),
    is_address_default=False,
    is_address_disputed=True,
    is_address_undeliverable=False,
    sic_codes=("61900",),
    previous_names=(PreviousName("OLD LIMITED", date(2012, 3, 14), None),),
    accounts_overdue=True,
    accounts_next_due_on=date(2027, 9, 30),
    last_accounts_on=YEAR_END,
    etag="0f0e",
    jurisdiction="england-wales",
    has_filing_history=True,
)

FILING = AccountsFiling(
    transaction_id="MzA",
    type="AA",
    period_end_on=YEAR_END,
    filed_on=date(2026, 7, 19),
    metadata_link="/document/x",
    is_group=False,
    paper_filed=False,
    description="accounts-with-accounts-type-micro-entity",
)


def pounds(value: str, *, is_derived: bool = False, warnings: int = 0) -> Figure:
    warning = AccountsWarning(WarningCode.SIGN_INFERRED, None, "Read as negative.")
    return Figure(Decimal(value), YEAR_END, "GBP", "Equity", is_derived, (warning,) * warnings)


EMPLOYEES = Figure(Decimal(12), YEAR_END, None, "AverageNumberEmployeesDuringPeriod", False, ())

ACCOUNTS = Accounts(
    company_number="00000101",
    company_name="ACME LIMITED",
    balance_sheet_date=YEAR_END,
    period_start=date(2025, 1, 1),
    currency="GBP",
    is_dormant=False,
    is_group=False,
    employees=EMPLOYEES,
    fixed_assets=pounds("120000"),
    current_assets=pounds("80000.50"),
    total_assets=pounds("200000.50", is_derived=True),
    total_assets_less_current_liabilities=None,
    net_assets=pounds("-7", warnings=2),
    unreadable=frozenset(),
    warnings=(),
)
NO_FIGURES = replace(
    ACCOUNTS, fixed_assets=None, current_assets=None, total_assets=None, net_assets=None
)
SILENT = replace(ACCOUNTS, employees=None)

# fmt: off
SHORTFALLS = (
    (ACCOUNTS, None),  # everything is filed
    (NO_FIGURES, EnrichmentReason.FIGURES_NOT_TAGGED),  # a balance sheet that is not tagged
    (replace(NO_FIGURES, employees=None), EnrichmentReason.FIGURES_NOT_TAGGED),
    (replace(ACCOUNTS, fixed_assets=None), None),  # a company may have none of these figures
    (SILENT, EnrichmentReason.EMPLOYEES_NOT_DISCLOSED),
    (replace(SILENT, is_dormant=True), None),  # a dormant company employs nobody
    (replace(SILENT, is_dormant=None), EnrichmentReason.EMPLOYEES_NOT_DISCLOSED),
    (replace(SILENT, period_start=date(2016, 1, 1)), EnrichmentReason.EMPLOYEES_NOT_DISCLOSED),
    (replace(SILENT, period_start=date(2015, 12, 31)), None),  # not compulsory yet
    (replace(SILENT, period_start=None), EnrichmentReason.EMPLOYEES_NOT_DISCLOSED),
    (replace(SILENT, period_start=None, balance_sheet_date=date(2015, 3, 31)), None),
    (replace(ACCOUNTS, unreadable=frozenset({"net_assets"})), EnrichmentReason.ACCOUNTS_UNREADABLE),
    (replace(SILENT, unreadable=frozenset({"employees"})), EnrichmentReason.ACCOUNTS_UNREADABLE),
)
# fmt: on


@pytest.mark.parametrize(("accounts", "reason"), SHORTFALLS)
def test_what_accounts_do_not_say_is_named(
    accounts: Accounts, reason: EnrichmentReason | None
) -> None:
    """R85."""
    assert shortfall(accounts) is reason


def test_a_figure_of_zero_is_a_figure() -> None:
    """R85."""
    assert shortfall(replace(NO_FIGURES, net_assets=pounds("0"))) is None


def test_the_profile_fills_address_and_incorporation_date() -> None:
    """R84, R86."""
    address = dict.fromkeys(ADDRESS_LINES)
    assert profile_entries(RECORD, ORIGIN) == {
        "registered_address": {
            **STAMP,
            "value": {**address, "address_line_1": "1 High Street", "postal_code": "LS1 1AA"},
        },
        "incorporated_on": {**STAMP, "value": "2012-03-14"},
    }


def test_an_incorporation_to_come_is_left_out() -> None:
    """R84."""
    ahead = replace(RECORD, incorporated_on=date(2062, 3, 14))
    assert profile_entries(ahead, ORIGIN).keys() == {"registered_address"}


def test_what_the_register_does_not_say_is_left_out() -> None:
    """R85."""
    bare = replace(RECORD, registered_address=None, incorporated_on=None)
    assert profile_entries(bare, ORIGIN) == {}


def test_the_details_are_what_only_the_register_knows() -> None:
    """R84."""
    assert profile_details(RECORD, ORIGIN) == {
        **STAMP,
        "company_name": "ACME LIMITED",
        "company_type": "ltd",
        "company_subtype": None,
        "company_status": "active",
        "company_status_detail": None,
        "jurisdiction": "england-wales",
        "ceased_on": None,
        "sic_codes": ["61900"],
        "previous_names": [
            {"name": "OLD LIMITED", "effective_from_on": "2012-03-14", "ceased_on": None}
        ],
        "are_accounts_overdue": True,
        "accounts_next_due_on": "2027-09-30",
        "is_address_default": False,
        "is_address_disputed": True,
        "is_address_undeliverable": False,
    }


def test_the_newest_filing_is_named_whether_or_not_it_could_be_read() -> None:
    """A24."""
    paper = replace(FILING, metadata_link=None, paper_filed=True, filed_on=None)
    assert filing_details(paper) == {
        "accounts_filing_id": "MzA",
        "accounts_filed_on": None,
        "accounts_period_end_on": "2025-12-31",
        "has_group_accounts": False,
    }


def test_every_figure_says_when_in_what_and_of_whom() -> None:
    """R84, R86, A22, A23."""
    entries = accounts_entries(ACCOUNTS, FILING, ORIGIN)
    assert entries.keys() == set(ACCOUNTS_FIELDS) - {"total_assets_less_current_liabilities"}
    common = {
        **STAMP,
        "filing_id": "MzA",
        "filed_on": "2026-07-19",
        "period_end_on": "2025-12-31",
        "scope": "COMPANY",
        "is_group_accounts": False,
        "warnings": [],
    }
    money = {**common, "currency": "GBP", "is_derived": False}
    assert entries["employees"] == {**common, "value": 12, "is_derived": False}
    assert entries["fixed_assets"] == {**money, "value": "120000"}
    assert entries["current_assets"] == {**money, "value": "80000.50"}
    assert entries["total_assets"] == {**money, "value": "200000.50", "is_derived": True}
    assert entries["net_assets"] == {**money, "value": "-7", "warnings": ["SIGN_INFERRED"]}


@pytest.mark.parametrize(
    ("document", "filing", "is_group"),
    [(False, False, False), (True, False, True), (False, True, True), (True, True, True)],
)
def test_group_accounts_are_marked_whoever_says_so(
    document: bool, filing: bool, is_group: bool
) -> None:
    """A23: the figures are the company's own in either case."""
    entries = accounts_entries(
        replace(ACCOUNTS, is_group=document), replace(FILING, is_group=filing), ORIGIN
    )
    assert {entry["is_group_accounts"] for entry in entries.values()} == {is_group}
    assert {entry["scope"] for entry in entries.values()} == {"COMPANY"}


@pytest.mark.parametrize(
    ("document", "filing", "is_of_group", "scope", "warnings"),
    [
        (False, False, False, "COMPANY", []),
        # the filing is of group accounts, but the document does not separate group and company
        (False, True, False, "COMPANY", ["SCOPE_UNCERTAIN"]),
        (True, True, False, "COMPANY", []),
        (True, True, True, "GROUP", []),
    ],
)
def test_a_head_count_says_whose_it_is(
    document: bool, filing: bool, is_of_group: bool, scope: str, warnings: list[str]
) -> None:
    """A23."""
    entries = accounts_entries(
        replace(ACCOUNTS, is_group=document, employees=replace(EMPLOYEES, is_group=is_of_group)),
        replace(FILING, is_group=filing),
        ORIGIN,
    )
    assert entries["employees"]["scope"] == scope
    assert entries["employees"]["warnings"] == warnings


@pytest.mark.parametrize(
    ("count", "value", "exact"),
    [("12", 12, None), ("2.7", 3, "2.7"), ("2.5", 3, "2.5"), ("12.0", 12, None)],
)
def test_a_count_of_people_is_whole_and_kept_exact(
    count: str, value: int, exact: str | None
) -> None:
    """R84."""
    counted = replace(EMPLOYEES, value=Decimal(count))
    entry = accounts_entries(replace(ACCOUNTS, employees=counted), FILING, ORIGIN)["employees"]
    assert (entry["value"], entry.get("exact_value")) == (value, exact)


@pytest.mark.parametrize(
    ("filed_for", "warnings"),
    [
        (None, []),
        (date(2025, 12, 31), []),
        (date(2025, 12, 28), []),
        (date(2025, 12, 23), ["BALANCE_SHEET_DATE_CONFLICT"]),
        (date(2024, 12, 31), ["BALANCE_SHEET_DATE_CONFLICT"]),
    ],
)
def test_accounts_of_another_date_than_the_filing_are_flagged(
    filed_for: date | None, warnings: list[str]
) -> None:
    """R85."""
    entries = accounts_entries(ACCOUNTS, replace(FILING, period_end_on=filed_for), ORIGIN)
    assert entries["fixed_assets"]["warnings"] == warnings


@pytest.mark.parametrize("value", ["1E+6", "1000000", "1000000.00"])
def test_money_is_written_without_an_exponent(value: str) -> None:
    """A22."""
    entries = accounts_entries(replace(ACCOUNTS, net_assets=pounds(value)), FILING, ORIGIN)
    assert Decimal(entries["net_assets"]["value"]) == 1_000_000
    assert "E" not in entries["net_assets"]["value"]
