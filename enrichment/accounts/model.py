"""The result of reading accounts: figures and warnings, or the reason why they were refused."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum


class RefusalCode(StrEnum):
    """Why no accounts could be read from a document."""

    TOO_LARGE = "TOO_LARGE"
    TOO_DEEP = "TOO_DEEP"
    TOO_MANY_ELEMENTS = "TOO_MANY_ELEMENTS"
    TOO_MANY_FACTS = "TOO_MANY_FACTS"
    MALFORMED = "MALFORMED"
    DTD_FORBIDDEN = "DTD_FORBIDDEN"
    ENCODING = "ENCODING"
    ABSURD_SCALE = "ABSURD_SCALE"
    NOT_XBRL = "NOT_XBRL"
    NOT_ACCOUNTS = "NOT_ACCOUNTS"
    NO_BALANCE_SHEET_DATE = "NO_BALANCE_SHEET_DATE"
    IDENTITY_MISMATCH = "IDENTITY_MISMATCH"
    ZIP_UNSAFE = "ZIP_UNSAFE"
    ZIP_NO_ACCOUNTS = "ZIP_NO_ACCOUNTS"
    ZIP_AMBIGUOUS = "ZIP_AMBIGUOUS"


class AccountsRefused(Exception):
    """A document cannot be read as the accounts of the company; `code` says why.

    Retrying does not help, since the same bytes are always refused.
    """

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class WarningCode(StrEnum):
    """The code of a warning about a figure in accounts: what is doubtful about its tags."""

    SIGN_INFERRED = "SIGN_INFERRED"
    SIGN_DOUBTFUL = "SIGN_DOUBTFUL"
    SCALE_UNDONE = "SCALE_UNDONE"
    SCALE_DOUBTFUL = "SCALE_DOUBTFUL"
    UNIT_IGNORED = "UNIT_IGNORED"
    UNIT_NOT_MONEY = "UNIT_NOT_MONEY"
    CURRENCY_MIXED = "CURRENCY_MIXED"
    CURRENCY_DOUBTFUL = "CURRENCY_DOUBTFUL"
    DASH_READ_AS_ZERO = "DASH_READ_AS_ZERO"
    VALUE_UNREADABLE = "VALUE_UNREADABLE"
    CONFLICTING_VALUES = "CONFLICTING_VALUES"
    EDITION_DOUBTFUL = "EDITION_DOUBTFUL"
    CONTEXT_UNDEFINED = "CONTEXT_UNDEFINED"
    PERIOD_TYPE_WRONG = "PERIOD_TYPE_WRONG"
    EMPLOYEES_NOT_WHOLE = "EMPLOYEES_NOT_WHOLE"
    SUBSTITUTE_CONCEPT = "SUBSTITUTE_CONCEPT"
    SUBSTITUTE_UNCONFIRMED = "SUBSTITUTE_UNCONFIRMED"
    DERIVED_FROM_OTHER_LINES = "DERIVED_FROM_OTHER_LINES"
    BALANCE_SHEET_DATE_CONFLICT = "BALANCE_SHEET_DATE_CONFLICT"
    BALANCE_SHEET_DATE_INFERRED = "BALANCE_SHEET_DATE_INFERRED"
    COMPANY_NUMBER_CONFLICT = "COMPANY_NUMBER_CONFLICT"
    SCOPE_UNCERTAIN = "SCOPE_UNCERTAIN"
    NET_CURRENT_ASSETS_MISMATCH = "NET_CURRENT_ASSETS_MISMATCH"
    TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH = (
        "TOTAL_ASSETS_LESS_CURRENT_LIABILITIES_MISMATCH"
    )
    NET_ASSETS_MISMATCH = "NET_ASSETS_MISMATCH"
    TOTAL_ASSETS_MISMATCH = "TOTAL_ASSETS_MISMATCH"


@dataclass(frozen=True, slots=True)
class AccountsWarning:
    """A warning about one figure; if `field` is None, about the whole document."""

    code: WarningCode
    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of the current period, as the company filed it, such as net assets.

    `value` is exact, in units of `currency` (never in thousands); if `currency` is None, it is a
    number of employees. `concept` is the local name of the tag, or the formula of a derived figure.
    `is_group` means that a number of employees is the group's.
    """

    value: Decimal
    period_end: date
    currency: str | None
    concept: str
    is_derived: bool
    warnings: tuple[AccountsWarning, ...] = ()
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class Accounts:
    """Filed accounts of one company at one balance sheet date.

    All balances are the company's own, even in group accounts (A23). A figure that is None was not
    filed, unless `unreadable` contains its name: then it is tagged, but its value is unclear (R85).
    """

    company_number: str | None
    company_name: str | None
    balance_sheet_date: date
    period_start: date | None
    currency: str | None
    is_dormant: bool | None
    is_group: bool
    employees: Figure | None
    fixed_assets: Figure | None
    current_assets: Figure | None
    total_assets: Figure | None
    total_assets_less_current_liabilities: Figure | None
    net_assets: Figure | None
    unreadable: frozenset[str]
    warnings: tuple[AccountsWarning, ...]
