"""What counts as a change of a company profile, and how its values are written."""

from typing import Any

import pytest

from models.rules.profile import ACCOUNTS_FIELDS, PROFILE_FIELDS
from models.rules.profile_change import ChangedField, FieldChange, changes_between

ADDRESS = {"premises": "1", "address_line_1": "High Street", "locality": "Leeds"}


def of(value: Any, source: str = "REGISTER", **more: Any) -> dict[str, Any]:
    return {"value": value, "source": source, **more}


def in_pounds(value: str, **more: Any) -> dict[str, Any]:
    return of(value, currency="GBP", **more)


F = ChangedField


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({}, {}, []),
        ({"employees": of(3)}, {"employees": of(3)}, []),
        ({"employees": of(3)}, {"employees": of(3, period_end_on="2026-12-31")}, []),
        (
            {"employees": of(3)},
            {"employees": of(4, filing_id="M1")},
            [FieldChange(F.EMPLOYEES, "3", "4", "M1")],
        ),
        ({"employees": of(3)}, {}, [FieldChange(F.EMPLOYEES, "3", None)]),  # not filed any more
        (
            {},
            {"net_assets": in_pounds("-5.50", filing_id="M1")},  # the first accounts
            [FieldChange(F.NET_ASSETS, None, "-5.50 GBP", "M1")],
        ),
        ({"net_assets": in_pounds("5")}, {"net_assets": in_pounds("5.00")}, []),
        (
            {"net_assets": in_pounds("5")},
            {"net_assets": of("5", currency="EUR")},
            [FieldChange(F.NET_ASSETS, "5 GBP", "5 EUR")],
        ),
        ({"employees": of(3, "USER")}, {"employees": of(4)}, []),  # a user's values are no history
        ({"employees": of(3)}, {"employees": of(4, "USER")}, []),
        (
            {"registered_address": of(ADDRESS)},
            {"registered_address": of({**ADDRESS, "premises": "2"})},
            [FieldChange(F.REGISTERED_ADDRESS, "1, High Street, Leeds", "2, High Street, Leeds")],
        ),
        (
            {"registered_address": of(ADDRESS)},
            {"registered_address": of({**ADDRESS, "locality": "LEEDS"})},
            [],
        ),
        (
            {"details": {"company_status": "active", "sic_codes": ["1", "2"]}},
            {"details": {"company_status": "dissolved", "ceased_on": "2026-11-03"}},
            [
                FieldChange(F.COMPANY_STATUS, "active", "dissolved"),
                FieldChange(F.CEASED_ON, None, "2026-11-03"),
                FieldChange(F.SIC_CODES, "1, 2", None),
            ],
        ),
        (
            {"details": {"accounts_period_end_on": "2025-12-31", "accounts_filing_id": "M1"}},
            {"details": {"accounts_period_end_on": "2026-12-31", "accounts_filing_id": "M2"}},
            [FieldChange(F.ACCOUNTS_PERIOD_END_ON, "2025-12-31", "2026-12-31", "M2")],
        ),
        ({"details": {"retrieved_at": "1"}}, {"details": {"retrieved_at": "2"}}, []),
        ({"details": {"sic_codes": []}}, {"details": {}}, []),
    ],
)
def test_changes_are_of_facts_from_the_register(
    before: dict[str, Any], after: dict[str, Any], changes: list[FieldChange]
) -> None:
    assert list(changes_between(before, after)) == changes


def test_all_fields_that_lookups_fill_are_watched() -> None:
    assert set(F) >= {*PROFILE_FIELDS, *ACCOUNTS_FIELDS}
