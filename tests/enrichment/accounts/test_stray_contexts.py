"""Balances tagged for a period that the document does not define."""

import pytest

from enrichment.accounts import as_record, read_accounts
from tests.enrichment.accounts.documents import (
    BALANCE_SHEET,
    CONTEXTS,
    DATED,
    DAY,
    codes,
    inline,
    instant,
    number,
)


def _misplaced(*facts: str) -> bytes:
    """Return accounts whose current balances refer to a context that has no id."""
    nameless = instant("now", DAY).replace(' id="now"', "")
    contexts = CONTEXTS.replace(instant("now", DAY), nameless)
    return inline(*facts, contexts=contexts, dated=DATED.replace('"now"', '"year"'))


def test_an_undefined_context_is_placed_where_its_balances_must_belong() -> None:
    accounts = read_accounts(
        _misplaced(
            *BALANCE_SHEET, number("FixedAssets", "9", "then"), number("CurrentAssets", "8", "then")
        )
    )
    record = as_record(accounts)
    assert record["fixed_assets"] == 1000
    assert record["total_assets"] == 1500
    assert record["net_assets"] == 1300
    assert {code for code, _ in codes(accounts)} == {"CONTEXT_UNDEFINED"}


@pytest.mark.parametrize(
    "facts",
    [
        # nothing to confirm it with
        (number("FixedAssets", "1,000"),),
        # the sums fail
        (
            number("FixedAssets", "1,000"),
            number("NetCurrentAssetsLiabilities", "300"),
            number("TotalAssetsLessCurrentLiabilities", "77"),
        ),
        # two undefined contexts, and no creditors to show which is this year's
        (
            number("FixedAssets", "1"),
            number("NetCurrentAssetsLiabilities", "2"),
            number("TotalAssetsLessCurrentLiabilities", "3"),
            number("FixedAssets", "4", "gone"),
            number("NetCurrentAssetsLiabilities", "5", "gone"),
            number("TotalAssetsLessCurrentLiabilities", "9", "gone"),
        ),
    ],
)
def test_an_undefined_context_that_nothing_confirms_is_unreadable(facts: tuple[str, ...]) -> None:
    accounts = read_accounts(_misplaced(*facts))
    assert accounts.fixed_assets is None
    assert "fixed_assets" in accounts.unreadable
    assert ("CONTEXT_UNDEFINED", "fixed_assets") in codes(accounts)


def test_of_two_undefined_contexts_the_creditors_tell_which_is_current() -> None:
    accounts = read_accounts(
        _misplaced(
            *BALANCE_SHEET,
            number("CurrentAssets", "900", "gone"),
            number("NetCurrentAssetsLiabilities", "100", "gone"),
        )
    )
    assert as_record(accounts)["current_assets"] == 500
