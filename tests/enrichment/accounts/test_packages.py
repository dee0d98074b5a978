"""Which document of a filed package is read, and UKSEF reports with tags of two targets."""

import pytest

from enrichment.accounts import AccountsRefused, RefusalCode, as_record, read_accounts
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    DAY,
    NUMBER,
    PRIOR,
    codes,
    employees,
    inline,
    instant,
    number,
    package,
    period,
    plain,
    text,
)

OWN = inline(*BALANCE_SHEET)
OTHER = inline(number("FixedAssets", "9"))
PLAIN = plain(
    '<ae:CompaniesHouseRegisteredNumber contextRef="now">01234567'
    "</ae:CompaniesHouseRegisteredNumber>",
    '<pt:FixedAssets contextRef="now" unitRef="GBP">1000</pt:FixedAssets>',
)
FINDER = b"\x00\x05\x16\x07"
REPORT = "213800EXAMPLE0000X11-2024-12-31"


@pytest.mark.parametrize(
    "members",
    [
        # a CIC package, with folder names in any case and with either slash
        [("CIC-01234567/cic34/cicReport.xhtml", OTHER), ("CIC-01234567/accounts/a.xhtml", OWN)],
        [("Accounts/b.HTML", OWN)],
        [("x\\accounts\\c.htm", OWN)],
        # a package of a subsidiary that is exempt from audit, with its parent's accounts
        [
            ("AUDITEXEMPT-01234567/consolidated-accounts/group.xhtml", OTHER),
            ("AUDITEXEMPT-01234567/subsidiary-accounts/own.xhtml", OWN),
            ("AUDITEXEMPT-01234567/agreement/a.xhtml", OTHER),
            ("AUDITEXEMPT-01234567/guarantee/g.xhtml", OTHER),
        ],
        [
            ("x/accounts/consolidated-accounts/group.xhtml", OTHER),
            ("x/accounts/subsidiary-accounts/own.xhtml", OWN),
        ],
        [("x/Parent Accounts/reports/group.xhtml", OTHER), ("x/reports/own.xhtml", OWN)],
        [("x/CIC 34/accounts/report.xhtml", OTHER), ("x/accounts/own.xhtml", OWN)],
        [("x/subsidiary_accounts/own.xhtml", OWN), ("x/accounts/group.xhtml", OTHER)],
        # words in a company's name are ignored
        [("Parent Line Consolidated Mills Ltd/accounts/own.xhtml", OWN)],
        # a report package, with and without a top folder, and with other files
        [
            (f"{REPORT}/META-INF/reportPackage.json", b"{}"),
            (f"{REPORT}/META-INF/taxonomyPackage.xml", b"<a/>"),
            (f"{REPORT}/www.example.com/reports/linkbase.xml", b"<a/>"),
            (f"{REPORT}/reports/{REPORT}-0-en.xhtml", OWN),
            (f"{REPORT}/reports/logo.png", b"x"),
        ],
        [("META-INF/reportPackage.json", b"{}"), ("reports/a.html", OWN)],
        [("x/reports/set/a.xhtml", OWN)],
        [("x/reports/a.xbrl", PLAIN)],
        # a page before an instance of the same accounts
        [("x/accounts/a.xml", PLAIN.replace(b"1000", b"9")), ("x/accounts/a.xhtml", OWN)],
        # files that macOS adds
        [
            ("CIC-01234567/accounts/a.xhtml", OWN),
            ("CIC-01234567/accounts/.DS_Store", FINDER),
            ("__MACOSX/CIC-01234567/accounts/._a.xhtml", FINDER),
        ],
        [("x/accounts/a.xhtml", OWN), ("x/accounts/._a.xhtml", FINDER)],
        [("r/reports/a.xhtml", OWN), ("__MACOSX/r/reports/a.xhtml", FINDER)],
    ],
)
def test_a_package_is_read_by_the_accounts_of_the_company_itself(
    members: list[tuple[str, bytes]],
) -> None:
    assert as_record(read_accounts(package(members)))["fixed_assets"] == 1000


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["x/consolidated-accounts/group.xhtml", "x/guarantee/g.xhtml"], "ZIP_NO_ACCOUNTS"),
        (["x/consolidated-accounts/accounts/group.xhtml"], "ZIP_NO_ACCOUNTS"),
        (["x/consolidated_accounts/accounts/group.xhtml"], "ZIP_NO_ACCOUNTS"),
        (["x/Group-Accounts/accounts/group.xhtml"], "ZIP_NO_ACCOUNTS"),
        (["x/y/z/reports/a.xhtml"], "ZIP_NO_ACCOUNTS"),
        (["x/META-INF/reports.xhtml"], "ZIP_NO_ACCOUNTS"),
        (["__MACOSX/x/accounts/._a.xhtml", "x/accounts/._b.xhtml"], "ZIP_NO_ACCOUNTS"),
        (["x/subsidiary-accounts/a.xhtml", "x/subsidiary-accounts/b.xhtml"], "ZIP_AMBIGUOUS"),
        (["x/reports/a-0-en.xhtml", "x/reports/a-0-cy.xhtml"], "ZIP_AMBIGUOUS"),
    ],
)
def test_a_package_without_one_document_of_the_company_is_refused(
    names: list[str], code: RefusalCode
) -> None:
    with pytest.raises(AccountsRefused) as refused:
        read_accounts(package([(name, OWN) for name in names]))
    assert refused.value.code == code


SEPARATE = "ConsolidatedAndSeparateFinancialStatementsAxis=SeparateMember"
CONTEXTS = "".join(
    (
        instant("group", DAY),
        instant("own", DAY, SEPARATE),
        period("group-year", "2024-01-01", DAY),
        period("own-year", "2024-01-01", DAY, SEPARATE),
        instant("uk", DAY),
        instant("uk-then", PRIOR),
        period("year", "2024-01-01", DAY),
    )
)
LEI_ONLY = CONTEXTS.replace(
    "http://www.companieshouse.gov.uk/", "http://standards.iso.org/iso/17442"
)
LEI_ONLY = LEI_ONLY.replace(NUMBER, "213800EXAMPLE0000X11")


def ifrs(concept: str, printed: str, context: str, **attributes: str) -> str:
    return number(concept, printed, context, **attributes).replace('"c:', '"i:')


GROUP_AND_OWN = (
    ifrs("Assets", "2,800.1", "group", scale="6"),
    ifrs("Equity", "1,400.5", "group", scale="6"),
    ifrs("Assets", "900.0", "own", scale="6"),
    ifrs("Equity", "600.0", "own", scale="6"),
)


def uksef(*facts: str, target: str = "UKFRS", contexts: str = CONTEXTS) -> bytes:
    identity = text("UKCompaniesHouseRegisteredNumber", NUMBER, target=target) + text(
        "EntityCurrentLegalOrRegisteredName", "EXAMPLE PLC", target=target
    )
    dated = text("BalanceSheetDate", DAY, "uk", target=target)
    return inline(*facts, identity=identity, dated=dated, contexts=contexts)


@pytest.mark.parametrize("contexts", [CONTEXTS, LEI_ONLY])
@pytest.mark.parametrize("target", ["UKFRS", "ukfrs"])
def test_a_uksef_report_is_read_by_both_its_targets(target: str, contexts: str) -> None:
    page = uksef(
        *GROUP_AND_OWN,
        employees("61", target=target),
        ifrs("AverageNumberOfEmployees", "9,000", "group-year", unit="pure"),
        target=target,
        contexts=contexts,
    )
    for content in (page, package([(f"{REPORT}/reports/{REPORT}-0-en.xhtml", page)])):
        accounts = read_accounts(content, company_number=NUMBER)
        record = as_record(accounts)
        assert record["company_name"] == "EXAMPLE PLC"
        assert record["balance_sheet_date"] == DAY
        assert record["total_assets"] == 900_000_000
        assert record["net_assets"] == 600_000_000
        assert record["employees"] == 61
        assert record["is_group"] is True
        assert codes(accounts) == [
            ("SUBSTITUTE_CONCEPT", "net_assets"),
            ("SCOPE_UNCERTAIN", "employees"),  # in group accounts
        ]


@pytest.mark.parametrize(
    ("facts", "count"),
    [
        # an IFRS head count without a dimension is the group's
        ((ifrs("AverageNumberOfEmployees", "9,000", "group-year", unit="pure"),), None),
        ((ifrs("AverageNumberOfEmployees", "70", "own-year", unit="pure"),), 70),
        ((employees("61", "year", target="UKFRS"),), 61),
        ((employees("61", "uk-then", target="UKFRS"),), None),
        ((employees("61", "own-year", target="UKFRS"),), 61),
    ],
)
def test_the_head_count_of_group_accounts_is_the_companys(
    facts: tuple[str, ...], count: int | None
) -> None:
    assert as_record(read_accounts(uksef(*GROUP_AND_OWN, *facts)))["employees"] == count


@pytest.mark.parametrize(
    ("targets", "value"),
    [
        ([("", "5"), ("other", "9")], 5),
        ([("UKFRS", "5"), ("", "5"), ("other", "9")], 5),
        ([("UKFRS", "5"), ("other", "5")], 5),
        ([("UKFRS", "5"), ("other", "9"), ("another", "9")], 5),
        ([("other", "5")], 5),
    ],
)
def test_only_the_default_target_and_the_uk_one_count(
    targets: list[tuple[str, str]], value: int
) -> None:
    first = targets[0][0]
    given = {"target": first} if first else {}
    facts = [
        number("FixedAssets", printed, "uk", **({"target": target} if target else {}))
        for target, printed in targets
    ]
    identity = text("UKCompaniesHouseRegisteredNumber", NUMBER, **given)
    dated = text("BalanceSheetDate", DAY, "uk", **given)
    accounts = read_accounts(inline(*facts, identity=identity, dated=dated, contexts=CONTEXTS))
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.value == value
    assert accounts.company_number == NUMBER


def test_figures_of_two_other_targets_are_unreadable() -> None:
    facts = (
        number("NetAssetsLiabilities", "5", "uk", target="one"),
        number("NetAssetsLiabilities", "9", "uk", target="two"),
        employees("3", target="one"),
        employees("4", target="two"),
    )
    dated = text("BalanceSheetDate", DAY, "uk")
    accounts = read_accounts(inline(*facts, dated=dated, contexts=CONTEXTS))
    assert accounts.net_assets is accounts.employees is None
    assert accounts.unreadable == {"net_assets", "employees"}
