"""Advisories on a customer, from its name, its class and the register's data."""

from typing import Any

import pytest

from models.rules.advisories import Advisory, AdvisoryCode, advisories, is_same_name, legal_form

# fmt: off
SAME = (
    ("Acme Limited", "ACME LTD.", True),
    ("Acme & Sons plc", "ACME AND SONS PUBLIC LIMITED COMPANY", True),
    ("Cwmni Bara Cyf", "BARA CYFYNGEDIG", True),
    ("Bara Cyf.", "BARA LIMITED", True),
    ("Helping Hands CIC", "HELPING HANDS COMMUNITY INTEREST COMPANY", True),
    ("Helping Hands C.I.C.", "HELPING HANDS CIC", True),
    ("Helping Hands", "HELPING HANDS C.I.C", True),
    ("Caf\u00e9 Ren\u00e9 Ltd", "CAFE RENE LIMITED", True),
    ("Cafe\u0301 Rene\u0301", "CAF\u00c9 REN\u00c9 LIMITED", True),
    ("O\u2019Brien Ltd", "O'BRIEN LIMITED", True),
    ("The Company Limited", "COMPANY & CO LIMITED", False),  # only legal forms and ignored words
    ("\u793e\u4f1a Ltd", "\u4f1a\u793e Ltd", False),  # letters that are not Latin
    ("Acme Limited", "ACNE LIMITED", False),
    ("Cyfle Limited", "LIMITED", False),  # a longer word with the same beginning
)
FORMS = (
    ("Acme Ltd", "ltd"),
    ("Acme Ltd.", "ltd"),
    ("ACME LIMITED", "limited"),
    ("Acme P.L.C.", "plc"),
    ("Bara Cyfyngedig", "cyfyngedig"),
    ("Helping Hands C.I.C.", "cic"),
    ("Smith & Jones LLP", "llp"),
    ("Acme Limited (in liquidation)", "limited"),
    ("Jo Bloggs", None),
    ("Limited Edition Prints", None),
    ("Unlimited", None),
    ("Jo Bloggs (Ltd in 2019)", None),
)
OF_NAMES = (
    # name | class, is checked, is individual | suggested class, or no advisory
    ("Jo Bloggs", "COMPANY_UK_LIMITED", True, False, "SOLE_TRADER"),
    ("Jo Bloggs", "COMPANY_UK_PLC", True, False, "SOLE_TRADER"),
    ("Jo Bloggs", "RESELLER_UK_COMPANY", True, False, "RESELLER_SOLE_TRADER"),
    ("Jo Bloggs", None, True, False, "SOLE_TRADER"),  # a class that a user added
    ("Jo Bloggs Ltd", "COMPANY_UK_LIMITED", True, False, ...),
    ("Dr. J. O\u2019Bloggs-Smith", "COMPANY_UK_LIMITED", True, False, "SOLE_TRADER"),
    ("Acme", "COMPANY_UK_LIMITED", True, False, ...),  # a person's name has more than one word
    ("Acme Trading", "COMPANY_UK_LIMITED", True, False, ...),
    ("Bloggs & Sons", "COMPANY_UK_LIMITED", True, False, ...),
    ("3 Mobile", "COMPANY_UK_LIMITED", True, False, ...),
    ("made-up company", "COMPANY_UK_LIMITED", True, False, ...),
    ("\u00c9mile Zola", "COMPANY_UK_LIMITED", True, False, "SOLE_TRADER"),
    ("Jo Bloggs", "COMPANY_INTERNATIONAL", False, False, "SOLE_TRADER"),
    ("Jo Bloggs Inc.", "COMPANY_INTERNATIONAL", False, False, ...),
    ("Volvo Cars AB", "COMPANY_INTERNATIONAL", False, False, ...),
    ("Acme Holdings Ltd T/A Bob", "SOLE_TRADER", False, True, "COMPANY_UK_LIMITED"),
    ("Acme plc trading as Bob", "SOLE_TRADER", False, True, "COMPANY_UK_PLC"),
    ("Bob t/a Acme Ltd", "SOLE_TRADER", False, True, "COMPANY_UK_LIMITED"),
    ("Bob t/a Plumbing", "SOLE_TRADER", False, True, ...),
    ("Jo Bloggs t/a Plumbing", "COMPANY_UK_LIMITED", True, False, "SOLE_TRADER"),
    ("Jo Bloggs Ltd t/a Plumbing", "COMPANY_UK_LIMITED", True, False, ...),
    ("Acme Inc.", "SOLE_TRADER", False, True, "COMPANY_INTERNATIONAL"),
    ("Acme L.L.C.", "RESELLER_SOLE_TRADER", False, True, "RESELLER_OTHER"),
    ("Acme GmbH", "RESIDENTIAL", False, True, "COMPANY_INTERNATIONAL"),
    ("Ana Sa", "RESIDENTIAL", False, True, ...),  # a legal form in another country, and a surname
    ("Jo Bloggs", "CHARITY", False, False, ...),
    ("Jo Bloggs", "SOLE_TRADER", False, True, ...),
    ("Jo Bloggs Ltd", "SOLE_TRADER", False, True, "COMPANY_UK_LIMITED"),
    ("Jo Bloggs PLC", "SOLE_TRADER", False, True, "COMPANY_UK_PLC"),
    ("Bloggs Cyf", "RESIDENTIAL", False, True, "COMPANY_UK_LIMITED"),
    ("Bloggs LLP", "SOLE_TRADER", False, True, None),  # no shipped class is for these
    ("Jo Bloggs Limited", "RESELLER_SOLE_TRADER", False, True, "RESELLER_UK_COMPANY"),
)
# fmt: on


@pytest.mark.parametrize(("one", "other", "is_same"), SAME)
def test_names_are_compared_without_accents_and_legal_forms(
    one: str, other: str, *, is_same: bool
) -> None:
    """A21."""
    assert is_same_name(one, other) is is_same
    assert is_same_name(other, one) is is_same


@pytest.mark.parametrize(("name", "form"), FORMS)
def test_a_legal_form_ends_a_name(name: str, form: str | None) -> None:
    assert legal_form(name) == form


def found(
    name: str, code: str | None, *, is_checked: bool, is_individual: bool, **details: Any
) -> list[Advisory]:
    return advisories(
        name=name,
        class_code=code,
        is_checked=is_checked,
        is_individual=is_individual,
        profile={"details": details} if details else {},
        consent_review_due_at=None,
    )


@pytest.mark.parametrize(("name", "code", "is_checked", "is_individual", "suggested"), OF_NAMES)
def test_a_name_that_does_not_fit_its_class_is_pointed_out(
    name: str, code: str | None, *, is_checked: bool, is_individual: bool, suggested: Any
) -> None:
    """R5: sole traders are often classified wrongly."""
    told = [
        (one.code, one.suggested_class_code)
        for one in found(name, code, is_checked=is_checked, is_individual=is_individual)
    ]
    expected = [] if suggested is ... else [(AdvisoryCode.NAME_DOES_NOT_FIT_CLASS, suggested)]
    assert told == expected


@pytest.mark.parametrize(
    ("details", "codes"),
    [
        ({"company_name": "JO BLOGGS LIMITED", "company_status": "active"}, []),
        ({"company_name": "OTHER LIMITED", "company_status": "active"}, ["NAME_MISMATCH"]),
        (
            {
                "company_name": "JO BLOGGS LIMITED",
                "company_status": "active",
                "company_status_detail": "active-proposal-to-strike-off",
            },
            ["STRIKE_OFF_PROPOSED"],
        ),
        (
            {
                "company_name": "JO BLOGGS LIMITED",
                "company_status": "dissolved",
                "company_status_detail": "transferred-from-uk",
            },
            ["COMPANY_DISSOLVED"],
        ),
        (
            {"company_name": "JO BLOGGS LIMITED", "company_status": "liquidation"},
            ["COMPANY_NOT_ACTIVE"],
        ),
    ],
)
def test_what_the_register_says_comes_before_what_the_name_suggests(
    details: dict[str, str], codes: list[str]
) -> None:
    """A21."""
    told = found("Jo Bloggs", "COMPANY_UK_LIMITED", is_checked=True, is_individual=False, **details)
    assert [one.code for one in told] == codes


@pytest.mark.parametrize(
    ("code", "details", "number", "told"),
    [
        ("SOLE_TRADER", {"company_type": "ltd"}, None, [("CLASS_MISMATCH", "COMPANY_UK_LIMITED")]),
        ("SOLE_TRADER", {"company_type": "plc"}, None, [("CLASS_MISMATCH", "COMPANY_UK_PLC")]),
        (
            "RESELLER_SOLE_TRADER",
            {"company_type": "ltd"},
            "12345678",
            [("CLASS_MISMATCH", "RESELLER_UK_COMPANY")],
        ),
        ("SOLE_TRADER", {"company_type": "llp"}, "OC123456", []),
        ("SOLE_TRADER", {}, "12345678", [("CLASS_MISMATCH", "COMPANY_UK_LIMITED")]),
        ("SOLE_TRADER", {}, "SC123456", [("CLASS_MISMATCH", "COMPANY_UK_LIMITED")]),
        ("SOLE_TRADER", {}, "OC123456", []),  # a partnership of individuals
        ("SOLE_TRADER", {}, None, []),
    ],
)
def test_an_individual_that_the_register_knows_as_a_company_is_pointed_out(
    code: str, details: dict[str, str], number: str | None, told: list[tuple[str, str]]
) -> None:
    """R5: results of an earlier lookup count although the class is not checked."""
    found = advisories(
        name="Jo Bloggs",
        class_code=code,
        is_checked=False,
        is_individual=True,
        profile={"details": details} if details else {},
        consent_review_due_at=None,
        company_number=number,
    )
    assert [(one.code, one.suggested_class_code) for one in found] == told


def test_what_a_refresh_finds_out_is_pointed_out() -> None:
    """Dissolved since, renamed since, and of another type since."""
    told = advisories(
        name="Old Name Ltd",
        class_code="COMPANY_UK_LIMITED",
        is_checked=True,
        is_individual=False,
        profile={
            "details": {
                "company_name": "NEW NAME PLC",
                "company_type": "plc",
                "company_status": "dissolved",
                "ceased_on": "2026-11-03",
                "previous_names": [
                    {"name": "OTHER LIMITED", "effective_from_on": None, "ceased_on": None},
                    {
                        "name": "OLD NAME LIMITED",
                        "effective_from_on": None,
                        "ceased_on": "2026-10-05",
                    },
                ],
            }
        },
        consent_review_due_at=None,
    )
    mismatch, renamed, dissolved = told
    assert (mismatch.code, mismatch.suggested_class_code) == ("CLASS_MISMATCH", "COMPANY_UK_PLC")
    assert renamed == Advisory(
        AdvisoryCode.COMPANY_RENAMED,
        "The company has had another name at Companies House since 2026-10-05, “NEW NAME PLC”:"
        " rename the customer.",
    )
    assert dissolved == Advisory(
        AdvisoryCode.COMPANY_DISSOLVED, "The company was dissolved on 2026-11-03."
    )


def test_advisories_tell_nothing_of_a_hidden_name() -> None:
    """R93: neither that it ends in Ltd, nor the company's name at the register."""
    for is_checked in (True, False):
        found = [
            advisories(
                name=name,
                class_code="SOLE_TRADER",
                is_checked=is_checked,
                is_individual=True,
                profile={"details": {"company_type": "ltd", "company_name": "OTHER LIMITED"}},
                consent_review_due_at=None,
                is_name_hidden=True,
            )
            for name in ("Rosa Smith", "Rosa Smith Ltd", "Other Limited")
        ]
        assert [[one.code for one in each] for each in found] == [
            [] if is_checked else [AdvisoryCode.CLASS_MISMATCH]
        ] * 3


@pytest.mark.parametrize(
    ("accounts", "message"),
    [
        ((), None),
        (("A",), "Another customer has the same company number, 00000101: account A."),
        (
            ("A", "B", "C"),
            "Other customers have the same company number, 00000101: accounts A, B, C.",
        ),
        (
            ("A", "B", "C", "D"),
            "Other customers have the same company number, 00000101: accounts A, B, C and more.",
        ),
    ],
)
def test_other_customers_with_the_same_number_are_pointed_out(
    accounts: tuple[str, ...], message: str | None
) -> None:
    told = advisories(
        name="Acme Ltd",
        class_code="CHARITY",
        is_checked=False,
        is_individual=False,
        profile={},
        consent_review_due_at=None,
        company_number="00000101",
        other_accounts=accounts,
    )
    advice = f"{message} Check that the customer is not stored twice."
    assert told == (
        [] if message is None else [Advisory(AdvisoryCode.DUPLICATE_COMPANY_NUMBER, advice)]
    )
