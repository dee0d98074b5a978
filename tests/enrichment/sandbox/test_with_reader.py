"""Every accounts document of the sandbox, read by the accounts reader."""

from datetime import date

import pytest

from enrichment.accounts import AccountsRefused, RefusalCode, read_accounts
from enrichment.sandbox.balance_sheet import BalanceSheet, sheet_of
from enrichment.sandbox.catalogue import CATALOGUE, find_company
from enrichment.sandbox.companies import XHTML, ZIP, Company, DocumentFault, Filing

UNREADABLE = {
    DocumentFault.GARBAGE,
    DocumentFault.WRONG_COMPANY,
    DocumentFault.TRUNCATED,
    DocumentFault.OVERSIZE,
}
READABLE = [
    (company, filing)
    for company in (*CATALOGUE, *(find_company(str(90_000_001 + n)) for n in range(50)))
    if company
    for filing in company.filings
    if filing.documents and filing.fault not in UNREADABLE
]


def newest(number: str) -> tuple[bytes, Company]:
    company = find_company(number)
    assert company is not None
    assert company.newest_accounts is not None
    documents = company.newest_accounts.documents
    return (documents.get(XHTML) or documents[ZIP])(), company


@pytest.mark.parametrize(
    ("company", "filing"),
    READABLE,
    ids=[f"{company.number}-{filing.type}-{filing.made_up_on}" for company, filing in READABLE],
)
def test_a_document_that_should_be_read_is_read_without_a_warning(
    company: Company, filing: Filing
) -> None:
    for document in filing.documents.values():
        accounts = read_accounts(document(), company_number=company.number)
        assert accounts.company_number == company.number
        assert accounts.company_name == company.name
        assert accounts.balance_sheet_date == filing.made_up_on
        assert accounts.currency == "GBP"
        assert accounts.unreadable == frozenset()
        assert accounts.warnings == ()
        assert accounts.is_group is (company.number == "00000105")
        assert accounts.is_dormant is (company.number == "00000104")
        assert accounts.net_assets is not None
        assert (accounts.employees is None) is (company.number in {"00000104", "00000205"})


@pytest.mark.parametrize(
    ("number", "sheet"),
    [
        ("00000101", BalanceSheet(120_000, 80_000, 45_000, 15_000, 12)),
        ("00000102", sheet_of("00000102", 2025, scale=50)),
        ("00000105", sheet_of("00000105", 2025)),
        ("00000107", sheet_of("00000107", 2025)),
        ("00000109", BalanceSheet(4_000, 6_500, 38_000, 2_500, 3)),
        ("90000001", sheet_of("90000001", 2025)),
    ],
)
def test_the_figures_read_are_those_written(number: str, sheet: BalanceSheet) -> None:
    document, _ = newest(number)
    accounts = read_accounts(document, company_number=number)
    figures = [
        accounts.fixed_assets,
        accounts.current_assets,
        accounts.total_assets,
        accounts.total_assets_less_current_liabilities,
        accounts.net_assets,
        accounts.employees,
    ]
    assert [figure.value if figure else None for figure in figures] == [
        sheet.fixed_assets,
        sheet.current_assets,
        sheet.fixed_assets + sheet.current_assets,
        sheet.total_assets_less_current_liabilities,
        sheet.net_assets,
        sheet.employees,
    ]
    assert accounts.period_start == date(2025, 1, 1)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("00000501", RefusalCode.NOT_XBRL),
        ("00000502", RefusalCode.IDENTITY_MISMATCH),
        ("00000503", RefusalCode.MALFORMED),
    ],
)
def test_a_bad_document_is_refused_for_its_own_reason(number: str, code: RefusalCode) -> None:
    document, _ = newest(number)
    with pytest.raises(AccountsRefused) as caught:
        read_accounts(document, company_number=number)
    assert caught.value.code is code
