"""What the four flags of a customer class mean: rules of R4 to R8 and R31. PURE."""

import re
from dataclasses import dataclass
from enum import StrEnum, unique

from models.errors import Refusal, RefusalCode

CSS_IDENTIFIERS = re.compile(r"-?[_a-zA-Z][\w-]*( -?[_a-zA-Z][\w-]*)*", re.ASCII)
DISPLAY_CLASS_LENGTH = 100


@unique
class CustomerLabel(StrEnum):
    """What a customer is marked as, derived from its class."""

    INDIVIDUAL = "INDIVIDUAL"
    SOLE_TRADER = "SOLE_TRADER"
    RESELLER = "RESELLER"


@unique
class SubscriberKind(StrEnum):
    """Whether the law sees the customer as a natural person or as an organisation."""

    INDIVIDUAL = "INDIVIDUAL"
    CORPORATE = "CORPORATE"


@unique
class InvoiceWording(StrEnum):
    """Which set of phrases an invoice is worded with."""

    STANDARD = "STANDARD"
    RESELLER = "RESELLER"


@unique
class FlagWarning(StrEnum):
    """Flag sets that contradict themselves without being impossible (R8)."""

    PERSONAL_AND_SOLE_TRADER = "PERSONAL_AND_SOLE_TRADER"
    PERSONAL_AND_RESELLER = "PERSONAL_AND_RESELLER"

    @property
    def message(self) -> str:
        """Say to a person what is odd about the flags."""
        return _WARNING_MESSAGES[self]


_WARNING_MESSAGES = {
    FlagWarning.PERSONAL_AND_SOLE_TRADER: (
        "Sole traders are flagged separately; Personal Customer is meant for private individuals."
    ),
    FlagWarning.PERSONAL_AND_RESELLER: (
        "A private individual does not normally sell services on to customers of their own."
    ),
}


@dataclass(frozen=True, slots=True)
class ClassFlags:
    """The data-protection profile of a customer class (R1)."""

    is_personal_customer: bool = False
    is_sole_trader: bool = False
    is_reseller: bool = False
    check_companies_house: bool = False

    @property
    def is_legal_individual(self) -> bool:
        """Tell whether data-protection law covers these customers as individuals (R5, R6)."""
        return self.is_personal_customer or self.is_sole_trader

    @property
    def subscriber_kind(self) -> SubscriberKind:
        """Give the kind of subscriber; partnerships and clubs need a class of their own (A19)."""
        return SubscriberKind.INDIVIDUAL if self.is_legal_individual else SubscriberKind.CORPORATE

    @property
    def labels(self) -> tuple[CustomerLabel, ...]:
        """Give the labels that customers of the class carry (R25)."""
        carried = {
            CustomerLabel.INDIVIDUAL: self.is_legal_individual,
            CustomerLabel.SOLE_TRADER: self.is_sole_trader,
            CustomerLabel.RESELLER: self.is_reseller,
        }
        return tuple(label for label, is_carried in carried.items() if is_carried)

    @property
    def invoice_wording(self) -> InvoiceWording:
        """Give the key of the invoice wording (R31)."""
        return InvoiceWording.RESELLER if self.is_reseller else InvoiceWording.STANDARD

    def refusals(self) -> list[Refusal]:
        """Name the flag sets that can't be: individuals have no entry at Companies House (R7)."""
        if self.check_companies_house and self.is_legal_individual:
            return [
                Refusal(
                    RefusalCode.CONTRADICTORY_FLAGS,
                    "Check Companies House is only for UK Limited and PLC classes; it can't be"
                    " combined with Personal Customer or Sole Trader.",
                    ("checkCompaniesHouse",),
                )
            ]
        return []

    def warnings(self) -> tuple[FlagWarning, ...]:
        """Name what is odd about the flags and yet accepted (R8)."""
        found = {
            FlagWarning.PERSONAL_AND_SOLE_TRADER: self.is_sole_trader,
            FlagWarning.PERSONAL_AND_RESELLER: self.is_reseller,
        }
        return tuple(
            warning for warning, is_set in found.items() if is_set and self.is_personal_customer
        )


def display_class_refusals(display_class: str) -> list[Refusal]:
    """Refuse what is no list of CSS identifiers, since front ends render it into HTML (R4)."""
    if len(display_class) <= DISPLAY_CLASS_LENGTH and CSS_IDENTIFIERS.fullmatch(display_class):
        return []
    return [
        Refusal(
            RefusalCode.INVALID_DISPLAY_CLASS,
            "A display class is one or more CSS class names, separated by single spaces:"
            f" letters, digits, - and _ only, {DISPLAY_CLASS_LENGTH} characters at most.",
            ("displayClass",),
        )
    ]
