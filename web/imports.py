"""Takes files of customers to import, and serves the template and the rows that were not stored."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from models.changes.idempotency import IdempotencyConflict, IdempotencyKeyReused, KeyedRequest
from models.changes.import_file import FileWriter
from models.changes.import_run import ImportIsRunning, NewImport, Requested, request_import
from models.rules.import_columns import Header, template
from models.rules.import_csv import CsvReader, Record
from models.rules.import_fault import ImportFileRefused
from models.storage.database import Database
from models.storage.identifiers import new_import_id
from models.tables.access import Principal, Scope
from models.tables.audit import ActorContext
from models.tables.customer_import import CustomerImport, ImportConflict, ImportFormat
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.idempotent import in_progress, key_reused
from schema.base.request_slot import Limiters
from web.csv_answer import csv_answer, csv_stream, requested_bom
from web.http_request import IDEMPOTENCY_KEY, HTTPRefused, read_idempotency_key
from web.parameters import choice_of, flag_of, refuse_others
from web.refusals import refusal, refused_answer
from web.refused_rows import refused_header, refused_lines, refused_rows
from web.routes import AuthenticatedRoute
from web.sign_in import Authenticate

OPERATION = "POST /imports"
"""Stands for the upload in fingerprints of requests with an idempotency key."""

SENT_BEFORE = (
    "You have imported this file within the last 24 hours. To store it again doubles the rows"
    " without an external reference or account number; cancel this import to prevent that."
)

FORMATS = {
    "text/csv": ImportFormat.CSV,
    "application/jsonl": ImportFormat.JSONL,
    "application/x-ndjson": ImportFormat.JSONL,
}
STATUSES = {
    ErrorCode.IDEMPOTENCY_IN_PROGRESS: 409,
    ErrorCode.IDEMPOTENCY_KEY_REUSED: 422,
}


@dataclass(frozen=True, slots=True)
class ImportRoutes:
    """The routes below `/imports`; `is_masked` tells whether a principal sees no personal data."""

    authenticate: Authenticate
    limiters: Limiters
    database: Callable[[], Database]
    clock: Callable[[], datetime]
    is_masked: Callable[[Principal], bool]
    max_bytes: int
    secret: bytes

    @property
    def routes(self) -> list[Route]:
        scope = Scope.CUSTOMERS_WRITE
        made = partial(AuthenticatedRoute, self.authenticate, self.limiters)
        upload = _UploadRoute(self.authenticate, self.limiters, self._upload, scope)
        errors = made(self._errors, scope)
        return [
            Route("/imports", upload, methods=["POST"]),
            Route("/imports/template.csv", made(_template, scope), methods=["GET"]),
            Route("/imports/{import_id}/errors.csv", errors, methods=["GET"]),
            Route("/imports/{import_id}/errors.jsonl", errors, methods=["GET"]),
        ]

    async def _upload(self, request: Request) -> Response:
        refuse_others(request, "onConflict", "dryRun")
        conflict = choice_of(request, "onConflict", ImportConflict) or ImportConflict.REFUSE
        is_dry_run, kind = flag_of(request, "dryRun"), _format_of(request)
        key = None
        if any(name == IDEMPOTENCY_KEY for name, _ in request.scope["headers"]):
            key = read_idempotency_key(request.scope)
        now, principal = self.clock(), request.state.principal
        writer = FileWriter(self.database(), new_import_id(), now)
        try:
            await self._receive(request, writer, kind)
            wanted = NewImport(
                writer.import_id, kind, writer.sha256, writer.byte_count, conflict, is_dry_run
            )
            act = ActorContext(principal, now, request.scope["state"]["request_id"])
            keyed = None if key is None else self._keyed(principal, key, wanted)
            requested = await self.database().transaction(
                lambda: request_import(act, wanted, keyed)
            )
        except BaseException as error:
            await writer.remove()
            if isinstance(error, IdempotencyConflict):
                is_reused = isinstance(error, IdempotencyKeyReused)
                raise (key_reused() if is_reused else in_progress()) from error
            if isinstance(error, ImportIsRunning):
                raise _running() from error
            raise
        if requested.is_replayed:
            await writer.remove()
        return _accepted(requested, wanted)

    async def _receive(self, request: Request, writer: FileWriter, kind: ImportFormat) -> None:
        """Store the body as it comes; raises HTTPRefused if it is too large, or not allowed."""
        probe = CsvReader() if kind is ImportFormat.CSV else None
        self._refuse_size(int(request.headers.get("content-length") or 0))
        async for piece in request.stream():
            self._refuse_size(writer.byte_count + len(piece))
            if probe is not None:
                first = next(probe.feed(piece), None)
                if first is not None:
                    _refuse_columns(first, request.state.principal)
                    probe = None
            await writer.write(piece)
        first = None if probe is None else next(probe.end(), None)
        if first is not None:
            _refuse_columns(first, request.state.principal)
        await writer.end()

    def _refuse_size(self, size: int) -> None:
        if size > self.max_bytes:
            message = f"A file may have at most {self.max_bytes:,} bytes. Split it into several."
            raise HTTPRefused(413, message, ErrorCode.REQUEST_TOO_LARGE, limit=self.max_bytes)

    def _keyed(self, principal: Principal, key: str, wanted: NewImport) -> KeyedRequest:
        content = {
            "sha256": wanted.sha256,
            "format": wanted.format,
            "onConflict": wanted.on_conflict,
            "dryRun": wanted.is_dry_run,
        }
        return KeyedRequest.of(principal.quota_key, key, OPERATION, content, self.secret)

    async def _errors(self, request: Request) -> Response:
        """Answer with the rows that an import did not store, and what is wrong with them."""
        refuse_others(request, "bom")
        mark, principal = requested_bom(request), request.state.principal
        found = await CustomerImport.get_or_none(id=request.path_params["import_id"])
        kind = ImportFormat.CSV if request.url.path.endswith(".csv") else ImportFormat.JSONL
        if found is None or found.format is not kind:
            raise RequestRefused(ErrorCode.NOT_FOUND, "There is no such import of this format.")
        if self.is_masked(principal) and found.caller != principal.quota_key:
            message = f"This needs the permission {Scope.PERSONAL_DATA_READ}."
            raise RequestRefused(ErrorCode.FORBIDDEN, message)
        name = f"import-errors-{found.id}.{kind.value.lower()}"
        if kind is ImportFormat.JSONL:
            headers = {"content-disposition": f'attachment; filename="{name}"'}
            lines = refused_lines(found.id)
            return StreamingResponse(lines, headers=headers, media_type="application/jsonl")
        columns = found.columns or []
        rows = refused_rows(found.id, columns)
        return await csv_stream(name, refused_header(columns), rows, request.state.part, mark)


class _UploadRoute(AuthenticatedRoute):
    """Answers uploads without a slot, as a slow client would keep it from others."""

    async def _answer_in_slot(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except ClientDisconnect:
            return refusal(request, 400, "The client has disconnected.")
        except HTTPRefused as refused:
            headers = {name.decode(): value.decode() for name, value in refused.headers}
            return refusal(
                request,
                refused.status,
                str(refused),
                headers,
                code=refused.code,
                details=refused.details,
            )
        except RequestRefused as refused:
            status = STATUSES.get(refused.code)
            if status is None:
                return refused_answer(request, refused)
            details = refused.extensions or {}
            return refusal(request, status, refused.message, code=refused.code, details=details)


def _format_of(request: Request) -> ImportFormat:
    name, _, more = request.headers.get("content-type", "").lower().partition(";")
    charset = more.partition("charset=")[2].strip().strip("\"'")
    kind = FORMATS.get(name.strip())
    if kind is None:
        raise HTTPRefused(415, f"The Content-Type must be one of {', '.join(FORMATS)}.")
    if charset not in {"", "utf-8", "utf8"}:
        raise HTTPRefused(415, "The charset must be utf-8.")
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise HTTPRefused(415, "Send the file uncompressed.")
    return kind


def _refuse_columns(first: Record, principal: Principal) -> None:
    """Refuse columns for which the caller lacks a permission; other faults are told later."""
    if first.fault is not None:
        return
    try:
        header = Header.of(first.line, first.cells)
    except ImportFileRefused:
        return
    missing = sorted(header.needs - principal.permissions)
    if missing:
        message = f"These columns need the permission {', '.join(missing)}."
        names = [one.name for one in missing]
        raise HTTPRefused(403, message, ErrorCode.FORBIDDEN, requiredScopes=names)


def _running() -> HTTPRefused:
    return HTTPRefused(
        409,
        "An earlier import of yours is still running. Wait for its end, or cancel it.",
        ErrorCode.IMPORT_RUNNING,
    )


def _accepted(requested: Requested, wanted: NewImport) -> Response:
    body = {
        "importId": requested.id,
        "sha256": wanted.sha256,
        "byteCount": wanted.byte_count,
        "isReplayed": requested.is_replayed,
        "earlierImportId": requested.earlier_import_id,
        "warning": None if requested.earlier_import_id is None else SENT_BEFORE,
    }
    headers = {"idempotent-replayed": "true"} if requested.is_replayed else {}
    return Response(orjson.dumps(body), 202, headers, "application/json; charset=utf-8")


async def _template(request: Request) -> Response:
    refuse_others(request, "bom")
    return csv_answer("import-template.csv", template(), [], requested_bom(request))
