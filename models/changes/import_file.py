"""The files of imports: stored in parts, and read row by row in constant memory."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from models.changes.own_reference import PARENT_REFERENCE
from models.rules.folding import folded
from models.rules.import_columns import Header, ImportRow, row_of_object
from models.rules.import_csv import CsvReader, Record
from models.rules.import_fault import FileFaultCode, ImportFault, ImportFileRefused
from models.rules.import_json import JsonReader, JsonRow
from models.rules.text import trimmed
from models.storage.database import Database
from models.storage.row_insert import add_rows, new_row
from models.storage.tenant_scope import bind_tenant, preserve_tenant_scope
from models.tables.customer_import import ImportFormat, ImportPart

PART = 256_000
"""The maximum number of bytes of a part."""


@contextmanager
def beyond_tenants() -> Any:
    """Let the block use the parts of files, which operations of partners cannot reach."""
    with preserve_tenant_scope():
        bind_tenant(None)
        yield


@dataclass(slots=True)
class FileWriter:
    """Stores the bytes of a file as they come, each part in a transaction of its own.

    The caller has checked that whoever sends the file may import it.
    """

    database: Database
    import_id: str
    now: datetime
    byte_count: int = 0
    _parts: int = 0
    _waiting: bytearray = field(default_factory=bytearray)
    _sum: Any = field(default_factory=hashlib.sha256)

    @property
    def sha256(self) -> str:
        return str(self._sum.hexdigest())

    async def write(self, piece: bytes) -> None:
        """Take some bytes."""
        self._sum.update(piece)
        self.byte_count += len(piece)
        self._waiting += piece
        while len(self._waiting) >= PART:
            await self._store(bytes(self._waiting[:PART]))
            del self._waiting[:PART]

    async def end(self) -> None:
        """Store the rest of the bytes."""
        if self._waiting:
            await self._store(bytes(self._waiting))
            self._waiting.clear()

    async def remove(self) -> None:
        """Delete what was stored, as the file will not be imported."""
        with beyond_tenants():
            await self.database.transaction(lambda: remove_file(self.import_id))

    async def _store(self, content: bytes) -> None:
        self._parts += 1
        part = new_row(
            ImportPart,
            import_id=self.import_id,
            number=self._parts,
            content=content,
            created_at=self.now,
        )
        with beyond_tenants():
            await self.database.transaction(lambda: add_rows([part]))


async def remove_file(import_id: str) -> None:
    """Delete the parts of a file in the current transaction, which has no tenant scope."""
    await ImportPart.filter(import_id=import_id).delete()


async def pieces(import_id: str) -> AsyncIterator[bytes]:
    """Yield the bytes of a file, a part at a time."""
    number = 1
    while True:
        with beyond_tenants():
            part = await ImportPart.get_or_none(import_id=import_id, number=number)
        if part is None:
            return
        yield part.content
        number += 1


@dataclass(slots=True)
class RowReader:
    """Reads the rows of a file, and adds a fault to those that repeat a key of an earlier row."""

    format: ImportFormat
    header: Header | None = None
    """The columns of a CSV file, once its first line was read."""
    _lines: dict[int, int] = field(default_factory=dict)
    """By the digest of a key: the first line that has it."""
    _reader: CsvReader | JsonReader = field(init=False)

    def __post_init__(self) -> None:
        self._reader = CsvReader() if self.format is ImportFormat.CSV else JsonReader()

    async def rows(self, import_id: str) -> AsyncIterator[ImportRow]:
        """Yield all rows; raises ImportFileRefused if the file has no usable header."""
        async for piece in pieces(import_id):
            for row in self.feed(piece):
                yield row
        for row in self.end():
            yield row

    def feed(self, piece: bytes) -> Iterator[ImportRow]:
        """Yield the rows that this piece completes; raises ImportFileRefused."""
        return self._rows(self._reader.feed(piece))

    def end(self) -> Iterator[ImportRow]:
        """Yield the last rows; raises ImportFileRefused."""
        yield from self._rows(self._reader.end())
        if self.format is ImportFormat.CSV and self.header is None:
            raise ImportFileRefused(1, [NO_HEADER])

    def _rows(self, read: Iterator[Record] | Iterator[JsonRow]) -> Iterator[ImportRow]:
        for found in read:
            row = self._row(found)
            if row is not None:
                yield row

    def _row(self, found: Record | JsonRow) -> ImportRow | None:
        """Return a row; None for the header."""
        if isinstance(found, JsonRow):
            if found.value is None:
                row = ImportRow(found.line, found.text, is_object=True)
            else:
                row = row_of_object(found.line, found.text, found.value)
        elif self.header is None:
            if found.fault is not None:
                raise ImportFileRefused(found.line, [_as_header(found)])
            self.header = Header.of(found.line, found.cells)
            return None
        elif found.fault is not None:
            row = ImportRow(found.line, found.text)
        else:
            row = self.header.row(found.line, found.text, found.cells)
        if found.fault is not None:
            row.faults.append(found.fault)
            row.is_readable = False
        self._note_keys(row)
        return row

    def _note_keys(self, row: ImportRow) -> None:
        owners = ("parent_id", PARENT_REFERENCE, "template_id")
        owner = next((row.customer[one] for one in owners if row.customer.get(one)), None)
        keys = [
            ("accountNumber", "number", None, row.customer.get("account_number")),
            ("externalReference", "customer", owner, row.customer.get("external_reference")),
        ]
        for name, values in row.contacts.items():
            reference = values.get("external_reference")
            keys.append((f"{name}.externalReference", "contact", owner, reference))
        for column, kind, whose, text in keys:
            if not isinstance(text, str) or not trimmed(text):
                continue
            key = folded(trimmed(text)) if kind == "number" else trimmed(text)
            digest = hashlib.blake2b(f"{kind}\n{whose}\n{key}".encode(), digest_size=8)
            first = self._lines.setdefault(int.from_bytes(digest.digest()), row.line)
            if first != row.line or _stands_twice(row, column, text):
                message = f"Line {first:,} of the file has this value already."
                row.refuse(FileFaultCode.DUPLICATE_IN_FILE, message, column)


NO_HEADER = ImportFault(
    FileFaultCode.HEADER_MISSING, "The file has no line with the names of its columns."
)


def _as_header(found: Record) -> ImportFault:
    """Return the fault of the first line of a CSV file."""
    assert found.fault is not None  # noqa: S101  # its caller looked
    if found.text.lstrip().startswith("{"):
        message = "The file seems to be JSON. Send objects on lines as `application/jsonl`."
        return replace(found.fault, message=message)
    return found.fault


def _stands_twice(row: ImportRow, column: str, text: str) -> bool:
    """Return whether a contact before this one, in the same row, has the same reference."""
    name = column.partition(".")[0]
    if name not in row.contacts:
        return False
    names = list(row.contacts)
    before = (row.contacts[one].get("external_reference") for one in names[: names.index(name)])
    return any(isinstance(one, str) and trimmed(one) == trimmed(text) for one in before)
