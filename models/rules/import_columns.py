"""The columns of imported files, and how a row becomes the input of a save. PURE.

The columns have the API's names. `contact1.name` is the name of a row's first contact, and
`consent.given` says whether the row records a consent. An empty cell counts as left out.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from models.rules.consent import ConsentBasis, ConsentMethod
from models.rules.errors import RefusalCode
from models.rules.formula_cells import unescaped
from models.rules.import_fault import COLUMN_LENGTH, FileFaultCode, ImportFault, ImportFileRefused
from models.rules.permission import Scope
from models.rules.text import nearest

MAX_CONTACTS = 10
"""The maximum number of contacts of a row."""

MAX_CELL = 10_000

MAX_HINTS = 3
"""The maximum number of unknown names of a row for which a similar one is looked for."""

_TEMPLATE_NAMES_ALL = "The template names all columns."

ERROR_CODES, ERROR_MESSAGES = "import.errorCodes", "import.errorMessages"
"""The columns that an error file has in addition; an import ignores them."""

IMPORT_MEMBER = "import"
"""The member that a row of an error file in JSONL has in addition; an import ignores it."""

_SURROGATES = re.compile("[\ud800-\udfff]")


class _Bad(Exception):
    """A cell cannot be read; the text says how it should look."""


Parse = Callable[[Any], Any]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Bad("The value must be a text.")
    return value


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.strip().lower() in {"true", "false"}:
        return value.strip().lower() == "true"
    raise _Bad("The value must be true or false.")


def _instant(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(_text(value).strip())
    except ValueError:
        raise _Bad("The value must be a date-time such as 2026-03-31T09:30:00Z.") from None


def _one_of(kind: type[StrEnum]) -> Parse:
    names = ", ".join(one.value for one in kind)

    def parse(value: Any) -> StrEnum:
        try:
            return kind(_text(value).strip())
        except ValueError:
            raise _Bad(f"The value must be one of {names}.") from None

    return parse


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a customer, a contact or a consent: its name in the domain, and how it is read."""

    stored: str
    parse: Parse = _text


CUSTOMER: Mapping[str, Field] = {
    "externalReference": Field("external_reference"),
    "accountNumber": Field("account_number"),
    "name": Field("name"),
    "classCode": Field("class_code"),
    "classId": Field("class_id"),
    "templateId": Field("template_id"),
    "companyNumber": Field("company_number"),
    "parentId": Field("parent_id"),
    "parentExternalReference": Field("parent_external_reference"),
}
CONTACT: Mapping[str, Field] = {
    "externalReference": Field("external_reference"),
    "name": Field("name"),
    "email": Field("email"),
    "receivesBills": Field("receives_bills", _flag),
    "receivesCorrespondence": Field("receives_correspondence", _flag),
    "isActive": Field("is_active", _flag),
}
CONSENT: Mapping[str, Field] = {
    "basis": Field("basis", _one_of(ConsentBasis)),
    "givenBy": Field("given_by"),
    "givenByRole": Field("given_by_role"),
    "method": Field("method", _one_of(ConsentMethod)),
    "evidenceReference": Field("evidence_reference"),
    "evidenceSha256": Field("evidence_sha256"),
    "documentName": Field("document_name"),
    "documentVersion": Field("document_version"),
    "isEmailingCovered": Field("covers_emailing", _flag),
    "statement": Field("statement"),
    "effectiveAt": Field("effective_at", _instant),
}
GIVEN = "consent.given"
_NO_COLUMN = Field("")
_GIVEN = Field("given", _flag)
_MEMBER_OF_CONTACT = re.compile(r"^contact(\d+)(?=\.|$)")
_CONTACT_COLUMN = re.compile(r"contact([1-9]\d?)\.(\w+)")


@dataclass(slots=True)
class ImportRow:
    """A row of a file as the input of a save, with the faults of its cells.

    `contacts` has a contact's values by the name of its columns, such as `contact1`. `consent` is
    None if the row records none.
    """

    line: int
    text: str
    is_object: bool = False
    """Whether it is a line of JSON, so that its faults name members instead of columns."""
    has_class_id: bool = False
    customer: dict[str, Any] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    consent: dict[str, Any] | None = None
    faults: list[ImportFault] = field(default_factory=list)
    is_readable: bool = True
    """Whether the row could be taken apart, so that its values can be checked."""

    def refuse(self, code: str, message: str, column: str | None = None) -> None:
        """Add a fault, unless the column has one already."""
        if column is None or all(one.column != column for one in self.faults):
            self.faults.append(ImportFault(code, message, column))

    def with_faults(self, found: Sequence[ImportFault]) -> list[ImportFault]:
        """Return the faults of the row and those that were found later.

        A value that could not be read is not missing, so later faults of its column are left out.
        """
        known = {one.column for one in self.faults}
        if "classCode" in known:
            known.add("classId")
        return self.told(
            [
                *self.faults,
                *(
                    one
                    for one in found
                    if one.column not in known and str(one.column).partition(".")[0] not in known
                ),
            ]
        )

    def told(self, faults: Sequence[ImportFault]) -> list[ImportFault]:
        """Return faults with the names that the file has: `contacts.0.name` in an object."""
        return [
            replace(one, column=_MEMBER_OF_CONTACT.sub(_member, one.column))
            if self.is_object and one.column is not None
            else one
            for one in faults
        ]

    def require(self, permissions: frozenset[Scope]) -> None:
        """Add a fault for each part of the row that needs a permission that is missing."""
        for is_there, scope, column in (
            (bool(self.contacts), Scope.CONTACTS_WRITE, "contacts"),
            (self.consent is not None, Scope.CONSENT_WRITE, "consent"),
        ):
            if is_there and scope not in permissions:
                message = f"This needs the permission {scope}."
                self.refuse(FileFaultCode.PERMISSION_MISSING, message, column)


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    part: str
    """`customer`, `consent`, `given`, the name of a contact, or empty for an ignored column."""
    field: Field


@dataclass(frozen=True, slots=True)
class Header:
    """The columns of a CSV file."""

    columns: tuple[_Column, ...]

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.columns]

    @property
    def needs(self) -> frozenset[Scope]:
        """The permissions that an import of these columns needs."""
        parts = {one.part for one in self.columns}
        needed = {Scope.CUSTOMERS_WRITE}
        if any(one.startswith("contact") for one in parts):
            needed.add(Scope.CONTACTS_WRITE)
        if not parts.isdisjoint({"consent", "given"}):
            needed.add(Scope.CONSENT_WRITE)
        return frozenset(needed)

    @classmethod
    def of(cls, line: int, cells: Sequence[str]) -> "Header":
        """Return the header in the first record of a file.

        Raises ImportFileRefused, with all its faults, if a column is unknown or repeated.
        """
        faults: list[ImportFault] = []
        columns: list[_Column] = []
        unknown = 0
        for place, cell in enumerate(cells, start=1):
            name = cell.strip()
            column = _column(name)
            told = name or f"column {place}"
            if column is None:
                unknown += 1
                hint = _hint(name) if unknown <= MAX_HINTS else _TEMPLATE_NAMES_ALL
                message = f"There is no such column. {hint}"
                faults.append(ImportFault(FileFaultCode.UNKNOWN_COLUMN, message, told))
            elif name in {one.name for one in columns}:
                message = "The file has this column twice."
                faults.append(ImportFault(FileFaultCode.DUPLICATE_COLUMN, message, told))
            else:
                columns.append(column)
        if faults:
            raise ImportFileRefused(line, faults)
        return cls(tuple(columns))

    def row(self, line: int, text: str, cells: Sequence[str]) -> ImportRow:
        """Return a row of cells as the input of a save."""
        row = ImportRow(line, text, has_class_id=any(one.name == "classId" for one in self.columns))
        if len(cells) != len(self.columns):
            row.refuse(
                FileFaultCode.WRONG_CELL_COUNT,
                f"The row has {len(cells):,} cells; the first line has {len(self.columns):,}.",
            )
            row.is_readable = False
            return row
        consent: dict[str, Any] = {}
        is_given: bool | None = None
        for column, cell in zip(self.columns, cells, strict=True):
            text = unescaped(cell)
            if not text or not column.part or not text.strip():
                continue
            value = _read(row, column.name, column.field, text)
            if column.part == "customer":
                row.customer[column.field.stored] = value
            elif column.part == "consent":
                consent[column.field.stored] = value
            elif column.part == "given":
                is_given = value
            else:
                row.contacts.setdefault(column.part, {})[column.field.stored] = value
        if is_given:
            row.consent = consent
        elif consent and all(one.column != GIVEN for one in row.faults):
            message = f"The row has details of a consent; then `{GIVEN}` must be true."
            row.refuse(RefusalCode.CONTRADICTORY_VALUES, message, GIVEN)
        return row


def row_of_object(line: int, text: str, value: Mapping[str, Any]) -> ImportRow:
    """Return an object of a JSONL file, with fields of `SaveCustomerInput`, as an input."""
    row = ImportRow(line, text, is_object=True, has_class_id="classId" in value)
    contacts, consent = value.get("contacts"), value.get("consent")
    rest = {
        name: one
        for name, one in value.items()
        if name not in {"contacts", "consent", IMPORT_MEMBER}
    }
    row.customer = _members(row, rest, CUSTOMER, "")
    if isinstance(contacts, list) and len(contacts) <= MAX_CONTACTS:
        for number, contact in enumerate(contacts, start=1):
            name = f"contact{number}"
            row.contacts[name] = _members(row, contact, CONTACT, f"{name}.")
    elif isinstance(contacts, list):
        message = f"A row may have at most {MAX_CONTACTS} contacts."
        row.refuse(RefusalCode.TOO_MANY_ITEMS, message, "contacts")
    elif contacts is not None:
        row.refuse(RefusalCode.BAD_FORMAT, "The value must be a list.", "contacts")
    if consent is not None:
        row.consent = _members(row, consent, CONSENT, "consent.")
    return row


def template(contacts: int = 2) -> list[str]:
    """Return the names of all columns of a file with this number of contacts."""
    return [
        *CUSTOMER,
        *(f"contact{number}.{name}" for number in range(1, contacts + 1) for name in CONTACT),
        GIVEN,
        *(f"consent.{name}" for name in CONSENT),
    ]


def _members(row: ImportRow, value: Any, known: Mapping[str, Field], prefix: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        message = "The value must be an object."
        row.refuse(RefusalCode.BAD_FORMAT, message, prefix.rstrip(".") or None)
        return {}
    found, unknown = {}, 0
    for name, one in value.items():
        place = f"{prefix}{name}"
        if name not in known:
            unknown += 1
            names = [*known, "contacts", "consent"] if known is CUSTOMER else known
            like = _nearest(name[:COLUMN_LENGTH], *names) if unknown <= MAX_HINTS else None
            hint = "" if like is None else f" Did you mean `{like}`?"
            row.refuse(FileFaultCode.UNKNOWN_COLUMN, f"There is no such key.{hint}", place)
        else:
            here = known[name]
            found[here.stored] = None if one is None else _read(row, place, here, one)
    return found


def _hint(name: str) -> str:
    """Return what may help with an unknown column."""
    if "\x00" in name:  # as in UTF-16
        return "Save the file as UTF-8."
    for sign, plural in ((";", "semicolons"), ("\t", "tabs")):
        if sign in name:
            return f"Separate the columns by commas, not by {plural}."
    like = _nearest(name[:COLUMN_LENGTH], *template(MAX_CONTACTS))
    return _TEMPLATE_NAMES_ALL if like is None else f"Did you mean `{like}`?"


def _member(found: re.Match[str]) -> str:
    return f"contacts.{int(found[1]) - 1}"


@lru_cache(maxsize=256)
def _nearest(name: str, *known: str) -> str | None:
    return nearest(name, known)


def _column(name: str) -> _Column | None:
    if name in {ERROR_CODES, ERROR_MESSAGES}:
        return _Column(name, "", _NO_COLUMN)
    if name == GIVEN:
        return _Column(name, "given", _GIVEN)
    if name in CUSTOMER:
        return _Column(name, "customer", CUSTOMER[name])
    prefix, _, member = name.partition(".")
    if prefix == "consent" and member in CONSENT:
        return _Column(name, prefix, CONSENT[member])
    found = _CONTACT_COLUMN.fullmatch(name)
    if found and int(found[1]) <= MAX_CONTACTS and found[2] in CONTACT:
        return _Column(name, prefix, CONTACT[found[2]])
    return None


def _read(row: ImportRow, column: str, known: Field, value: Any) -> Any:
    """Return a cell's value; None, with a fault of the row, if it cannot be read."""
    if isinstance(value, str):
        if len(value) > MAX_CELL:
            message = f"The value has more than {MAX_CELL:,} characters."
            row.refuse(RefusalCode.TOO_LONG, message, column)
            return None
        if "\x00" in value or _SURROGATES.search(value):
            message = "The value contains control characters; remove them."
            row.refuse(RefusalCode.CONTROL_CHARACTERS, message, column)
            return None
    try:
        return known.parse(value)
    except _Bad as bad:
        row.refuse(RefusalCode.BAD_FORMAT, str(bad), column)
        return None
