"""GraphQL over HTTP to the letter of its specification: one endpoint for POST and for GET.

It is an ASGI application by itself. Requests and answers are as the server hands and takes them:
objects around them would cost as much as executing a small query.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson
import structlog
from starlette.types import Message, Receive, Scope, Send
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from models.access import Principal
from schema.admission import Admission, Crowded
from schema.context import Context
from schema.errors import ErrorCode, RequestRefused, masked
from schema.guessing import TooManyGuesses
from schema.http_request import (
    GRAPHQL_RESPONSE,
    JSON,
    ClientGone,
    GraphQLRequest,
    Header,
    HTTPRefused,
    headers_of,
    negotiate,
    read_request,
)
from schema.proxy import address_of
from schema.request_notes import note_errors
from schema.serving import CustomerClassesSchema
from schema.sign_in import SIGN_IN_UNAVAILABLE, Authenticate, SignInUnavailable
from schema.trusted_documents import DocumentSource, Wanted, asked_id

log = structlog.get_logger(__name__)

STATUSES = {ErrorCode.RATE_LIMITED.value: 429, ErrorCode.TIMEOUT.value: 503}
"""The statuses of refusals that every client is to understand, whatever media type it takes."""

CONTENT_TYPES = {one: f"{one}; charset=utf-8".encode() for one in (JSON, GRAPHQL_RESPONSE)}
READING = (OperationType.QUERY,)
WRITING = (OperationType.QUERY, OperationType.MUTATION)

MakeContext = Callable[[str, Principal], Context]
"""Makes the context of a request from its id and its principal."""

Answer = tuple[Message, Message]
"""What the server is sent: the start of the answer, and its body."""


class GraphQLEndpoint:
    """Serves a schema; every request needs a principal."""

    def __init__(
        self,
        schema: CustomerClassesSchema,
        authenticate: Authenticate,
        make_context: MakeContext,
        admission: Admission,
        documents: DocumentSource,
    ) -> None:
        self._schema = schema
        self._documents = documents
        self._admission = admission
        self._authenticate = authenticate
        self._make_context = make_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        start, body = await self._answer(scope, receive)
        await send(start)
        await send(body)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        media_type, request_id = JSON, scope["state"]["request_id"]
        try:
            headers = headers_of(scope)
            media_type = negotiate(_text(headers.get(b"accept")))
            authorization = _text(headers.get(b"authorization"))
            principal = await self._authenticate(authorization, address_of(scope))
            if principal is None:
                raise HTTPRefused(
                    401,
                    "Sign in with a bearer token that is valid.",
                    ErrorCode.UNAUTHENTICATED,
                    [(b"www-authenticate", b"Bearer")],
                )
            most = self._schema.limits.max_request_bytes
            wanted = await read_request(scope, headers, receive, most)
            context = self._make_context(request_id, principal)
            allowed = READING if scope["method"] == "GET" else WRITING
            return await self._execute(context, wanted, allowed, media_type)
        except (Crowded, SignInUnavailable, TooManyGuesses) as told:
            return _answer_later(told, media_type)
        except HTTPRefused as refused:
            extensions = {"code": refused.code.value, **refused.details}
            error = {"message": str(refused), "extensions": extensions}
            return _answer({"errors": [error]}, refused.status, media_type, refused.headers)
        except ClientGone:
            log.info("client_gone")
            return _answer({}, 400, media_type)  # nobody is left to read it
        except Exception:
            # Fields mask their own bugs; this one came before them, as when the database is gone.
            log.exception("request_failed")
            message, extensions = masked(request_id)
            error = {"message": message, "extensions": extensions}
            return _answer({"errors": [error]}, 500, media_type)

    async def _execute(
        self,
        context: Context,
        wanted: GraphQLRequest,
        allowed: Iterable[OperationType],
        media_type: str,
    ) -> Answer:
        context.admission = self._admission
        document = self._find(wanted, media_type)
        try:
            result = await self._schema.execute(
                document.text,
                variable_values=wanted.variables,
                operation_name=wanted.operation_name,
                context_value=context,
                allowed_operation_types=allowed,
            )
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION:
                raise HTTPRefused(400, "Subscribe over a WebSocket.") from error
            raise HTTPRefused(
                405, "Mutations go by POST only.", headers=[(b"allow", b"POST")]
            ) from error
        except CannotGetOperationTypeError as error:
            raise HTTPRefused(400, "The document has no such operation.") from error
        body, status = _body_and_status(result, media_type)
        if document.keep_as and not isinstance(result, PreExecutionError):
            self._documents.keep(document)
        spending = context.spending
        return _answer(body, status, media_type, spending.raw_headers() if spending else ())

    def _find(self, wanted: GraphQLRequest, media_type: str) -> Wanted:
        """Give the document that is asked for, by its text or by its id."""
        try:
            document_id = asked_id(wanted.document_id, wanted.extensions)
            return self._documents.find(wanted.query, document_id)
        except RequestRefused as refused:
            is_bad = refused.code is ErrorCode.BAD_REQUEST or media_type == GRAPHQL_RESPONSE
            raise HTTPRefused(400 if is_bad else 200, refused.message, refused.code) from refused


def _answer_later(told: Crowded | SignInUnavailable | TooManyGuesses, media_type: str) -> Answer:
    """Answer what may go well when it is tried again, and say when."""
    match told:
        case Crowded():
            status, code, message = 503, ErrorCode.OVERLOADED, str(told)
        case SignInUnavailable():
            status, code, message = 503, ErrorCode.SIGN_IN_UNAVAILABLE, SIGN_IN_UNAVAILABLE
        case TooManyGuesses():
            status, code, message = 429, ErrorCode.RATE_LIMITED, "Too many sign-ins have failed."
    error = {"message": message, "extensions": {"code": code.value}}
    headers = [(b"retry-after", b"%d" % told.retry_after)]
    return _answer({"errors": [error]}, status, media_type, headers)


def _body_and_status(result: ExecutionResult, media_type: str) -> tuple[dict[str, Any], int]:
    """Tell request errors, which have no data, from errors of fields, which leave data behind."""
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
        return body, 200
    status = STATUSES.get((errors[0].extensions or {}).get("code", "")) if errors else None
    return body, status or (400 if media_type == GRAPHQL_RESPONSE else 200)


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
