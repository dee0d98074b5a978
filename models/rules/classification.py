"""The flags of a customer class, and values derived from them (R4 to R8, R31). PURE."""

import re
from dataclasses import dataclass
from enum import StrEnum, unique

from models.rules.checks import Checks
from models.rules.company_type import FITTING_TYPES
from models.rules.errors import Refusal, RefusalCode

LEGAL_INDIVIDUAL = "is_personal_customer OR is_sole_trader"
"""The SQL condition on rows of the class table that `is_legal_individual` is in Python."""

_WORDS = re.compile(r"[a-z]+")
_UK_COMPANY = frozenset({"limited", "ltd", "plc", "plcs", "company", "companies"})
_NO_UK_COMPANY = frozenset(
    {"international", "overseas", "foreign", "non", "llp", "llps", "partnership", "partnerships"}
)

CSS_IDENTIFIERS = re.compile(r"-?[_a-zA-Z][\w-]*( -?[_a-zA-Z][\w-]*)*", re.ASCII)
DISPLAY_CLASS_LENGTH = 100


@unique
class CustomerLabel(StrEnum):
    """Labels of a customer, derived from its class."""

    INDIVIDUAL = "INDIVIDUAL"
    SOLE_TRADER = "SOLE_TRADER"
    RESELLER = "RESELLER"


@unique
class SubscriberKind(StrEnum):
    """Whether the law (PECR) treats a customer as an individual or as an organisation."""

    INDIVIDUAL = "INDIVIDUAL"
    CORPORATE = "CORPORATE"


@unique
class InvoiceWording(StrEnum):
    """The set of phrases that a customer's invoices use."""

    STANDARD = "STANDARD"
    RESELLER = "RESELLER"


@unique
class FlagWarning(StrEnum):
    """Warnings about unusual flags of a class, which can be saved nevertheless (R8)."""

    PERSONAL_AND_SOLE_TRADER = "PERSONAL_AND_SOLE_TRADER"
    PERSONAL_AND_RESELLER = "PERSONAL_AND_RESELLER"
    CHECK_OF_NO_UK_COMPANY = "CHECK_OF_NO_UK_COMPANY"

    @property
    def message(self) -> str:
        return _WARNING_MESSAGES[self]


_WARNING_MESSAGES = {
    FlagWarning.PERSONAL_AND_SOLE_TRADER: (
        "Both Personal Customer and Sole Trader are set. Personal Customer is meant for private"
        " individuals; sole traders have a flag of their own."
    ),
    FlagWarning.PERSONAL_AND_RESELLER: (
        "Both Personal Customer and Reseller are set. Private individuals do not normally resell"
        " services to customers of their own."
    ),
    FlagWarning.CHECK_OF_NO_UK_COMPANY: (
        "Check Companies House is set. It is meant for UK Limited and UK PLC classes, and neither"
        " the code nor the name of this class shows that it is one."
    ),
}


def is_legal_individual(is_personal_customer: bool, is_sole_trader: bool) -> bool:
    """Return whether the law treats customers with these class flags as individuals (R5, R6)."""
    return is_personal_customer or is_sole_trader


@dataclass(frozen=True, slots=True)
class ClassFlags:
    """The flags of a customer class; they decide how data of its customers is protected (R1)."""

    is_personal_customer: bool = False
    is_sole_trader: bool = False
    is_reseller: bool = False
    check_companies_house: bool = False

    @property
    def is_legal_individual(self) -> bool:
        """Whether data-protection law treats customers of the class as individuals (R5, R6)."""
        return is_legal_individual(self.is_personal_customer, self.is_sole_trader)

    @property
    def subscriber_kind(self) -> SubscriberKind:
        # Partnerships and clubs need a separate class with suitable flags (A19).
        return SubscriberKind.INDIVIDUAL if self.is_legal_individual else SubscriberKind.CORPORATE

    @property
    def labels(self) -> tuple[CustomerLabel, ...]:
        """The labels that customers of the class have (R25)."""
        carried = {
            CustomerLabel.INDIVIDUAL: self.is_legal_individual,
            CustomerLabel.SOLE_TRADER: self.is_sole_trader,
            CustomerLabel.RESELLER: self.is_reseller,
        }
        return tuple(label for label, is_carried in carried.items() if is_carried)

    @property
    def invoice_wording(self) -> InvoiceWording:
        """The invoice wording for customers of the class (R31)."""
        return InvoiceWording.RESELLER if self.is_reseller else InvoiceWording.STANDARD

    def refusals(self) -> list[Refusal]:
        """Return a refusal if the flags contradict each other (R7).

        Individuals are not registered at Companies House, so they cannot be checked there.
        """
        if self.check_companies_house and self.is_legal_individual:
            return [
                Refusal(
                    RefusalCode.CONTRADICTORY_FLAGS,
                    "Check Companies House is only for UK Limited and UK PLC classes. It cannot be"
                    " combined with Personal Customer or Sole Trader.",
                    ("checkCompaniesHouse",),
                )
            ]
        return []

    def warnings(self, *, is_uk_company: bool = True) -> tuple[FlagWarning, ...]:
        """Return warnings about flags that can be saved nevertheless (R7, R8).

        `is_uk_company` is the result of `seems_uk_company` for the class.
        """
        is_personal = self.is_personal_customer
        found = {
            FlagWarning.PERSONAL_AND_SOLE_TRADER: is_personal and self.is_sole_trader,
            FlagWarning.PERSONAL_AND_RESELLER: is_personal and self.is_reseller,
            FlagWarning.CHECK_OF_NO_UK_COMPANY: self.check_companies_house and not is_uk_company,
        }
        return tuple(warning for warning, is_found in found.items() if is_found)


def seems_uk_company(code: str | None, name: str) -> bool:
    """Guess whether a class is for UK Limited or UK PLC customers; used only for a warning.

    A shipped class is recognised by its code; other classes have no code, so their name is used.
    """
    if code is not None:
        return code in FITTING_TYPES
    words = set(_WORDS.findall(name.casefold()))
    return not words.isdisjoint(_UK_COMPANY) and words.isdisjoint(_NO_UK_COMPANY)


def checked_display_class(checks: Checks, text: str | None, *path: str) -> str | None:
    """Return a list of CSS class names (R4), trimmed; None if blank.

    Anything else is refused, because front ends insert the text into HTML.
    """
    display_class = checks.optional_text(text, DISPLAY_CLASS_LENGTH, *path)
    if display_class is not None and not CSS_IDENTIFIERS.fullmatch(display_class):
        checks.refuse(
            RefusalCode.INVALID_DISPLAY_CLASS,
            "The display class must be one or more CSS class names, separated by single spaces. It"
            " may have only letters, digits, - and _.",
            *path,
        )
    return display_class
