"""Serves a folder of real accounts documents as companies of the sandbox."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson

from enrichment.members import day, member, text
from enrichment.profile import read_number
from enrichment.sandbox.companies import XHTML, XML, ZIP, Company, Filing, Office

_NAME = re.compile(r"Prod\d+_\d+_(?P<number>[A-Z0-9]{8})_(?P<day>\d{8})(?:_\w+)?", re.ASCII)
_TYPES = {".html": XHTML, ".xhtml": XHTML, ".xml": XML, ".zip": ZIP}
_EXPECTED = "expected.json"
_FILED_AFTER = timedelta(days=120)
_OFFICE = Office("1 Real Documents Row", "Testford", "ZZ1 1ZZ")


@dataclass(frozen=True, slots=True)
class _Found:
    number: str
    name: str
    made_up_on: date
    path: Path


def companies_in(folder: Path) -> dict[str, Company]:
    """Return the companies whose accounts are in a folder, by number.

    Each company has its documents as filings. Company number and balance sheet date are parsed from
    the file name, as in the bulk downloads of Companies House
    (``Prod224_2601_00039175_20250630.html``), or read from ``expected.json`` in the folder or its
    parent, which may also have names of companies. Other files are ignored.
    """
    by_number: dict[str, list[_Found]] = defaultdict(list)
    for found in _search(folder):
        by_number[found.number].append(found)
    return {number: _company(number, documents) for number, documents in by_number.items()}


def _search(folder: Path) -> Iterator[_Found]:
    expected = _read_expected(folder)
    for path in sorted(folder.iterdir()):
        known = member(expected, path.name)
        named = _NAME.fullmatch(path.stem)
        number = read_number(named["number"] if named else member(known, "company_number"))
        if path.suffix.lower() not in _TYPES or number is None:
            continue
        made_up_on = day(known, "balance_sheet_date") or _read_day(named["day"] if named else "")
        name = text(known, "company_name") or f"SANDBOX DOCUMENT {number} LIMITED"
        yield _Found(number, name, made_up_on or date(2025, 12, 31), path)


def _read_expected(folder: Path) -> object:
    for place in (folder / _EXPECTED, folder.parent / _EXPECTED):
        if place.is_file():
            expected: object = orjson.loads(place.read_bytes())
            return expected
    return None


def _read_day(digits: str) -> date | None:
    try:
        return date.fromisoformat(digits)
    except ValueError:
        return None


def _company(number: str, documents: list[_Found]) -> Company:
    newest = max(documents, key=lambda found: found.made_up_on)
    profile: dict[str, Any] = {}
    if any(found.path.suffix.lower() == ".zip" for found in documents):
        profile["subtype"] = "community-interest-company"
    return Company(
        number=number,
        name=newest.name,
        what=f"real document {newest.path.name}",
        office=_OFFICE,
        incorporated_on=date(2000, 1, 1),
        type=_type(number, newest.name),
        filings=tuple(_filing(found) for found in documents),
        accounts_kind="full",
        profile=profile,
    )


def _type(number: str, name: str) -> str:
    if number.startswith(("OC", "SO", "NC")):
        return "llp"
    upper = name.upper().rstrip(".")
    return "plc" if upper.endswith((" PLC", "PUBLIC LIMITED COMPANY", "P.L.C")) else "ltd"


def _filing(found: _Found) -> Filing:
    return Filing(
        "AA",
        "accounts",
        "accounts-with-accounts-type-full",
        found.made_up_on + _FILED_AFTER,
        made_up_on=found.made_up_on,
        documents={_TYPES[found.path.suffix.lower()]: found.path.read_bytes},
    )
