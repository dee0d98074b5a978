"""The GraphQL types of imports from files, and of their faults."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import strawberry

import models
from models.lists.import_list import ImportOrder, fault_pages
from models.rules.errors import RefusalCode
from models.rules.import_fault import FileFaultCode, ImportFaultCode
from models.tables.customer_import import (
    ImportFailure,
    ImportFormat,
    ImportState,
)
from schema.base.connection import CountedConnection, PagesPerKey
from schema.base.context import Info
from schema.base.descriptions import described_enum
from schema.base.field_mapping import Selection, batched, computed, maps_to, prefetched
from schema.base.mutation_fields import MutationPayload, dry_run
from schema.base.node import Node
from schema.base.pagination import CONNECTION, ROWS, After, Before, First, Last, page_arguments
from schema.types.on_conflict import OnConflict, OnConflictEnum

ImportStateEnum = described_enum(
    ImportState,
    "ImportState",
    "The state of an import from a file.",
    {
        "WAITING": "The import waits for its start.",
        "RUNNING": "Rows are being checked and stored.",
        "DONE": "All rows were decided: stored, or refused with faults.",
        "FAILED": "The import ended before its last row; `failure` says why. Rows that were stored"
        " stay.",
        "CANCELLED": "The import was cancelled. Rows that were stored stay.",
    },
)
ImportFailureEnum = described_enum(
    ImportFailure,
    "ImportFailure",
    "Why an import ended before its last row.",
    {
        "FILE_REFUSED": "The file as a whole cannot be read; `faults` say why. No row was stored.",
        "PERMISSION_LOST": "The credential that sent the file was revoked, or lost a permission.",
        "GAVE_UP": "Errors in the service, not in the file, ended all attempts.",
        "INTERNAL_ERROR": "A bug of the service ended several attempts. Rows that were stored stay."
        " Report it to the operator, with the id of the import.",
    },
)
ImportFormatEnum = described_enum(
    ImportFormat,
    "ImportFormat",
    "The format of an imported file.",
    {
        "CSV": "Comma-separated values by RFC 4180, with the names of the columns in the first"
        " line.",
        "JSONL": "An object in JSON on each line.",
    },
)
ImportFaultCodeEnum = described_enum(
    ImportFaultCode,
    "ImportFaultCode",
    "The code of a fault in an imported file: one of files, or that of a user error of a single"
    " save.",
    {
        "BAD_ENCODING": "The line is not UTF-8.",
        "BAD_QUOTING": "Quotation marks in the line are missing or misplaced.",
        "BAD_JSON": "The line is not a JSON object.",
        "LINE_TOO_LONG": "The line has too many bytes.",
        "HEADER_MISSING": "The file has no line with the names of its columns.",
        "UNKNOWN_COLUMN": "There is no column, or key of an object, with this name.",
        "DUPLICATE_COLUMN": "The file has this column, or the object this key, twice.",
        "WRONG_CELL_COUNT": "The row has more or fewer cells than the first line.",
        "DUPLICATE_IN_FILE": "An earlier line of the file has the same value, which must be"
        " unique.",
        "PERMISSION_MISSING": "The sender lacks a permission that this part of the row needs.",
        **{code.name: "As in `UserErrorCode`." for code in RefusalCode},
    },
)
assert not set(FileFaultCode) & set(RefusalCode)  # noqa: S101  # or one meaning would be lost


@strawberry.type(description="A fault of a line of an imported file.")
class ImportFault:
    line: int = strawberry.field(
        description="The number of the line in the file, from 1; of a row over several lines, that"
        " of the first."
    )
    column_name: str | None = strawberry.field(
        name="column",
        description="The column with the fault, such as `contact1.email`, or in JSONL the keys that"
        " lead to it, such as `contacts.0.email`, where places in lists count from 0; null if it is"
        " the whole line.",
    )
    code: ImportFaultCodeEnum = computed(  # type: ignore[valid-type]  # an enum with another name
        ImportFaultCode, "code", description="What is wrong."
    )
    message: str = strawberry.field(description="What is wrong and what to do, in English.")

    number: strawberry.Private[int]
    import_id: strawberry.Private[str]


maps_to(ImportFault, models.ImportFault)


@strawberry.type(description="A page of the faults of an import, in the order of the file.")
class ImportFaultConnection(CountedConnection[ImportFault]):
    # Repeated from the base class: projections need the concrete type, not a type variable.
    nodes: list[ImportFault] = strawberry.field(description="The faults of the page.")


def _error_file(import_id: str, kind: ImportFormat, failed_count: int) -> str | None:
    return f"/imports/{import_id}/errors.{kind.value.lower()}" if failed_count else None


async def _faults(
    selection: Selection, jobs: Sequence[Any], **page: Any
) -> list[ImportFaultConnection]:
    """Return a page of faults for each import; one statement reads all pages."""
    arguments = page_arguments("import-faults", (int,), **page)
    pages = PagesPerKey((one.id for one in jobs), lambda fault: fault.import_id, arguments)
    if jobs and selection.fields & ROWS:
        ids = list(dict.fromkeys(one.id for one in jobs))
        await fault_pages(
            selection.reader,
            ids,
            arguments.size + 1,
            beyond=arguments.beyond,
            is_backward=arguments.is_backward,
            keep=pages.keep,
        )
    return [
        ImportFaultConnection(
            nodes=pages.of(one.id),
            key_of=lambda fault: (fault.number,),
            arguments=arguments,
            has_more=one.id in pages.with_more,
            counted=one.row_fault_count,
        )
        for one in jobs
    ]


@strawberry.type(
    description="An import of customers from a file. It is deleted, with its faults, 30 days after"
    " its end by default."
)
class ImportJob(Node):
    state: ImportStateEnum = strawberry.field(description="How far the import is.")  # type: ignore[valid-type]  # see above
    failure: ImportFailureEnum | None = strawberry.field(  # type: ignore[valid-type]  # see above
        description="Why the import failed; null in other states than FAILED."
    )
    format: ImportFormatEnum = strawberry.field(description="The format of the file.")  # type: ignore[valid-type]  # see above
    sha256: str = strawberry.field(
        description="The SHA-256 of the file as it was received, in hexadecimal."
    )
    byte_count: int = strawberry.field(description="The size of the file in bytes.")
    is_dry_run: bool = strawberry.field(
        description="Whether the file is only checked: then no row is stored, and"
        " `storedRowCount` counts the rows that would be."
    )
    on_conflict: OnConflictEnum = computed(  # type: ignore[valid-type]  # see above
        lambda one: OnConflict(one.value),
        "on_conflict",
        description="What is done with a row whose `externalReference` a customer has already.",
    )
    earlier_import_id: strawberry.ID | None = strawberry.field(
        description="The id of your newest import of the same file that was DONE within 24 hours"
        " before, and has stored rows: those without an external reference or account number are"
        " stored again. Null if there was none, or if `onConflict` is UPDATE."
    )
    row_count: int | None = strawberry.field(
        description="The number of rows in the file; null until they were counted."
    )
    done_count: int = strawberry.field(
        name="doneRowCount", description="The number of rows that were decided."
    )
    stored_count: int = strawberry.field(
        name="storedRowCount", description="The number of rows that were stored."
    )
    failed_count: int = strawberry.field(
        name="failedRowCount", description="The number of rows that were refused with faults."
    )
    created_at: datetime = strawberry.field(
        name="requestedAt", description="When the file was received, in UTC."
    )
    started_at: datetime | None = strawberry.field(
        description="When the import started, in UTC; null if it has not."
    )
    finished_at: datetime | None = strawberry.field(
        description="When the import ended, in UTC; null if it has not."
    )
    requested_by: str = strawberry.field(
        description="The name of the access token or user that sent the file."
    )
    requested_by_id: strawberry.ID = strawberry.field(
        description="The id of the access token or user that sent the file."
    )
    error_file_path: str | None = computed(
        _error_file,
        "id",
        "format",
        "failed_count",
        description="The path, on this server, of a file with the rows that were refused, and what"
        " is wrong with them. It can be mended and sent again. Null if no row was refused.",
    )

    @strawberry.field(
        description="What is wrong with the file, in the order of its lines.",
        metadata=batched(
            _faults, "fault_count", paths=CONNECTION, extra=("import_id",), places=("number",)
        ),
    )
    def faults(
        self,
        info: Info,
        first: First = None,  # noqa: ARG002  # for the schema
        after: After = None,  # noqa: ARG002  # see above
        last: Last = None,  # noqa: ARG002  # see above
        before: Before = None,  # noqa: ARG002  # see above
    ) -> ImportFaultConnection | None:
        return prefetched(self, info)  # type: ignore[no-any-return]  # prefetched() returns Any


maps_to(ImportJob, models.CustomerImport)

ImportJobSort = described_enum(
    ImportOrder,
    "ImportJobSort",
    "The order of a list of imports.",
    {"CREATED_AT_DESC": "Newest first.", "CREATED_AT_ASC": "Oldest first."},
)


@strawberry.input(description="The import to cancel.")
class CancelImportInput:
    id: strawberry.ID = strawberry.field(description="The id of the import.")
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of cancelling an import.")
class CancelImportPayload(MutationPayload):
    import_job: ImportJob | None = strawberry.field(
        default=None,
        description="The import. One that had ended already is as it was. Null after an error.",
    )
