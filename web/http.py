"""The GraphQL endpoint for POST and GET, by the GraphQL over HTTP specification.

The endpoint handles ASGI messages itself, because Starlette's request and response objects would
cost as much time as the execution of a small query.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson
import structlog
from starlette.types import Message, Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from models.storage.fault_log import report
from models.tables.access import Principal
from schema.base.context import Context
from schema.base.errors import (
    ClientGone,
    ErrorCode,
    RequestRefused,
    is_unavailable,
    mask_and_log,
    masked,
    unavailable,
)
from schema.base.request_notes import note_errors
from schema.base.request_slot import Limiters, RequestSlot
from schema.engine.document_reader import LONG_JSON
from schema.engine.metering import BYTES_PER_POINT
from schema.engine.served_schema import CustomerClassesSchema
from schema.engine.trusted_documents import DocumentSource, Wanted, asked_id
from web.auth_failure_limiter import TooManyAuthFailures
from web.http_request import (
    GRAPHQL_RESPONSE,
    IDEMPOTENCY_KEY,
    JSON,
    GraphQLRequest,
    Header,
    HTTPRefused,
    RequestSource,
    headers_of,
    negotiate,
    read_idempotency_key,
    receive_request,
)
from web.proxy import address_of
from web.sign_in import Authenticate, SignInUnavailable

log = structlog.get_logger(__name__)

STATUSES = {
    ErrorCode.OVERLOADED.value: 503,
    ErrorCode.RATE_LIMITED.value: 429,
    ErrorCode.SIGN_IN_UNAVAILABLE.value: 503,
    ErrorCode.TIMEOUT.value: 503,
}
"""The HTTP status by error code of a refused request, whichever media type the client accepts."""

SHORT_JSON = 4_000
"""Requests of up to this number of bytes are decoded without a slot, as that takes little time."""

REPEAT_STATUSES = {
    ErrorCode.IDEMPOTENCY_IN_PROGRESS.value: 409,
    ErrorCode.IDEMPOTENCY_KEY_REUSED.value: 422,
}
"""The HTTP status by error code of a request of which no mutation ran, because of their keys.

Unlike the errors of STATUSES, these are errors of fields.
"""

REPLAYED = (b"idempotent-replayed", b"true")
"""The header of an answer with a mutation that repeats an earlier request."""

CONTENT_TYPES = {one: f"{one}; charset=utf-8".encode() for one in (JSON, GRAPHQL_RESPONSE)}
MANY_ROWS = 500
READING = (OperationType.QUERY,)
WRITING = (OperationType.QUERY, OperationType.MUTATION)

MakeContext = Callable[[str, Principal], Context]
"""Creates the context of a request from its id and its principal."""

Answer = tuple[Message, Message]
"""The two ASGI messages of an answer: its start and its body."""


class GraphQLEndpoint:
    """Executes operations over HTTP; every request must be authenticated."""

    def __init__(
        self,
        schema: CustomerClassesSchema,
        authenticate: Authenticate,
        make_context: MakeContext,
        limiters: Limiters,
        documents: DocumentSource,
    ) -> None:
        self._schema = schema
        self._documents = documents
        self._limiters = limiters
        self._authenticate = authenticate
        self._make_context = make_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        start, body = await self._answer(scope, receive)
        await send(start)
        await send(body)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        media_type, request_id = JSON, scope["state"]["request_id"]
        context: Context | None = None
        try:
            headers = headers_of(scope)
            media_type = negotiate(_text(headers.get(b"accept")))
            authorization = _text(headers.get(b"authorization"))
            principal = await self._authenticate(authorization, address_of(scope))
            if principal is None:
                raise HTTPRefused(
                    401,
                    "Sign in with a valid bearer token.",
                    ErrorCode.UNAUTHENTICATED,
                    [(b"www-authenticate", b"Bearer")],
                )
            most = self._schema.limits.max_request_bytes
            source = await receive_request(scope, headers, receive, most)
            context = self._make_context(request_id, principal)
            context.limiters = self._limiters
            if IDEMPOTENCY_KEY in headers:
                context.idempotency_key = read_idempotency_key(scope)
            context.is_gone = scope["state"].get("is_gone")
            # All work that uses the CPU, up to encoding the answer, is done while a slot is held.
            async with context.enter():
                return await self._execute(context, source, media_type)
        except (SignInUnavailable, TooManyAuthFailures) as error:
            refused = error.refusal
        except RequestRefused as error:
            refused = error
        except HTTPRefused as error:
            extensions = {"code": error.code.value, **error.details}
            told_error = {"message": str(error), "extensions": extensions}
            more = [*error.headers, *_cost_headers(context)]
            return _answer({"errors": [told_error]}, error.status, media_type, more)
        except ClientGone:
            log.info("client_gone")
            return _answer({}, 400, media_type)  # the client has disconnected, so nobody reads this
        except Exception as error:
            # Exceptions of fields become GraphQL errors; this one was raised elsewhere.
            fault = report("request_failed", error)
            if fault is not None:
                return _answer_fault(*unavailable(fault), media_type)
            message, extensions = masked(request_id)
            masked_error = {"message": message, "extensions": extensions}
            return _answer({"errors": [masked_error]}, 500, media_type)
        mask_and_log([refused], request_id)
        return _answer_result(PreExecutionError(None, [refused]), media_type, context)

    async def _execute(self, context: Context, source: RequestSource, media_type: str) -> Answer:
        length, slot = len(source.text), context.slot
        if slot is not None and (length > SHORT_JSON or not slot.may_continue()):
            await slot.enter_intake()
        spending = self._schema.begin(context)
        if length >= BYTES_PER_POINT:
            await spending.charge_for_size(length // BYTES_PER_POINT, context.clock)
        if slot is None or length < LONG_JSON:
            wanted = source.decoded()
        else:
            wanted = await self._schema.read_in_thread(slot, source.decoded)
        document = self._find(context, wanted, media_type)
        try:
            result = await self._schema.execute(
                document.text,
                variable_values=wanted.variables,
                operation_name=wanted.operation_name,
                context_value=context,
                allowed_operation_types=READING if source.is_get else WRITING,
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION:
                raise HTTPRefused(400, "Subscriptions need a WebSocket.") from error
            raise HTTPRefused(
                405, "Mutations must be sent by POST.", headers=[(b"allow", b"POST")]
            ) from error
        except CannotGetOperationTypeError as error:
            raise HTTPRefused(
                400, "The document has no operation with the given `operationName`."
            ) from error
        if document.keep_as and not isinstance(result, PreExecutionError):
            self._documents.keep(document)
        if spending.actual > MANY_ROWS and slot is not None and result.data:
            await _encode_in_turns(result.data, slot)
        return _answer_result(result, media_type, context)

    def _find(self, context: Context, wanted: GraphQLRequest, media_type: str) -> Wanted:
        """Return the requested document, found by its text or by its id; raises HTTPRefused."""
        try:
            document_id = asked_id(wanted.document_id, wanted.extensions)
            return self._documents.find(wanted.query, document_id, context.caller)
        except RequestRefused as refused:
            is_bad = refused.code is ErrorCode.BAD_REQUEST or media_type == GRAPHQL_RESPONSE
            raise HTTPRefused(400 if is_bad else 200, refused.message, refused.code) from refused


async def _encode_in_turns(data: dict[str, Any], slot: RequestSlot) -> None:
    """Encode the fields of a long answer one by one, so that others may run in between.

    Null stays None, as the status depends on which fields are null.
    """
    for name, value in data.items():
        if value is not None:
            await slot.wait()
            data[name] = orjson.Fragment(orjson.dumps(value))


def _answer_result(result: ExecutionResult, media_type: str, context: Context | None) -> Answer:
    headers = _cost_headers(context)
    fault = next(filter(is_unavailable, result.errors), None) if result.errors else None
    if fault is not None:
        return _answer_fault(fault.message, fault.extensions or {}, media_type, result, headers)
    body, status = _body_and_status(result, media_type)
    if context is not None and context.has_replayed:
        headers.append(REPLAYED)
    if result.errors and status in {409, 429, 503}:
        seconds = (result.errors[0].extensions or {}).get("retryAfterSeconds")
        if seconds is not None:
            headers.append((b"retry-after", b"%d" % seconds))
    return _answer(body, status, media_type, headers)


def _cost_headers(context: Context | None) -> list[Header]:
    spending = context.spending if context else None
    if spending is None:
        return []
    spending.settle()  # the cost of a refused operation has not been settled yet
    return spending.raw_headers()


def _answer_fault(
    message: str,
    extensions: dict[str, Any],
    media_type: str,
    result: ExecutionResult | None = None,
    headers: Iterable[Header] = (),
) -> Answer:
    """Return a 503 answer for a request in which the database failed, be it for a single field.

    Without a `result`, the only error in the answer is that of `message` and `extensions`.
    """
    body: dict[str, Any] = {"errors": [{"message": message, "extensions": extensions}]}
    if result is not None and result.errors:
        body = {"errors": [error.formatted for error in result.errors], "data": result.data}
    retry_after = (b"retry-after", b"%d" % extensions["retryAfterSeconds"])
    return _answer(body, 503, media_type, [*headers, retry_after])


def _body_and_status(result: ExecutionResult, media_type: str) -> tuple[dict[str, Any], int]:
    """Return body and HTTP status of a result.

    The result of a request error has no data, and a status of its own. Errors of fields have
    partial data and status 200.
    """
    body: dict[str, Any] = {}
    errors = result.errors or []
    if errors:
        body["errors"] = [error.formatted for error in errors]
    is_request_error = result.data is None and all(error.path is None for error in errors)
    if not is_request_error:
        body["data"] = result.data
    if result.extensions:
        body["extensions"] = result.extensions
    if not is_request_error:
        return body, _status_of_fields(result) if errors else 200
    status = STATUSES.get((errors[0].extensions or {}).get("code", "")) if errors else None
    return body, status or (400 if media_type == GRAPHQL_RESPONSE else 200)


def _status_of_fields(result: ExecutionResult) -> int:
    """Return the HTTP status of a result with errors of fields: 200 unless all fields are null."""
    data, errors = result.data or {}, result.errors or []
    if any(value is not None for value in data.values()):
        return 200
    return REPEAT_STATUSES.get((errors[0].extensions or {}).get("code", ""), 200)


def _answer(
    body: dict[str, Any], status: int, media_type: str, more: Iterable[Header] = ()
) -> Answer:
    if "errors" in body:
        note_errors(body["errors"])
    text = orjson.dumps(body)
    headers = [
        (b"content-length", b"%d" % len(text)),
        (b"content-type", CONTENT_TYPES[media_type]),
        *more,
    ]
    return (
        {"type": "http.response.start", "status": status, "headers": headers},
        {"type": "http.response.body", "body": text},
    )


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")
