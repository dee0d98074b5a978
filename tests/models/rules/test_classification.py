"""The meaning of the four class flags, as truth tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.checks import Checks
from models.rules.classification import (
    DISPLAY_CLASS_LENGTH,
    ClassFlags,
    CustomerLabel,
    FlagWarning,
    InvoiceWording,
    SubscriberKind,
    checked_display_class,
    seems_uk_company,
)
from models.rules.errors import Refusal, RefusalCode, Refused

N, T, R = CustomerLabel.INDIVIDUAL, CustomerLabel.SOLE_TRADER, CustomerLabel.RESELLER
P_T, P_R = FlagWarning.PERSONAL_AND_SOLE_TRADER, FlagWarning.PERSONAL_AND_RESELLER

# fmt: off
FLAG_SETS = (
    # personal, sole trader, reseller, check CH | individual, refused, labels, warnings
    ((0, 0, 0, 0), False, False, (), ()),  # international, public sector, charity (R6)
    ((0, 0, 0, 1), False, False, (), ()),  # UK Limited, UK PLC (R6)
    ((0, 0, 1, 0), False, False, (R,), ()),  # reseller abroad (R6)
    ((0, 0, 1, 1), False, False, (R,), ()),  # reseller UK Limited / PLC (R6)
    ((0, 1, 0, 0), True, False, (N, T), ()),  # sole trader: a separate flag, but an individual (R5)
    ((0, 1, 0, 1), True, True, (N, T), ()),  # a sole trader is not on the register (R7)
    ((0, 1, 1, 0), True, False, (N, T, R), ()),  # reseller sole trader (R5)
    ((0, 1, 1, 1), True, True, (N, T, R), ()),  # refused, reseller or not (R7)
    ((1, 0, 0, 0), True, False, (N,), ()),  # residential (R5)
    ((1, 0, 0, 1), True, True, (N,), ()),  # a consumer is not on the register (R7)
    ((1, 0, 1, 0), True, False, (N, R), (P_R,)),  # unusual, accepted (R8)
    ((1, 0, 1, 1), True, True, (N, R), (P_R,)),  # unusual, and refused (R7, R8)
    ((1, 1, 0, 0), True, False, (N, T), (P_T,)),  # unusual, accepted (R8)
    ((1, 1, 0, 1), True, True, (N, T), (P_T,)),  # unusual, and refused (R7, R8)
    ((1, 1, 1, 0), True, False, (N, T, R), (P_T, P_R)),  # both unusual, accepted (R8)
    ((1, 1, 1, 1), True, True, (N, T, R), (P_T, P_R)),  # both, and refused (R7, R8)
)
# fmt: on


@pytest.mark.parametrize(("bits", "is_individual", "is_refused", "labels", "warnings"), FLAG_SETS)
def test_every_flag_set_has_one_meaning(
    bits: tuple[int, int, int, int],
    is_individual: bool,
    is_refused: bool,
    labels: tuple[CustomerLabel, ...],
    warnings: tuple[FlagWarning, ...],
) -> None:
    """R5, R6, R7, R8, R25, R31."""
    flags = ClassFlags(*(bool(bit) for bit in bits))
    assert flags.is_legal_individual is is_individual
    assert [(refusal.code, refusal.path) for refusal in flags.refusals()] == (
        [(RefusalCode.CONTRADICTORY_FLAGS, ("checkCompaniesHouse",))] if is_refused else []
    )
    assert flags.labels == labels
    assert flags.warnings() == warnings
    kind = SubscriberKind.INDIVIDUAL if is_individual else SubscriberKind.CORPORATE
    assert flags.subscriber_kind is kind
    wording = InvoiceWording.RESELLER if flags.is_reseller else InvoiceWording.STANDARD
    assert flags.invoice_wording is wording


def test_the_table_of_flag_sets_is_whole() -> None:
    assert len({bits for bits, *_ in FLAG_SETS}) == 16


def test_the_four_flags_default_to_false() -> None:
    """R3."""
    assert ClassFlags() == ClassFlags(
        is_personal_customer=False,
        is_sole_trader=False,
        is_reseller=False,
        check_companies_house=False,
    )


@pytest.mark.parametrize(
    ("code", "name", "is_uk_company"),
    [
        ("COMPANY_UK_LIMITED", "Renamed", True),
        ("COMPANY_UK_PLC", "Company (UK PLC)", True),
        ("RESELLER_UK_COMPANY", "Reseller (UK Limited / PLC)", True),
        ("COMPANY_INTERNATIONAL", "Company (International)", False),
        ("PUBLIC_SECTOR", "Public Sector Limited", False),  # the code decides
        ("CHARITY", "Charity", False),
        ("RESELLER_OTHER", "Reseller (Other / International)", False),
        (None, "UK Limited, wholesale", True),
        (None, "PLC (key accounts)", True),
        (None, "Ltd", True),
        (None, "Small companies", True),
        (None, "Unlimited plans", False),
        (None, "Overseas companies", False),
        (None, "Limited liability partnerships", False),
        (None, "Council", False),
    ],
)
def test_only_uk_companies_are_checked_without_a_warning(
    code: str | None, name: str, is_uk_company: bool
) -> None:
    """R7: the code of a shipped class decides, the name of any other."""
    assert seems_uk_company(code, name) is is_uk_company
    checked = ClassFlags(check_companies_house=True)
    wanted = () if is_uk_company else (FlagWarning.CHECK_OF_NO_UK_COMPANY,)
    assert checked.warnings(is_uk_company=is_uk_company) == wanted
    assert ClassFlags().warnings(is_uk_company=is_uk_company) == ()


def display_class_refusals(text: str) -> tuple[Refusal, ...]:
    checks = Checks()
    checked_display_class(checks, text, "displayClass")
    try:
        checks.raise_refusals()
    except Refused as refused:
        return refused.refusals
    return ()


@pytest.mark.parametrize("warning", FlagWarning)
def test_every_warning_has_a_sentence(warning: FlagWarning) -> None:
    assert warning.message.endswith(".")


@pytest.mark.parametrize(
    ("display_class", "is_fine"),
    [
        ("company", True),
        ("company-uk-limited", True),
        ("-moz", True),  # one leading hyphen is an identifier
        ("_private", True),
        ("badge badge--blue", True),  # several, by single spaces
        ("a" * DISPLAY_CLASS_LENGTH, True),
        ("2nd", False),  # begins with a digit
        ("--custom", False),
        ("a  b", False),  # two spaces
        ("a<script>", False),
        ('a" onclick="x', False),
        ("a;b", False),
        ("a'b", False),
        ("a&amp", False),
        ("{{7*7}}", False),
        ("größe", False),  # a letter beyond ASCII
        ("cl\u0430ss", False),  # a Cyrillic look-alike
    ],
)
def test_a_display_class_is_a_list_of_css_identifiers(display_class: str, is_fine: bool) -> None:
    """R4."""
    refusals = display_class_refusals(display_class)
    assert [(refusal.code, refusal.path) for refusal in refusals] == (
        [] if is_fine else [(RefusalCode.INVALID_DISPLAY_CLASS, ("displayClass",))]
    )


@pytest.mark.parametrize(
    ("display_class", "code"),
    [
        ("a" * (DISPLAY_CLASS_LENGTH + 1), RefusalCode.TOO_LONG),
        ("a\tb", RefusalCode.CONTROL_CHARACTERS),
        ("a\nb", RefusalCode.CONTROL_CHARACTERS),
    ],
)
def test_a_display_class_is_short_and_on_one_line(display_class: str, code: RefusalCode) -> None:
    (refusal,) = display_class_refusals(display_class)
    assert (refusal.code, refusal.path) == (code, ("displayClass",))


@pytest.mark.parametrize("display_class", [None, "", " "])
def test_a_blank_display_class_is_none(display_class: str | None) -> None:
    assert checked_display_class(Checks(), display_class, "displayClass") is None
    assert checked_display_class(Checks(), " club\n", "displayClass") == "club"


@given(st.text(max_size=40))
def test_no_accepted_display_class_can_leave_an_html_attribute(display_class: str) -> None:
    """R4."""
    if not display_class_refusals(display_class):
        kept = checked_display_class(Checks(), display_class, "displayClass") or ""
        assert not set(kept) & set("<>\"'&;`={}()/\\\n\r\t")
