"""The sandbox's companies are recognisably fictitious and the same on every start."""

import io
import zipfile
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from enrichment.sandbox import describe_catalogue
from enrichment.sandbox.accounts_document import Accounts, write_ixbrl
from enrichment.sandbox.balance_sheet import sheet_of
from enrichment.sandbox.catalogue import CATALOGUE, find_company
from enrichment.sandbox.companies import XHTML, ZIP, Company
from enrichment.sandbox.register import document_id, read_document_id
from models.rules.company_number import normalise

IX = "{http://www.xbrl.org/2013/inlineXBRL}"
XBRLI = "{http://www.xbrl.org/2003/instance}"


def document_of(company: Company, kind: str = XHTML) -> bytes:
    newest = company.newest_accounts
    assert newest is not None
    return newest.documents[kind]()


def facts_of(document: bytes) -> dict[tuple[str, str], str]:
    """Return the printed values by local name and context id; negative ones with a minus sign."""
    root = etree.fromstring(document)
    return {
        (str(fact.get("name")).partition(":")[2], str(fact.get("contextRef"))): str(
            fact.get("sign", "")
        )
        + (fact.text or "")
        for fact in root.iter(f"{IX}nonFraction", f"{IX}nonNumeric")
    }


def amount(facts: dict[tuple[str, str], str], concept: str, context: str) -> Decimal:
    printed = facts[concept, context].replace(",", "")
    return Decimal(0) if printed == "-" else Decimal(printed)


def test_every_company_has_a_number_of_its_own_in_the_form_of_the_register() -> None:
    numbers = [company.number for company in CATALOGUE]
    assert len(set(numbers)) == len(numbers)
    assert [normalise(number) for number in numbers] == numbers


def test_every_company_is_recognisably_made_up() -> None:
    for company in CATALOGUE:
        assert company.name.startswith("SANDBOX ")
        assert company.office.postal_code in {"ZZ1 1ZZ", "EH1 1ZZ", "BT1 1ZZ", "CF14 8LH"}


def test_the_catalogue_describes_itself_with_a_line_for_each_number() -> None:
    lines = list(describe_catalogue())
    assert len(lines) == len(CATALOGUE) + 2
    assert lines[0] == (
        "00000101",
        "SANDBOX ALPHA TRADING LIMITED",
        "active Ltd, small-company accounts",
    )
    assert ("00000401", "", "unknown number: 404") in lines


@pytest.mark.parametrize("number", ["00000401", "12345678", "SC999999", "9000000", "9\u0660000000"])
def test_other_numbers_are_unknown(number: str) -> None:
    assert find_company(number) is None


@given(st.integers(min_value=90_000_000, max_value=99_999_999))
def test_a_number_that_begins_with_nine_is_an_ordinary_company(value: int) -> None:
    company = find_company(str(value))
    assert company is not None
    assert company.name.startswith("SANDBOX ")
    assert company.name.endswith(f" {value} LIMITED")
    assert (company.type, company.status, company.failure) == ("ltd", "active", None)
    assert facts_of(document_of(company)) == facts_of(
        document_of(find_company(str(value)) or company)
    )


def test_numbered_companies_differ() -> None:
    companies = [find_company(str(number)) for number in range(90_000_000, 90_000_300)]
    names = {company.name for company in companies if company}
    documents = {document_of(company) for company in companies if company}
    assert len(names) == len(documents) == 300


def test_alphas_accounts_say_what_its_balance_sheet_says() -> None:
    company = find_company("00000101")
    assert company is not None
    facts = facts_of(document_of(company))
    assert facts["UKCompaniesHouseRegisteredNumber", "now"] == "00000101"
    assert facts["EntityCurrentLegalOrRegisteredName", "now"] == "SANDBOX ALPHA TRADING LIMITED"
    assert facts["BalanceSheetDate", "at"] == "31 December 2025"
    assert facts["StartDateForPeriodCoveredByReport", "at"] == "2025-01-01"
    assert facts["EndDateForPeriodCoveredByReport", "at"] == "2025-12-31"
    assert facts["AverageNumberEmployeesDuringPeriod", "now"] == "12"
    assert facts["AverageNumberEmployeesDuringPeriod", "then"] == "10"
    assert facts["FixedAssets", "at"] == "120,000"
    assert facts["CurrentAssets", "at"] == "80,000"
    assert facts["Creditors", "at-within"] == "45,000"
    assert facts["NetCurrentAssetsLiabilities", "at"] == "35,000"
    assert facts["TotalAssetsLessCurrentLiabilities", "at"] == "155,000"
    assert facts["NetAssetsLiabilities", "at"] == "140,000"
    assert facts["Equity", "at"] == "140,000"
    assert facts["FixedAssets", "was"] == "110,000"


def test_losses_are_signed_on_the_tag_and_bracketed_outside_it() -> None:
    company = find_company("00000109")
    assert company is not None
    document = document_of(company)
    facts = facts_of(document)
    assert facts["NetCurrentAssetsLiabilities", "at"] == "-31,500"
    assert facts["NetAssetsLiabilities", "at"] == "-30,000"
    assert b'sign="-">31,500</ix:nonFraction>)' in document


@pytest.mark.parametrize(
    "company",
    [
        company
        for company in CATALOGUE
        if company.newest_accounts
        and company.newest_accounts.documents.get(XHTML)
        and "document" not in company.what
    ],
    ids=lambda company: company.number,
)
@pytest.mark.parametrize(("instant", "span"), [("at", "now"), ("was", "then")])
def test_generated_accounts_add_up(company: Company, instant: str, span: str) -> None:
    document = document_of(company)
    facts = facts_of(document)
    net_current = amount(facts, "NetCurrentAssetsLiabilities", instant)
    due = amount(facts, "Creditors", f"{instant}-within")
    total = amount(facts, "TotalAssetsLessCurrentLiabilities", instant)
    net = amount(facts, "NetAssetsLiabilities", instant)
    assert net_current == amount(facts, "CurrentAssets", instant) - due
    assert total == amount(facts, "FixedAssets", instant) + net_current
    assert net == total - amount(facts, "Creditors", f"{instant}-after")
    assert net == amount(facts, "Equity", instant)
    discloses = company.number not in {"00000104", "00000205"}
    assert (("AverageNumberEmployeesDuringPeriod", span) in facts) is discloses
    contexts = {
        str(context.get("id")) for context in etree.fromstring(document).iter(f"{XBRLI}context")
    }
    assert {context for _, context in facts} <= contexts


def test_group_figures_are_tagged_apart_from_the_companys() -> None:
    company = find_company("00000105")
    assert company is not None
    facts = facts_of(document_of(company))
    assert ("ScopeAccounts", "scope") in facts
    group = sheet_of("00000105", 2025, scale=20)
    assert amount(facts, "FixedAssets", "group-at") == group.fixed_assets
    assert amount(facts, "FixedAssets", "at") == sheet_of("00000105", 2025).fixed_assets


def test_a_cic_files_its_accounts_in_a_package() -> None:
    company = find_company("00000107")
    assert company is not None
    package = zipfile.ZipFile(io.BytesIO(document_of(company, ZIP)))
    assert package.namelist() == [
        "CIC-00000107/accounts/financialStatement.xhtml",
        "CIC-00000107/cic34/cicReport.xhtml",
    ]
    facts = facts_of(package.read("CIC-00000107/accounts/financialStatement.xhtml"))
    assert facts["UKCompaniesHouseRegisteredNumber", "now"] == "00000107"
    assert document_of(company, ZIP) == document_of(company, ZIP)


def test_bad_documents_are_bad_in_the_way_announced() -> None:
    garbage, other, half = (find_company(number) for number in ("00000501", "00000502", "00000503"))
    assert garbage is not None
    assert other is not None
    assert half is not None
    for company in (garbage, half):
        with pytest.raises(etree.XMLSyntaxError):
            etree.fromstring(document_of(company))
    facts = facts_of(document_of(other))
    assert facts["UKCompaniesHouseRegisteredNumber", "now"] == "00000101"


@given(st.text(max_size=60))
def test_a_document_id_is_read_back_or_is_none(text: str) -> None:
    assert read_document_id(text) is None


def test_a_document_id_holds_its_company_and_filing() -> None:
    identifier = document_id("SC000110", 7)
    assert len(identifier) == 43
    assert read_document_id(identifier) == ("SC000110", 7)


def test_a_name_with_an_ampersand_is_escaped() -> None:
    accounts = Accounts(
        number="00000101",
        name="SANDBOX <A> & B LIMITED",
        title="Accounts",
        period_end_on=date(2024, 2, 29),
        current=sheet_of("00000101", 2024),
    )
    facts = facts_of(write_ixbrl(accounts))
    assert facts["EntityCurrentLegalOrRegisteredName", "now"] == "SANDBOX <A> & B LIMITED"
    assert facts["StartDateForPeriodCoveredByReport", "at"] == "2023-03-01"
