"""The data of a sandbox company: its profile, its filings, and the failures of its answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum, auto
from types import MappingProxyType
from typing import Any

XHTML = "application/xhtml+xml"
XML = "application/xml"
ZIP = "application/zip"
PDF = "application/pdf"

Document = Callable[[], bytes]
NOTHING: Mapping[str, Any] = MappingProxyType({})


class DocumentFault(Enum):
    """A fault of a company's newest accounts document, or of its download."""

    GARBAGE = auto()
    WRONG_COMPANY = auto()
    TRUNCATED = auto()
    EMPLOYEES_MISSING = auto()
    OVERSIZE = auto()
    EXPIRES_ONCE = auto()
    FOREIGN_REDIRECT = auto()


@dataclass(frozen=True, slots=True)
class ProfileFailure:
    """A failure that is answered instead of the company profile.

    It occurs for the first `times` requests with each API key; if None, always.
    """

    status: int = 200
    times: int | None = None
    retry_after_s: int | None = None
    reset_in_s: int | None = None
    drops_connection: bool = False
    breaks_json: bool = False
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Filing:
    """One filing; `documents` has functions that return its content, by content type.

    Each filing also has a PDF, which is not in `documents`.
    """

    type: str
    category: str
    description: str
    filed_on: date
    made_up_on: date | None = None
    is_paper: bool = False
    has_link: bool = True
    fault: DocumentFault | None = None
    documents: Mapping[str, Document] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Office:
    """The postal address of a registered office."""

    address_line_1: str
    locality: str
    postal_code: str
    country: str = "England"
    address_line_2: str | None = None
    po_box: str | None = None


@dataclass(frozen=True, slots=True)
class Company:
    """A company of the sandbox; `what` describes the case that it shows.

    `profile` overrides members of the company profile; a value of None removes the member.
    """

    number: str
    name: str
    what: str
    office: Office
    incorporated_on: date
    type: str = "ltd"
    status: str = "active"
    filings: tuple[Filing, ...] = ()
    accounts_kind: str | None = None
    sic_codes: tuple[str, ...] = ("61900",)
    profile: Mapping[str, Any] = field(default_factory=dict)
    failure: ProfileFailure | None = None

    @property
    def newest_accounts(self) -> Filing | None:
        """The accounts (not amended ones) of the newest period; None if there are none."""
        dated = [filing for filing in self.filings if filing.type == "AA"]
        return max(dated, key=lambda filing: filing.made_up_on or date.min, default=None)
