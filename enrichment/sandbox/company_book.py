"""Generates a sandbox company and its filings from its entry in the catalogue."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Any

from enrichment.sandbox.accounts_document import (
    Accounts,
    write_cic_package,
    write_ixbrl,
    year_before,
)
from enrichment.sandbox.balance_sheet import DORMANT, BalanceSheet, sheet_of, without_employees
from enrichment.sandbox.companies import (
    NOTHING,
    XHTML,
    ZIP,
    Company,
    Document,
    DocumentFault,
    Filing,
    Office,
    ProfileFailure,
)

NEWEST_YEAR_END = date(2025, 12, 31)
OTHER_NUMBER = "00000101"
_FILED_AFTER = timedelta(days=200)
_AMENDED_AFTER = timedelta(days=45)
_OVERSIZE = 21_000_000
# A filing of the category accounts that has none: clients must check the type of a filing.
_CHANGE_OF_DATE = Filing(
    "AA01",
    "accounts",
    "change-account-reference-date-company-current-extended",
    date(2025, 11, 3),
    made_up_on=date(2026, 12, 31),
)

_COLOURS = (
    "AMBER",
    "AZURE",
    "COBALT",
    "CORAL",
    "CRIMSON",
    "INDIGO",
    "IVORY",
    "JADE",
    "OCHRE",
    "TEAL",
)
_BIRDS = (
    "CURLEW",
    "DUNLIN",
    "HERON",
    "LAPWING",
    "MERLIN",
    "OSPREY",
    "PLOVER",
    "SISKIN",
    "TERN",
    "WREN",
)
_TOWNS = (
    ("Leeds", "LS1"), ("Bristol", "BS1"), ("Cardiff", "CF10"), ("Norwich", "NR1"), ("York", "YO1"),
    ("Exeter", "EX1"), ("Derby", "DE1"), ("Swansea", "SA1"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FiledAccounts:
    """Describes the filed accounts of a company, which are of two years.

    `sheet` and `before` are the balance sheets of this year and of earlier ones; None generates
    them, with amounts multiplied by `scale`. With a `group_scale`, the accounts also have group
    figures, generated with that scale. `fault`, `on_paper` and `has_link` apply to the newest
    accounts only.
    """

    kind: str = "total-exemption-full"
    scale: int = 1
    sheet: BalanceSheet | None = None
    before: BalanceSheet | None = None
    group_scale: int = 0
    zipped: bool = False
    amended: bool = False
    on_paper: bool = False
    has_link: bool = True
    fault: DocumentFault | None = None


def dormant() -> FiledAccounts:
    return FiledAccounts("dormant", sheet=DORMANT, before=DORMANT)


def entry(
    number: str,
    name: str,
    what: str,
    *,
    filed: FiledAccounts | None = FiledAccounts(),
    office: Office | None = None,
    incorporated_on: date = date(2012, 3, 14),
    type: str = "ltd",  # noqa: A002 - the register's word
    status: str = "active",
    subtype: str | None = None,
    jurisdiction: str = "england-wales",
    filed_nothing: bool = False,
    profile: Mapping[str, Any] = NOTHING,
    failure: ProfileFailure | None = None,
) -> Company:
    """Return a company for the catalogue; without further arguments, an ordinary active company.

    `what` describes the case that it shows. Without `filed` it has no accounts; with
    `filed_nothing` it has no other filings either.
    """
    other_filings = () if filed_nothing else _other_filings(incorporated_on)
    accounts = tuple(_accounts_filings(number, name, filed)) if filed else ()
    return Company(
        number=number,
        name=name,
        what=what,
        office=office or Office(f"{int(number[-3:])} Sandbox Street", "Testford", "ZZ1 1ZZ"),
        incorporated_on=incorporated_on,
        type=type,
        status=status,
        filings=accounts + other_filings,
        accounts_kind=filed.kind if filed else None,
        profile={"jurisdiction": jurisdiction, "subtype": subtype} | dict(profile),
        failure=failure,
    )


def numbered(number: str) -> Company:
    """Return an ordinary active company that is always the same for a number."""
    draw = hashlib.sha256(number.encode()).digest()
    town, district = _TOWNS[draw[0] % len(_TOWNS)]
    colour, bird = _COLOURS[draw[1] % len(_COLOURS)], _BIRDS[draw[2] % len(_BIRDS)]
    return entry(
        number,
        f"SANDBOX {colour} {bird} {number} LIMITED",
        "ordinary active Ltd drawn from its number",
        office=Office(
            f"{1 + draw[3]} {colour.title()} Street", town, f"{district} {draw[4] % 10}ZZ"
        ),
        incorporated_on=date(1990, 1, 1)
        + timedelta(days=int.from_bytes(draw[5:7], "big") % 12_000),
    )


def with_next_accounts(company: Company) -> Company:
    """Return a company after it has filed ordinary accounts for the year after its newest ones."""
    newest = company.newest_accounts
    last = (newest and newest.made_up_on) or year_before(NEWEST_YEAR_END)
    end = last.replace(year=last.year + 1)
    filed = FiledAccounts(company.accounts_kind or "total-exemption-full")
    sheets = sheet_of(company.number, end.year), sheet_of(company.number, end.year - 1)
    accounts = _accounts(company.number, company.name, filed, end=end, sheets=sheets)
    return replace(company, filings=(*company.filings, _filing(accounts, filed)))


def _other_filings(incorporated_on: date) -> tuple[Filing, ...]:
    """Return filings that are not accounts."""
    return (
        Filing("CS01", "confirmation-statement", "confirmation-statement", date(2026, 3, 20)),
        Filing("NEWINC", "incorporation", "incorporation-company", incorporated_on),
    )


def _accounts_filings(number: str, name: str, filed: FiledAccounts) -> list[Filing]:
    end = NEWEST_YEAR_END
    current = filed.sheet or sheet_of(number, end.year, scale=filed.scale)
    previous = filed.before or sheet_of(number, end.year - 1, scale=filed.scale)
    oldest = filed.before or sheet_of(number, end.year - 2, scale=filed.scale)
    if filed.fault is DocumentFault.EMPLOYEES_MISSING:
        current, previous = without_employees(current), without_employees(previous)
    newest = _accounts(number, name, filed, end=end, sheets=(current, previous))
    flawless = replace(filed, fault=None, on_paper=False, has_link=True)
    earlier = _accounts(number, name, flawless, end=year_before(end), sheets=(previous, oldest))
    filings = [_filing(newest, filed), _CHANGE_OF_DATE, _filing(earlier, flawless)]
    if filed.amended:
        sheets = (sheet_of(number, end.year + 50), previous)
        filings.insert(0, _amendment(_accounts(number, name, filed, end=end, sheets=sheets), filed))
    return filings


def _filing(accounts: Accounts, filed: FiledAccounts) -> Filing:
    return Filing(
        "AA",
        "accounts",
        f"accounts-with-accounts-type-{filed.kind}",
        accounts.period_end_on + _FILED_AFTER,
        made_up_on=accounts.period_end_on,
        is_paper=filed.on_paper,
        has_link=filed.has_link,
        fault=filed.fault,
        documents={} if filed.on_paper else _documents(accounts, filed),
    )


def _amendment(accounts: Accounts, filed: FiledAccounts) -> Filing:
    first = _filing(accounts, filed)
    return replace(
        first,
        type="AAMD",
        description=f"accounts-amended-with-accounts-type-{filed.kind}",
        filed_on=first.filed_on + _AMENDED_AFTER,
    )


def _accounts(
    number: str,
    name: str,
    filed: FiledAccounts,
    *,
    end: date,
    sheets: tuple[BalanceSheet, BalanceSheet],
) -> Accounts:
    is_other = filed.fault is DocumentFault.WRONG_COMPANY
    return Accounts(
        number=OTHER_NUMBER if is_other else number,
        name="SANDBOX ALPHA TRADING LIMITED" if is_other else name,
        title=f"{filed.kind.replace('-', ' ').capitalize()} accounts",
        period_end_on=end,
        current=sheets[0],
        previous=sheets[1],
        group=sheet_of(number, end.year, scale=filed.group_scale) if filed.group_scale else None,
        is_dormant=filed.kind == "dormant",
    )


def _documents(accounts: Accounts, filed: FiledAccounts) -> dict[str, Document]:
    if filed.zipped:
        return {ZIP: partial(write_cic_package, accounts)}
    if filed.fault is DocumentFault.GARBAGE:
        return {XHTML: partial(_garbage, accounts.number)}
    if filed.fault is DocumentFault.TRUNCATED:
        return {XHTML: partial(_half, accounts)}
    if filed.fault is DocumentFault.OVERSIZE:
        return {XHTML: partial(bytes, _OVERSIZE)}
    return {XHTML: partial(write_ixbrl, accounts)}


def _garbage(number: str) -> bytes:
    return b"".join(hashlib.sha256(f"{number}/{part}".encode()).digest() for part in range(128))


def _half(accounts: Accounts) -> bytes:
    document = write_ixbrl(accounts)
    return document[: len(document) // 2]
