"""Reads a company profile of Companies House into plain values (R84, A21)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from enrichment.errors import BadPayload
from enrichment.members import day, elements, flag, member, storable, text
from models.rules.company_number import InvalidCompanyNumber, normalise


@dataclass(frozen=True, slots=True)
class Address:
    """The postal address of a registered office; each line may be missing."""

    care_of: str | None = None
    premises: str | None = None
    po_box: str | None = None
    address_line_1: str | None = None
    address_line_2: str | None = None
    locality: str | None = None
    region: str | None = None
    postal_code: str | None = None
    country: str | None = None


@dataclass(frozen=True, slots=True)
class PreviousName:
    """A former name of the company, with its first and last day."""

    name: str
    effective_from_on: date | None = None
    ceased_on: date | None = None


@dataclass(frozen=True, slots=True)
class CompanyRecord:
    """A company profile at Companies House; values of enumerations are text (R84).

    An attribute is None if Companies House does not state it.
    """

    number: str
    name: str
    type: str | None
    subtype: str | None
    status: str | None
    status_detail: str | None
    incorporated_on: date | None
    ceased_on: date | None
    registered_address: Address | None
    is_address_default: bool
    is_address_disputed: bool
    is_address_undeliverable: bool
    sic_codes: tuple[str, ...]
    previous_names: tuple[PreviousName, ...]
    accounts_overdue: bool | None
    accounts_next_due_on: date | None
    last_accounts_on: date | None
    etag: str | None
    """A tag that changes whenever the company profile does."""
    jurisdiction: str | None
    has_filing_history: bool


def read_profile(payload: object, *, requested: str | None = None) -> CompanyRecord:
    """Return the company profile in an answer to ``GET /company/{number}``.

    Unknown members and members of the wrong type are ignored. Raises BadPayload if the answer is
    not an object, has no number or name, or is of another company than `requested`. With None, any
    company is accepted.
    """
    number, name = read_number(member(payload, "company_number")), text(payload, "company_name")
    if number is None or name is None:
        raise BadPayload("a company profile without number or name")
    if requested is not None and number != requested:
        raise BadPayload("the profile of another company than the one asked for")
    accounts = member(payload, "accounts")
    upcoming, last = member(accounts, "next_accounts"), member(accounts, "last_accounts")
    address = _read_address(member(payload, "registered_office_address"))
    overdue = flag(upcoming, "overdue")
    return CompanyRecord(
        number=number,
        name=name,
        type=text(payload, "type"),
        subtype=text(payload, "subtype"),
        status=text(payload, "company_status"),
        status_detail=text(payload, "company_status_detail"),
        incorporated_on=day(payload, "date_of_creation"),
        ceased_on=day(payload, "date_of_cessation"),
        registered_address=address,
        is_address_default=address is not None and _is_default(address),
        is_address_disputed=flag(payload, "registered_office_is_in_dispute") or False,
        is_address_undeliverable=flag(payload, "undeliverable_registered_office_address") or False,
        sic_codes=tuple(_sic_codes(payload)),
        previous_names=tuple(_previous_names(payload)),
        accounts_overdue=flag(accounts, "overdue") if overdue is None else overdue,
        accounts_next_due_on=day(upcoming, "due_on") or day(accounts, "next_due"),
        last_accounts_on=day(last, "period_end_on") or day(last, "made_up_to"),
        etag=text(payload, "etag"),
        jurisdiction=text(payload, "jurisdiction"),
        has_filing_history=text(member(payload, "links"), "filing_history") is not None,
    )


def read_number(value: object) -> str | None:
    """Return a company number in its normal form, with leading zeros; None if it is invalid."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        return normalise(str(value))
    except InvalidCompanyNumber:
        return None


def _read_address(value: object) -> Address | None:
    address = Address(
        care_of=text(value, "care_of"),
        premises=text(value, "premises"),
        po_box=text(value, "po_box"),
        address_line_1=text(value, "address_line_1"),
        address_line_2=text(value, "address_line_2"),
        locality=text(value, "locality"),
        region=text(value, "region"),
        postal_code=text(value, "postal_code"),
        country=text(value, "country"),
    )
    return None if address == Address() else address


def _is_default(address: Address) -> bool:
    """Return whether Companies House replaced the company's address by a default address."""
    lines = (address.care_of, address.po_box, address.address_line_1, address.address_line_2)
    return any("companies house default address" in (line or "").lower() for line in lines)


def _sic_codes(payload: object) -> Iterator[str]:
    for code in elements(payload, "sic_codes"):
        text_of_code = None if isinstance(code, float) else storable(code)
        if text_of_code is not None:
            yield text_of_code.rjust(5, "0")


def _previous_names(payload: object) -> Iterator[PreviousName]:
    for item in elements(payload, "previous_company_names"):
        name = text(item, "name")
        if name is not None:
            yield PreviousName(name, day(item, "effective_from"), day(item, "ceased_on"))
