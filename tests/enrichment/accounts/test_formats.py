"""The file formats of accounts documents, and the markup that their text may contain."""

import pytest

from enrichment.accounts import as_record, read_accounts
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    DAY,
    NUMBER,
    Inline,
    employees,
    inline,
    number,
    plain,
    text,
)

FIGURES = (
    "employees",
    "fixed_assets",
    "current_assets",
    "total_assets",
    "total_assets_less_current_liabilities",
    "net_assets",
)


def test_plain_xbrl_of_2009_reads() -> None:
    accounts = read_accounts(
        plain(
            '<ae:CompanyNotDormant contextRef="year">true</ae:CompanyNotDormant>',
            '<ae:CompaniesHouseRegisteredNumber contextRef="year">1234567'
            "</ae:CompaniesHouseRegisteredNumber>",
            '<gc:EntityNames><gc:EntityCurrentLegalName contextRef="year">OLD LIMITED'
            "</gc:EntityCurrentLegalName></gc:EntityNames>",
            f'<gc:BalanceSheetDate contextRef="now">{DAY}\n</gc:BalanceSheetDate>',
            '<pt:CurrentAssets precision="INF" contextRef="now" unitRef="GBP"> 25853 '
            "</pt:CurrentAssets>",
            '<pt:ShareholderFunds decimals="0" contextRef="now" unitRef="GBP">-7'
            "</pt:ShareholderFunds>",
        ),
        company_number=NUMBER,
    )
    record = as_record(accounts)
    assert record["company_name"] == "OLD LIMITED"
    assert record["current_assets"] == 25853
    assert record["net_assets"] == -7
    assert record["is_dormant"] is False
    assert record["period_start"] == "2024-01-01"
    assert [w.code for w in accounts.warnings] == [
        "SUBSTITUTE_CONCEPT",
        "SUBSTITUTE_UNCONFIRMED",
    ]


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (text("EntityDormantTruefalse", "", format="ixt2:booleantrue"), True),
        (text("EntityDormantTruefalse", "x", format="ixt4:fixed-false"), False),
        (text("EntityDormant", "true"), True),
        (text("CompanyNotDormant", "true"), False),
        (text("EntityDormant", "perhaps"), None),
    ],
)
def test_dormancy_is_read(fact: str, expected: bool | None) -> None:
    assert read_accounts(inline(fact, employees("0"))).is_dormant is expected


def test_inline_1_0_and_any_prefix_read_alike() -> None:
    document = Inline("".join(BALANCE_SHEET), inline="http://www.xbrl.org/2008/inlineXBRL").text()
    renamed = document.replace("ix:", "").replace("xmlns:ix=", "xmlns=", 1)
    renamed = renamed.replace('xmlns="http://www.w3.org/1999/xhtml" ', "").replace(":ix=", "=", 1)
    expected = as_record(read_accounts(inline(*BALANCE_SHEET)))
    assert as_record(read_accounts(document.encode())) == expected
    assert as_record(read_accounts(renamed.encode())) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_declared_encodings_read_alike(encoding: str) -> None:
    document = Inline("".join(BALANCE_SHEET), doctype="").text().replace("Widgets", "Café £")
    declared = {"utf-8-sig": "utf-8"}.get(encoding, encoding)
    content = f'<?xml version="1.0" encoding="{declared}"?>{document}'.encode(encoding)
    assert read_accounts(content).company_name == "Example Café £ Limited"


def test_a_doctype_that_only_names_xhtml_is_allowed() -> None:
    doctype = (
        '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">'
    )
    document = inline(number("FixedAssets", "&nbsp;5"), doctype=doctype)
    accounts = read_accounts(document)
    assert accounts.fixed_assets is not None
    assert accounts.fixed_assets.value == 5


def test_a_name_is_read_around_exclusions_and_along_continuations() -> None:
    identity = (
        text("UKCompaniesHouseRegisteredNumber", "<b>0123</b>4567")
        + text(
            "EntityCurrentLegalOrRegisteredName",
            "Smith<ix:exclude>(2<ix:exclude>x</ix:exclude>)</ix:exclude> &amp;\u00a0<br/>Sons",
            continuedAt="more",
        )
        + '<ix:continuation id="more" continuedAt="again"> Lim<i>it</i>ed</ix:continuation>'
        + '<ix:continuation id="again" continuedAt="more"> x</ix:continuation>'
    )
    accounts = read_accounts(inline(*BALANCE_SHEET, identity=identity), company_number=NUMBER)
    assert accounts.company_name == "Smith & Sons Limited x"
