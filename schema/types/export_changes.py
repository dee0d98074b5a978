"""The input and payload of `createExport`."""

from datetime import datetime

import strawberry
from strawberry.scalars import JSON

from schema.base.mutation_fields import MutationPayload, dry_run
from schema.types.export import ExportFormatEnum, ExportKindEnum


@strawberry.input(
    description="The export to link to. A program needs no link: it downloads the same file from"
    " `/exports/customers.csv`, for example, with the `Authorization` header."
)
class CreateExportInput:
    kind: ExportKindEnum = strawberry.field(description="The list to export.")  # type: ignore[valid-type]  # an enum with another name
    format: ExportFormatEnum = strawberry.field(description="The format of the file.")  # type: ignore[valid-type]  # see above
    filter: JSON | None = strawberry.field(
        default=None,
        description="The filter of the list, an object such as `{ isReseller: true }`, in the form"
        " that `kind` names; at most 4000 characters as JSON. Null exports everything that you may"
        " see.",
    )
    dry_run: bool | None = dry_run()


@strawberry.type(description="The result of creating a link to an export.")
class CreateExportPayload(MutationPayload):
    url: str | None = strawberry.field(
        default=None,
        description="The link, such as `https://…/exports/customers.csv?link=…`, which a browser"
        " can open without a header. Who has it can download the file, with no more permissions"
        " than you still have: keep it secret. Add `&after=` and a cursor to resume. Null in a dry"
        " run, after an error, and in a repeat with the same idempotency key: create another one.",
    )
    expires_at: datetime | None = strawberry.field(
        default=None,
        description="When the link expires, in UTC: minutes after it was created. A download that"
        " has begun goes on. Null after an error.",
    )
