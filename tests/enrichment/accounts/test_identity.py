"""Which company accounts are of, and of which date."""

from datetime import date

import pytest

from enrichment.accounts import AccountsRefused, RefusalCode, as_record, read_accounts, reader
from enrichment.accounts.record import FIGURES
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    CONTEXTS,
    DAY,
    NUMBER,
    PRIOR,
    codes,
    employees,
    inline,
    instant,
    number,
    period,
    text,
)


@pytest.mark.parametrize(
    ("dated", "expected", "code"),
    [
        # formats of real documents
        (text("BalanceSheetDate", "31.12.24", format="ixt2:datedaymonthyear"), DAY, None),
        (text("BalanceSheetDate", "31 December 2024", format="ixt:datelonguk"), DAY, None),
        # the newer of two dates
        (
            text("BalanceSheetDate", DAY, "now") + text("BalanceSheetDate", PRIOR, "then"),
            DAY,
            "BALANCE_SHEET_DATE_CONFLICT",
        ),
        # no date is tagged: the end of the period
        (text("EndDateForPeriodCoveredByReport", DAY), DAY, "BALANCE_SHEET_DATE_INFERRED"),
        # neither date nor period: the date of the newest balances
        ("", DAY, "BALANCE_SHEET_DATE_INFERRED"),
        # a date in an unknown format is ignored
        (
            text("BalanceSheetDate", PRIOR, format="ixt:unknown"),
            DAY,
            "BALANCE_SHEET_DATE_INFERRED",
        ),
        # the tagged date has no balances, but the end of the period has
        (
            text("BalanceSheetDate", "2025-12-31") + text("EndDateForPeriodCoveredByReport", DAY),
            DAY,
            "BALANCE_SHEET_DATE_CONFLICT",
        ),
    ],
)
def test_the_balance_sheet_date_is_found(dated: str, expected: str, code: str | None) -> None:
    accounts = read_accounts(inline(*BALANCE_SHEET, dated=dated))
    assert accounts.balance_sheet_date.isoformat() == expected
    assert [str(w.code) for w in accounts.warnings] == ([code] if code else [])
    assert as_record(accounts)["fixed_assets"] == 1000


DATED_IN_PERIOD = text("BalanceSheetDate", DAY) + text("EndDateForPeriodCoveredByReport", DAY)
WEEKS = (
    instant("weeks", "2024-12-29")
    + period("weeks-year", "2024-01-01", "2024-12-29")
    + instant("long-ago", "2024-12-20")
    + period("long-year", "2024-01-01", "2024-12-20")
)


@pytest.mark.parametrize(
    ("facts", "day", "employed"),
    [
        # the balances and the head count end on the same other day
        ((number("FixedAssets", "9", "weeks"), employees("4", "weeks-year")), "2024-12-29", 4),
        # only one of them ends on it
        ((number("FixedAssets", "9", "weeks"), employees("4")), "2024-12-29", 4),
        ((number("FixedAssets", "9"), employees("4", "weeks-year")), DAY, 4),
        # too far away to be the end of the same year
        ((number("FixedAssets", "9"), employees("4", "long-year")), DAY, None),
    ],
)
def test_a_year_of_whole_weeks_ends_a_few_days_off(
    facts: tuple[str, ...], day: str, employed: int | None
) -> None:
    accounts = read_accounts(inline(*facts, contexts=CONTEXTS + WEEKS))
    record = as_record(accounts)
    assert (record["balance_sheet_date"], record["fixed_assets"]) == (day, 9)
    assert record["employees"] == employed
    if employed:
        assert accounts.employees is not None
        assert "BALANCE_SHEET_DATE_CONFLICT" in {w.code for w in accounts.employees.warnings}


def test_balances_weeks_away_are_not_those_of_the_stated_date() -> None:
    accounts = read_accounts(
        inline(number("FixedAssets", "9", "long-ago"), employees("1"), contexts=CONTEXTS + WEEKS)
    )
    assert accounts.fixed_assets is None
    assert {"fixed_assets", "total_assets"} == accounts.unreadable
    assert ("BALANCE_SHEET_DATE_CONFLICT", "fixed_assets") in codes(accounts)


LAST_YEAR = (number("FixedAssets", "70", "then"), number("NetAssetsLiabilities", "60", "then"))
THIS_YEAR = (number("FixedAssets", "90"), number("NetAssetsLiabilities", "80"))
STATED_LAST_YEAR = text("BalanceSheetDate", PRIOR)


@pytest.mark.parametrize(
    ("dated", "day", "net"),
    [
        # the period ends this year, and so do the newest balances
        (STATED_LAST_YEAR + text("EndDateForPeriodCoveredByReport", DAY), DAY, 80),
        # only the balances say so
        (STATED_LAST_YEAR, DAY, 80),
        # the period ends last year too
        (STATED_LAST_YEAR + text("EndDateForPeriodCoveredByReport", PRIOR), PRIOR, 60),
    ],
)
def test_a_stated_date_of_last_year_is_flagged(dated: str, day: str, net: int) -> None:
    accounts = read_accounts(inline(*LAST_YEAR, *THIS_YEAR, dated=dated))
    record = as_record(accounts)
    assert (record["balance_sheet_date"], record["net_assets"]) == (day, net)
    assert accounts.net_assets is not None
    assert "BALANCE_SHEET_DATE_CONFLICT" in {w.code for w in accounts.net_assets.warnings}


def test_a_balance_at_the_stated_date_does_not_hide_all_others_a_few_days_before() -> None:
    facts = [fact.replace('"now"', '"weeks"') for fact in THIS_YEAR]
    accounts = read_accounts(inline(*facts, number("Equity", "3"), contexts=CONTEXTS + WEEKS))
    record = as_record(accounts)
    assert (record["balance_sheet_date"], record["net_assets"]) == ("2024-12-29", 80)
    assert ("BALANCE_SHEET_DATE_CONFLICT", "balance_sheet_date") in codes(accounts)


def test_as_many_balances_a_few_days_before_are_unreadable() -> None:
    facts = (number("FixedAssets", "90", "weeks"), number("CurrentAssets", "5", "weeks"))
    accounts = read_accounts(
        inline(*facts, number("NetAssetsLiabilities", "80"), number("Equity", "80"),
               contexts=CONTEXTS + WEEKS)
    )  # fmt: skip
    assert as_record(accounts)["net_assets"] == 80
    assert accounts.unreadable == {"fixed_assets", "current_assets", "total_assets"}


def test_balances_dated_the_day_after_are_read_and_flagged() -> None:
    contexts = CONTEXTS.replace(instant("now", DAY), instant("now", "2025-01-01"))
    accounts = read_accounts(inline(*THIS_YEAR, contexts=contexts, dated=DATED_IN_PERIOD))
    assert as_record(accounts)["net_assets"] == 80
    assert ("BALANCE_SHEET_DATE_CONFLICT", "balance_sheet_date") in codes(accounts)


@pytest.mark.parametrize("context", ["now", "elsewhere"])
def test_figures_in_contexts_of_another_company_are_flagged(context: str) -> None:
    """The number tag has the requested company number, but the contexts have another."""
    elsewhere = instant("elsewhere", DAY)
    contexts = CONTEXTS + elsewhere
    wrong = contexts.replace(NUMBER, "07654321")
    contexts = contexts.replace(elsewhere, elsewhere.replace(NUMBER, "07654321"))
    accounts = read_accounts(
        inline(
            number("FixedAssets", "90", context),
            contexts=wrong if context == "now" else contexts,
        ),
        company_number=NUMBER,
    )
    assert accounts.fixed_assets is not None
    assert "COMPANY_NUMBER_CONFLICT" in {w.code for w in accounts.fixed_assets.warnings}


@pytest.mark.parametrize(
    ("scheme", "identifier"),
    [
        ("http://standards.iso.org/iso/17442", "213800EXAMPLE0000X11"),
        ("http://www.companieshouse.gov.uk/", "EXAMPLE WIDGETS LIMITED"),
        ("http://www.companieshouse.gov.uk/", "1234567"),
        ("http://www.example.com/clients", "07654321"),
    ],
)
def test_identifiers_that_are_no_other_registered_number_raise_no_doubt(
    scheme: str, identifier: str
) -> None:
    contexts = CONTEXTS.replace(NUMBER, identifier)
    contexts = contexts.replace("http://www.companieshouse.gov.uk/", scheme)
    accounts = read_accounts(inline(*BALANCE_SHEET, contexts=contexts), company_number=NUMBER)
    assert codes(accounts) == []


def test_doubts_about_the_document_are_on_every_figure() -> None:
    identity = text("UKCompaniesHouseRegisteredNumber", NUMBER) * 2 + text(
        "UKCompaniesHouseRegisteredNumber", "07654321"
    )
    accounts = read_accounts(inline(*BALANCE_SHEET, dated="", identity=identity))
    for name in FIGURES:
        codes = {warning.code for warning in getattr(accounts, name).warnings}
        assert {"BALANCE_SHEET_DATE_INFERRED", "COMPANY_NUMBER_CONFLICT"} <= codes


def test_an_older_year_is_never_shown_as_current() -> None:
    accounts = read_accounts(inline(number("FixedAssets", "9", "then"), employees("1")))
    assert accounts.fixed_assets is None
    assert accounts.balance_sheet_date == date(2024, 12, 31)


@pytest.mark.parametrize(
    ("tagged", "asked", "expected"),
    [
        # unchanged
        (NUMBER, NUMBER, NUMBER),
        # leading zeros lost on either side
        ("1234567", NUMBER, NUMBER),
        (NUMBER, "1234567", NUMBER),
        # blanks and small letters
        (" sc 12 3456 ", "SC123456", "SC123456"),
        ("SC123", "SC000123", "SC000123"),
        ("R123", "R0000123", "R0000123"),
        # words around it
        ("Registered number: 01234567 (England and Wales)", NUMBER, NUMBER),
        # no number was requested
        (NUMBER, None, NUMBER),
        ("0", None, None),
    ],
)
def test_the_company_number_is_compared_in_one_form(
    tagged: str, asked: str | None, expected: str | None
) -> None:
    identity = text("UKCompaniesHouseRegisteredNumber", tagged)
    accounts = read_accounts(inline(*BALANCE_SHEET, identity=identity), company_number=asked)
    assert accounts.company_number == expected


@pytest.mark.parametrize("tagged", ["0", "07654321", "SC123456", "junk"])
def test_accounts_of_another_company_are_refused(tagged: str) -> None:
    identity = text("UKCompaniesHouseRegisteredNumber", tagged)
    with pytest.raises(AccountsRefused) as refused:
        read_accounts(inline(*BALANCE_SHEET, identity=identity), company_number=NUMBER)
    assert refused.value.code == RefusalCode.IDENTITY_MISMATCH


def test_without_a_number_fact_the_contexts_say_whose_accounts_they_are() -> None:
    accounts = read_accounts(inline(*BALANCE_SHEET, identity=""), company_number=NUMBER)
    assert accounts.company_number == NUMBER
    assert accounts.company_name is None


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        # a bug in the reader fails only this document
        (KeyError("x"), AccountsRefused),
        (RecursionError(), AccountsRefused),
        # a MemoryError is not caused by the document
        (MemoryError(), MemoryError),
    ],
)
def test_nothing_unexpected_leaves_the_reader(
    monkeypatch: pytest.MonkeyPatch, raised: Exception, expected: type[Exception]
) -> None:
    def fail(_content: bytes) -> None:
        raise raised

    monkeypatch.setattr(reader, "parse_document", fail)
    with pytest.raises(expected):
        read_accounts(inline(*BALANCE_SHEET))
