"""Streams whole lists, such as all customers, as CSV or as lines of JSON."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from models.changes.export_link import holder_of
from models.rules.errors import RefusalCode
from models.rules.export import ExportFormat, ExportKind, ExportLink
from models.storage.tenant_scope import bind_tenant
from models.tables.access import Principal
from schema.base.context import Context
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.request_notes import note_errors
from schema.base.request_slot import Limiters
from schema.engine.plan.variable_faults import MAX_NAME, UNKNOWN_FIELD
from schema.engine.served_schema import CustomerClassesSchema
from schema.types.export import EXPORTS
from web.csv_answer import requested_bom
from web.export_formats import MEDIA_TYPES, header_of, writer_of
from web.export_link import LINK, LinkSignIn
from web.export_pages import ExportPage, read_page
from web.parameters import optional_text_of, refuse_others
from web.request_json import UnusableJSON, read_json
from web.routes import Answer, AuthenticatedRoute
from web.sign_in import Identify

MakeContext = Callable[[str, Principal], Context]
Which = tuple[ExportKind, ExportFormat]
ReadNext = Callable[[str | None], Awaitable[ExportPage]]


class AccessEnded(RequestRefused):
    """The caller's credential ended while an export was sent."""

    def __init__(self) -> None:
        super().__init__(ErrorCode.UNAUTHENTICATED, "The credential has ended.")


class ExportAnswer(StreamingResponse):
    """An answer that breaks off if a later page is refused, so that the file is seen as incomplete.

    The request's own log line has the code of the refusal.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except RequestRefused as refused:
            note_errors([{"extensions": refused.extensions}])


class ExportRoute(AuthenticatedRoute):
    """The route of an export, whose caller signs in by a header or a link."""

    def __init__(
        self, sign_in: LinkSignIn, limiters: Limiters, answer: Answer, which: Which
    ) -> None:
        super().__init__(sign_in.authenticate, limiters, answer)
        self._sign_in = sign_in
        self._which = which

    async def principal_of(self, request: Request) -> Principal | None:
        return await self._sign_in.principal_of(request, *self._which)


def list_exports(
    sign_in: LinkSignIn,
    identify: Identify,
    limiters: Limiters,
    clock: Callable[[], datetime],
    schema: CustomerClassesSchema,
    make_context: MakeContext,
) -> list[Route]:
    """Return the routes `/exports/customers.csv`, `/exports/customers.jsonl` and so on.

    `identify` finds the principal of a header again before each page. The pages cost no points, so
    `schema` has no budget.
    """

    def route(kind: ExportKind, format_: ExportFormat) -> Route:
        async def export(request: Request) -> Response:
            link: ExportLink | None = request.state.link
            own = "filter" if link is None else LINK
            refuse_others(request, own, "after", "bom")
            filter_ = _filter_of(request, kind) if link is None else link.filter
            after = optional_text_of(request, "after")
            bom = requested_bom(request)
            mark = bom if format_ is ExportFormat.CSV else ""
            again = _identified_again(request, identify, clock)
            request_id: str = request.scope["state"]["request_id"]

            async def read(after: str | None) -> ExportPage:
                context = make_context(request_id, await again())
                return await read_page(schema, context, EXPORTS[kind], filter_, after)

            first = await read(after)
            body = _body(kind, format_, mark, first, read, request.state.part)
            name = f"{kind}-{clock().date()}.{format_}"
            headers = {
                "content-type": MEDIA_TYPES[format_],
                "content-disposition": f'attachment; filename="{name}"',
            }
            return ExportAnswer(body, headers=headers)

        endpoint = ExportRoute(sign_in, limiters, export, (kind, format_))
        return Route(f"/exports/{kind}.{format_}", endpoint, methods=["GET"])

    return [route(kind, format_) for kind in ExportKind for format_ in ExportFormat]


async def _body(
    kind: ExportKind,
    format_: ExportFormat,
    mark: str,
    page: ExportPage,
    read: ReadNext,
    part: Any,
) -> AsyncIterator[str]:
    """Yield the file page by page; each further page is read in a slot of its own."""
    columns = EXPORTS[kind].columns
    write = writer_of(format_, columns)
    yield mark + header_of(format_, columns) + write(page.rows)
    while page.has_more:
        async with part():
            page = await read(page.end)
            text = write(page.rows)
        if text:
            yield text


def _identified_again(
    request: Request, identify: Identify, clock: Callable[[], datetime]
) -> Callable[[], Awaitable[Principal]]:
    """Return a function that finds the caller's present permissions, or raises AccessEnded."""
    first: Principal = request.state.principal
    authorization = request.headers.get("authorization")
    link: ExportLink | None = request.state.link

    async def again() -> Principal:
        bind_tenant(None)  # tokens belong to no tenant
        try:
            known = identify(authorization) if link is None else holder_of(link, clock())
            principal = await known
        finally:
            bind_tenant(first.reseller_id)
        if principal is None or principal.reseller_id != first.reseller_id:
            raise AccessEnded
        return principal

    return again


_NO_OBJECT = 'The parameter `filter` must be a JSON object, such as {"isReseller": true}.'


def _filter_of(request: Request, kind: ExportKind) -> Mapping[str, Any]:
    """Return the filter of a request, a JSON object; raises RequestRefused if it is none."""
    text = optional_text_of(request, "filter")
    if text is None:
        return {}
    try:
        found = read_json(text.encode())
    except (UnusableJSON, UnicodeEncodeError) as error:
        raise _refused(RefusalCode.BAD_FORMAT, f"{_NO_OBJECT} {_why(error)}") from error
    if not isinstance(found, dict):
        raise _refused(RefusalCode.BAD_FORMAT, _NO_OBJECT)
    for name in EXPORTS[kind].arguments(found).keys() - EXPORTS[kind].types.keys():
        raise _refused(UNKNOWN_FIELD, f"`{name[:MAX_NAME]}` is not a member of the filter.")
    return found


def _why(error: Exception) -> str:
    """Return a sentence that says why a text cannot be read as JSON."""
    if not isinstance(error, UnusableJSON):
        return "It must be UTF-8."
    return str(error).replace("The JSON text", "What you sent", 1)


def _refused(code: str, message: str) -> RequestRefused:
    fault = {"variable": "filter", "path": [], "code": str(code), "message": message}
    return RequestRefused(ErrorCode.BAD_USER_INPUT, message, faults=[fault])
