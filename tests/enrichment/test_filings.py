"""Choosing among filed accounts, and among the formats of a document."""

from datetime import date
from typing import Any

import pytest

from enrichment.filings import AccountsFiling, choose_content_type, has_accounts, latest_accounts


def filing(transaction_id: str, **members: Any) -> dict[str, Any]:
    return {
        "transaction_id": transaction_id,
        "type": "AA",
        "category": "accounts",
        "date": "2026-07-19",
        "description": "accounts-with-accounts-type-micro-entity",
    } | members


def made_up(day: str) -> dict[str, Any]:
    return {"description_values": {"made_up_date": day}}


def newest(*items: object) -> str | None:
    found = latest_accounts({"items": list(items)})
    return found.transaction_id if found else None


def test_all_of_a_filing_is_read() -> None:
    item = filing(
        "tx1",
        description="accounts-with-accounts-type-full-group",
        description_values={"made_up_date": "2025-12-31"},
        paper_filed=True,
        links={"document_metadata": "https://example.invalid/document/8_jg"},
    )
    assert latest_accounts({"items": [item]}) == AccountsFiling(
        transaction_id="tx1",
        type="AA",
        period_end_on=date(2025, 12, 31),
        filed_on=date(2026, 7, 19),
        metadata_link="https://example.invalid/document/8_jg",
        is_group=True,
        paper_filed=True,
        description="accounts-with-accounts-type-full-group",
    )


def test_the_newest_period_wins_over_the_newest_filing() -> None:
    late = filing("older-year", date="2026-08-02", **made_up("2024-12-31"))
    early = filing("newer-year", date="2026-08-01", **made_up("2025-12-31"))
    assert newest(late, early) == "newer-year"
    assert newest(early, late) == "newer-year"


def test_of_one_period_the_newest_filing_wins() -> None:
    first = filing("first", date="2026-07-01", **made_up("2025-12-31"))
    amended = filing("amended", type="AAMD", date="2026-09-01", **made_up("2025-12-31"))
    assert newest(first, amended) == "amended"
    again = filing("again", date="2026-10-01", **made_up("2025-12-31"))
    assert newest(first, amended, again) == "again"


def test_of_one_day_the_amended_accounts_win() -> None:
    first = filing("first", **made_up("2025-12-31"))
    amended = filing("amended", type="AAMD", **made_up("2025-12-31"))
    assert newest(amended, first) == "amended"
    assert newest(first, amended) == "amended"


def test_a_change_of_reference_date_is_no_accounts_though_of_that_category() -> None:
    change = filing("change", type="AA01", **made_up("2027-12-31"))
    llp_change = filing("llp-change", type="LLAA01", **made_up("2028-12-31"))
    assert newest(change, llp_change) is None
    assert newest(change, filing("accounts", **made_up("2020-12-31"))) == "accounts"


def test_the_period_end_is_read_from_the_action_date_where_the_description_is_silent() -> None:
    found = latest_accounts({"items": [filing("tx", action_date="2025-03-31")]})
    assert found is not None
    assert found.period_end_on == date(2025, 3, 31)


def test_accounts_without_any_period_lose_to_dated_ones_but_are_still_accounts() -> None:
    undated = filing("undated", date="2026-12-01")
    assert newest(undated) == "undated"
    assert newest(undated, filing("dated", **made_up("2001-01-01"))) == "dated"


def test_malformed_items_are_passed_over() -> None:
    good = filing("good", **made_up("2020-12-31"))
    assert newest(None, 7, "x", [], {}, {"type": "AA"}, filing("", type="AA"), good) == "good"
    odd = filing(
        "odd", date=None, links=[], description=None, description_values="x", paper_filed=1
    )
    assert newest(odd) == "odd"


@pytest.mark.parametrize("payload", [None, [], {}, {"items": None}, {"items": {}}, {"items": []}])
def test_nothing_filed_is_none(payload: object) -> None:
    assert latest_accounts(payload) is None
    assert not has_accounts(payload)


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        (["application/pdf", "application/xhtml+xml"], "application/xhtml+xml"),
        (["application/zip", "application/xml", "application/xhtml+xml"], "application/xhtml+xml"),
        (["application/zip", "text/xml", "application/xml"], "application/xml"),
        (["application/zip", "text/xml"], "text/xml"),
        (["application/pdf", "application/zip"], "application/zip"),
        (["Application/XHTML+XML; charset=utf-8"], "Application/XHTML+XML; charset=utf-8"),
        (["application/pdf"], None),
        (["application/pdf", "image/tiff", "application/of-tomorrow"], None),
        ([], None),
    ],
)
def test_tagged_accounts_are_preferred_and_a_picture_is_none(
    listed: list[str], chosen: str | None
) -> None:
    resources: dict[str, Any] = {name: {"content_length": 1} for name in listed}
    assert choose_content_type({"resources": resources}) == chosen


@pytest.mark.parametrize("metadata", [None, [], {}, {"resources": None}, {"resources": ["x"]}])
def test_metadata_without_resources_offer_nothing(metadata: object) -> None:
    assert choose_content_type(metadata) is None
