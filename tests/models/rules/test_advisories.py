"""What somebody should look at about a customer: by its name, its class, and the register."""

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
    ("The Company Limited", "COMPANY & CO LIMITED", False),  # nothing but such words
    ("\u793e\u4f1a Ltd", "\u4f1a\u793e Ltd", False),  # letters that are not Latin
    ("Acme Limited", "ACNE LIMITED", False),
    ("Cyfle Limited", "LIMITED", False),  # a word that only begins so
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
    ("Jo Bloggs", None, True, False, "SOLE_TRADER"),  # a class of one's own
    ("Jo Bloggs Ltd", "COMPANY_UK_LIMITED", True, False, ...),
    ("Dr. J. O\u2019Bloggs-Smith", "COMPANY_UK_LIMITED", True, False, "SOLE_TRADER"),
    ("Acme", "COMPANY_UK_LIMITED", True, False, ...),  # no person is called by one word
    ("Acme Trading", "COMPANY_UK_LIMITED", True, False, ...),
    ("Bloggs & Sons", "COMPANY_UK_LIMITED", True, False, ...),
    ("3 Mobile", "COMPANY_UK_LIMITED", True, False, ...),
    ("made-up company", "COMPANY_UK_LIMITED", True, False, ...),
    ("\u00c9mile Zola", "COMPANY_UK_LIMITED", True, False, "SOLE_TRADER"),
    ("Jo Bloggs", "COMPANY_INTERNATIONAL", False, False, ...),  # other countries, other forms
    ("Jo Bloggs", "CHARITY", False, False, ...),
    ("Jo Bloggs", "SOLE_TRADER", False, True, ...),
    ("Jo Bloggs Ltd", "SOLE_TRADER", False, True, "COMPANY_UK_LIMITED"),
    ("Jo Bloggs PLC", "SOLE_TRADER", False, True, "COMPANY_UK_PLC"),
    ("Bloggs Cyf", "RESIDENTIAL", False, True, "COMPANY_UK_LIMITED"),
    ("Bloggs LLP", "SOLE_TRADER", False, True, None),  # no shipped class is for those
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
    """R5: sole traders are a common place to get classification wrong."""
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
