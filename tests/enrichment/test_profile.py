"""Reading company profiles, well-formed and otherwise."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrichment.errors import BadPayload, TransientFault
from enrichment.profile import Address, PreviousName, read_profile
from models.rules.company_type import family_of

WHOLE: dict[str, Any] = {
    "company_number": "00000101",
    "company_name": "SANDBOX ALPHA TRADING LIMITED",
    "type": "ltd",
    "subtype": "community-interest-company",
    "company_status": "active",
    "company_status_detail": "active-proposal-to-strike-off",
    "date_of_creation": "2012-03-14",
    "date_of_cessation": "2026-02-03",
    "jurisdiction": "england-wales",
    "registered_office_address": {
        "care_of": "A Person",
        "premises": "7",
        "po_box": "12",
        "address_line_1": "1 Sandbox Street",
        "address_line_2": "Floor 2",
        "locality": "Testford",
        "region": "Testshire",
        "postal_code": "ZZ1 1ZZ",
        "country": "England",
    },
    "registered_office_is_in_dispute": True,
    "undeliverable_registered_office_address": True,
    "sic_codes": ["61900", "62012"],
    "previous_company_names": [
        {
            "name": "SANDBOX OLD NAME LIMITED",
            "effective_from": "2012-03-14",
            "ceased_on": "2019-05-01",
        }
    ],
    "accounts": {
        "overdue": False,
        "next_due": "2000-01-01",
        "next_accounts": {"overdue": True, "due_on": "2026-09-30"},
        "last_accounts": {"made_up_to": "2000-01-01", "period_end_on": "2025-12-31"},
    },
    "links": {"self": "/company/00000101", "filing_history": "/company/00000101/filing-history"},
}
BARE = {"company_number": "00000306", "company_name": "SANDBOX VICTOR BARE LIMITED"}


def test_every_member_we_use_is_read() -> None:
    record = read_profile(WHOLE)
    assert record.number == "00000101"
    assert record.name == "SANDBOX ALPHA TRADING LIMITED"
    assert (record.type, record.subtype) == ("ltd", "community-interest-company")
    assert (record.status, record.status_detail) == ("active", "active-proposal-to-strike-off")
    assert record.incorporated_on == date(2012, 3, 14)
    assert record.ceased_on == date(2026, 2, 3)
    assert record.registered_address == Address(
        care_of="A Person",
        premises="7",
        po_box="12",
        address_line_1="1 Sandbox Street",
        address_line_2="Floor 2",
        locality="Testford",
        region="Testshire",
        postal_code="ZZ1 1ZZ",
        country="England",
    )
    assert not record.is_address_default
    assert record.is_address_disputed
    assert record.is_address_undeliverable
    assert record.sic_codes == ("61900", "62012")
    assert record.previous_names == (
        PreviousName("SANDBOX OLD NAME LIMITED", date(2012, 3, 14), date(2019, 5, 1)),
    )
    assert record.jurisdiction == "england-wales"
    assert record.has_filing_history


def test_the_members_that_replaced_deprecated_ones_are_believed_first() -> None:
    record = read_profile(WHOLE)
    assert record.accounts_overdue is True
    assert record.accounts_next_due_on == date(2026, 9, 30)
    assert record.last_accounts_on == date(2025, 12, 31)


def test_deprecated_members_serve_where_the_new_ones_are_missing() -> None:
    accounts = {
        "overdue": "true",
        "next_due": "2027-09-30",
        "last_accounts": {"made_up_to": "2025-12-31"},
    }
    record = read_profile(BARE | {"accounts": accounts})
    assert record.accounts_overdue is True
    assert record.accounts_next_due_on == date(2027, 9, 30)
    assert record.last_accounts_on == date(2025, 12, 31)


def test_a_profile_of_number_and_name_alone_is_enough() -> None:
    record = read_profile(BARE)
    assert record.number == "00000306"
    assert record.type is None
    assert record.incorporated_on is None
    assert record.registered_address is None
    assert not record.is_address_default
    assert record.sic_codes == ()
    assert record.previous_names == ()
    assert record.accounts_overdue is None
    assert not record.has_filing_history


@pytest.mark.parametrize("blank", ["", " ", "\u00a0", "\u200b", "\0", " \u2060\0 ", "\u3164"])
def test_an_address_of_blanks_is_none(blank: str) -> None:
    """R84."""
    lines = {"address_line_1": blank, "locality": blank, "postal_code": blank}
    record = read_profile(
        {"company_number": "00000101", "company_name": "A\0", "registered_office_address": lines}
    )
    assert record.registered_address is None
    assert record.name == "A"


def test_numbers_where_text_belongs_are_taken_as_text() -> None:
    record = read_profile({"company_number": 306, "company_name": 42, "sic_codes": [1110, "62012"]})
    assert record.number == "00000306"
    assert record.name == "42"
    assert record.sic_codes == ("01110", "62012")


def test_values_of_tomorrow_are_kept_as_they_are() -> None:
    record = read_profile(
        BARE | {"company_status": "status-of-tomorrow", "type": "type-of-tomorrow"}
    )
    assert (record.status, record.type) == ("status-of-tomorrow", "type-of-tomorrow")
    assert family_of(record.type) is None


@pytest.mark.parametrize("member", sorted(set(WHOLE) - {"company_number", "company_name"}))
@pytest.mark.parametrize("value", [None, 7, "x", [], {}, [None], [[]], True])
def test_a_mistyped_member_never_fails_the_rest(member: str, value: object) -> None:
    assert read_profile(WHOLE | {member: value}).name == "SANDBOX ALPHA TRADING LIMITED"


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "text",
        {},
        {"company_number": "00000101"},
        {"company_name": "SANDBOX ALPHA TRADING LIMITED"},
        {"company_number": "nonsense!", "company_name": "X"},
        {"company_number": None, "company_name": "X"},
        {"company_number": "00000101", "company_name": "  "},
        {"company_number": "00000101", "company_name": None},
    ],
)
def test_a_profile_without_number_or_name_may_come_right_later(payload: object) -> None:
    with pytest.raises(BadPayload) as caught:
        read_profile(payload)
    assert isinstance(caught.value, TransientFault)


def test_the_profile_of_another_company_is_refused() -> None:
    assert read_profile(WHOLE, requested="00000101").number == "00000101"
    with pytest.raises(BadPayload, match="another company"):
        read_profile(WHOLE, requested="00000102")


@pytest.mark.parametrize(
    ("address", "is_default"),
    [
        ({"address_line_1": "00000304: Companies House default address"}, True),
        (
            {"address_line_1": "Po Box 4385", "address_line_2": "COMPANIES HOUSE DEFAULT ADDRESS"},
            True,
        ),
        ({"po_box": "4385, 00000304: Companies House Default Address"}, True),
        ({"address_line_1": "Companies House", "locality": "Cardiff"}, False),
        ({"address_line_1": "PO Box 4385", "postal_code": "CF14 8LH"}, False),
    ],
)
def test_the_registers_own_address_is_told_from_the_companys(
    address: dict[str, str], *, is_default: bool
) -> None:
    record = read_profile(BARE | {"registered_office_address": address})
    assert record.is_address_default is is_default


@pytest.mark.parametrize(
    ("company_type", "family"),
    [
        ("ltd", "LIMITED"),
        ("private-limited-guarant-nsc", "LIMITED"),
        ("private-limited-guarant-nsc-limited-exemption", "LIMITED"),
        ("private-limited-shares-section-30-exemption", "LIMITED"),
        ("plc", "PLC"),
        ("llp", None),
        ("private-unlimited", None),
        ("old-public-company", None),
        ("PLC", None),
        ("", None),
        (None, None),
    ],
)
def test_the_type_decides_which_class_fits(company_type: str | None, family: str | None) -> None:
    assert family_of(company_type) == family


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*sorted(WHOLE["accounts"]), "name", "due_on"]), inner)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(WHOLE)), _JSON))
def test_no_json_at_all_makes_the_reader_fail_otherwise(members: dict[str, Any]) -> None:
    try:
        record = read_profile(members)
    except BadPayload:
        return
    assert record.name
