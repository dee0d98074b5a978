"""Whether a figure is the company's or its group's: by edition, dimension and head count."""

import pytest

from enrichment.accounts import as_record, read_accounts
from tests.enrichment.accounts.documents import (
    CONTEXTS,
    DAY,
    codes,
    employees,
    inline,
    instant,
    number,
    period,
    text,
)

GROUP = "GroupCompanyDataDimension=Consolidated"
COMPANY = "GroupCompanyDataDimension=Company"
ORIGINAL = "OriginalRevisedDataDimension=Original"
REVISED = "OriginalRevisedDataDimension=Revised"
WITHIN = "MaturitiesOrExpirationPeriodsDimension=WithinOneYear"
YEAR = ("2024-01-01", DAY)
MORE = CONTEXTS + "".join(
    (
        instant("original", DAY, ORIGINAL),
        instant("revised", DAY, REVISED),
        instant("original-within", DAY, ORIGINAL, WITHIN),
        period("original-year", *YEAR, ORIGINAL),
        period("revised-year", *YEAR, REVISED),
        instant("group", DAY, GROUP),
        instant("company", DAY, COMPANY),
        period("group-year", *YEAR, GROUP),
        period("company-year", *YEAR, COMPANY),
        instant("odd", DAY, "SomeDimension=SomeMember"),
        instant("other", DAY, "SomeDimension=OtherMember"),
        instant("elsewhere", DAY, "OtherDimension=SomeMember"),
        period("odd-year", *YEAR, "SomeDimension=SomeMember"),
    )
)
FIXED = number("FixedAssets", "5")


@pytest.mark.parametrize(
    ("contexts", "expected"),
    [
        (("original",), 10),
        (("revised",), 10),
        (("original", "revised"), 20),
        (("revised", "original"), 10),
        (("original", "now"), 20),
    ],
)
def test_the_latest_edition_of_a_figure_is_read(contexts: tuple[str, ...], expected: int) -> None:
    """A23: the dimensions original and revised say when figures were filed, not of which entity."""
    facts = [
        number("FixedAssets", str(10 * place), context)
        for place, context in enumerate(contexts, start=1)
    ]
    years = {"now": "year"}
    counts = [
        employees(str(10 * place), years.get(context, f"{context}-year"))
        for place, context in enumerate(contexts, start=1)
    ]
    record = as_record(read_accounts(inline(*facts, *counts, contexts=MORE)))
    assert record["fixed_assets"] == record["employees"] == expected


def test_creditors_of_an_edition_take_part_in_the_sums() -> None:
    accounts = read_accounts(
        inline(
            number("Creditors", "45", "original-within"),
            number("NetCurrentAssetsLiabilities", "300", "original"),
            contexts=MORE,
        )
    )
    assert as_record(accounts)["current_assets"] == 345


@pytest.mark.parametrize(
    ("facts", "unreadable"),
    [
        # one dimension on all balances: their entity is unknown
        (
            (number("FixedAssets", "5", "odd"), number("Equity", "5", "odd"),
             employees("3", "odd-year")),
            {"fixed_assets", "net_assets", "total_assets", "employees"},
        ),
        ((number("FixedAssets", "5", "group"),), {"fixed_assets", "total_assets"}),
        # parts of a whole that is not tagged, such as a charity's funds
        (
            (number("FixedAssets", "5", "odd"), number("FixedAssets", "5", "other")),
            {"fixed_assets", "total_assets"},
        ),
        # different dimensions
        ((number("FixedAssets", "5", "odd"), number("CurrentAssets", "5", "elsewhere")), set()),
        ((number("Equity", "5", "share-capital"), employees("3")), set()),
        # a balance without a dimension shows that the others are parts
        ((number("FixedAssets", "5", "odd"), number("Equity", "5")), set()),
    ],
)  # fmt: skip
def test_one_dimension_on_all_balances_is_unreadable(
    facts: tuple[str, ...], unreadable: set[str]
) -> None:
    """R85: the figure was filed, so its status must not be "not filed"."""
    accounts = read_accounts(inline(*facts, contexts=MORE))
    assert accounts.unreadable == unreadable


SAYS_GROUP = number("FixedAssets", "900", "group")


@pytest.mark.parametrize(
    ("facts", "value", "is_group", "expected"),
    [
        # group accounts in which nothing is tagged as the group's
        ((SAYS_GROUP, employees("138")), 138, False, ["SCOPE_UNCERTAIN"]),
        # the same number is tagged as the group's
        (
            (SAYS_GROUP, employees("138"), employees("138", "group-year")),
            138, True, ["SCOPE_UNCERTAIN"],
        ),
        # the group's number differs
        ((SAYS_GROUP, employees("3"), employees("138", "group-year")), 3, False, []),
        # the number is tagged as the company's
        ((SAYS_GROUP, employees("3", "company-year")), 3, False, []),
        ((SAYS_GROUP, employees("3", "company-year"), employees("138")), 3, False, []),
        # not group accounts
        ((employees("3"),), 3, False, []),
    ],
)  # fmt: skip
def test_a_head_count_in_group_accounts_has_a_scope(
    facts: tuple[str, ...], value: int, is_group: bool, expected: list[str]
) -> None:
    """A23."""
    figure = read_accounts(inline(FIXED, *facts, contexts=MORE)).employees
    assert figure is not None
    assert figure.value == value
    assert figure.is_group is is_group
    assert [str(warning.code) for warning in figure.warnings] == expected


def test_a_dimension_of_the_report_alone_makes_group_accounts() -> None:
    contexts = MORE + period(
        "scope", *YEAR, "ScopeAccountsDimension=ConsolidatedGroupCompanyAccounts"
    )
    accounts = read_accounts(
        inline(FIXED, employees("3"), text("ScopeAccounts", "", "scope"), contexts=contexts)
    )
    assert accounts.employees is not None
    assert [str(warning.code) for warning in accounts.employees.warnings] == ["SCOPE_UNCERTAIN"]


@pytest.mark.parametrize(
    ("facts", "flagged"),
    [
        # only one line is tagged as the company's: the others may be the group's
        (
            (number("FixedAssets", "700"), number("CurrentAssets", "40", "company"),
             number("NetAssetsLiabilities", "600"), employees("138")),
            {"fixed_assets", "total_assets", "net_assets", "employees"},
        ),
        # both are tagged, and they differ
        (
            (number("FixedAssets", "700"), number("NetAssetsLiabilities", "600"),
             number("NetAssetsLiabilities", "50", "company")),
            {"fixed_assets", "total_assets"},
        ),
        # both are the company's
        (
            (number("FixedAssets", "700"), number("NetAssetsLiabilities", "600"),
             number("NetAssetsLiabilities", "600", "company")),
            set(),
        ),
        # all lines are tagged as the company's
        (
            (number("FixedAssets", "700", "company"),
             number("NetAssetsLiabilities", "600", "company")),
            set(),
        ),
    ],
)  # fmt: skip
def test_balances_beside_others_that_name_the_company_may_be_the_groups(
    facts: tuple[str, ...], flagged: set[str]
) -> None:
    """A23."""
    found = codes(read_accounts(inline(*facts, contexts=MORE)))
    assert {field for code, field in found if code == "SCOPE_UNCERTAIN"} == flagged


def test_a_figure_that_names_the_company_is_preferred() -> None:
    facts = (
        number("NetAssetsLiabilities", "600"),
        number("NetAssetsLiabilities", "50", "company"),
    )
    accounts = read_accounts(inline(*facts, contexts=MORE))
    assert as_record(accounts)["net_assets"] == 50
    assert codes(accounts) == []


@pytest.mark.parametrize(
    ("replacing", "flagged"),
    [
        (number("FixedAssets", "85", "revised"), {"net_assets", "employees"}),
        (number("FixedAssets", "85"), {"net_assets", "employees"}),
        # the same without an edition
        (number("FixedAssets", "90"), set()),
        ("", set()),
    ],
)
def test_a_figure_of_the_first_edition_beside_revised_ones_is_flagged(
    replacing: str, flagged: set[str]
) -> None:
    facts = (
        number("FixedAssets", "90", "original"),
        number("NetAssetsLiabilities", "60", "original"),
        employees("7", "original-year"),
        replacing,
    )
    found = codes(read_accounts(inline(*facts, contexts=MORE)))
    assert {field for code, field in found if code == "EDITION_DOUBTFUL"} == flagged
