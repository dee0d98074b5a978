"""GraphQL over HTTP to the letter of its specification: one endpoint for POST and for GET."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from models.access import Principal
from schema.admission import Admission, Crowded
from schema.context import Context
from schema.errors import ErrorCode, RequestRefused, masked
from schema.guessing import TooManyGuesses
from schema.null_characters import holds_null_character
from schema.proxy import address_of
from schema.serving import CustomerClassesSchema
from schema.sign_in import SIGN_IN_UNAVAILABLE, Authenticate, SignInUnavailable
from schema.trusted_documents import DocumentSource, Wanted, asked_id

log = structlog.get_logger(__name__)

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
WILDCARDS = ("application/*", "*/*")
PARAMETERS = {
    "query": str,
    "operationName": str,
    "variables": dict,
    "documentId": str,
    "extensions": dict,
}
STATUSES = {ErrorCode.RATE_LIMITED.value: 429, ErrorCode.TIMEOUT.value: 503}
"""The statuses of refusals that every client is to understand, whatever media type it takes."""


MakeContext = Callable[[str, Principal], Context]
"""Makes the context of a request from its id and its principal."""


class HTTPRefused(Exception):
    """A request that never gets as far as GraphQL; `status` is the HTTP status."""

    def __init__(
        self,
        status: int,
        message: str,
        code: ErrorCode = ErrorCode.BAD_REQUEST,
        headers: Mapping[str, str] | None = None,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or {}
        self.details = details


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The parameters of a request, of the types that they must have."""

    query: str | None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    document_id: str | None = None
    extensions: dict[str, Any] | None = None


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

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        media_type = JSON
        try:
            media_type = negotiate(request.headers.get("accept"))
            authorization = request.headers.get("authorization")
            principal = await self._authenticate(authorization, address_of(request.scope))
            if principal is None:
                raise HTTPRefused(
                    401,
                    "Sign in with a bearer token that is valid.",
                    ErrorCode.UNAUTHENTICATED,
                    {"WWW-Authenticate": "Bearer"},
                )
            wanted = await read_request(request, self._schema.limits.max_request_bytes)
            return await self._execute(request, wanted, principal, media_type)
        except (Crowded, SignInUnavailable, TooManyGuesses) as told:
            return _answer_later(told, media_type)
        except HTTPRefused as refused:
            extensions = {"code": refused.code.value, **refused.details}
            error = {"message": str(refused), "extensions": extensions}
            return _answer({"errors": [error]}, refused.status, media_type, refused.headers)
        except ClientDisconnect:
            log.info("client_gone")
            return Response(status_code=400)  # nobody is left to read it
        except Exception:
            # Fields mask their own bugs; this one came before them, as when the database is gone.
            log.exception("request_failed")
            message, extensions = masked(request.state.request_id)
            error = {"message": message, "extensions": extensions}
            return _answer({"errors": [error]}, 500, media_type)

    async def _execute(
        self, request: Request, wanted: GraphQLRequest, principal: Principal, media_type: str
    ) -> Response:
        request_id: str = request.state.request_id
        is_get = request.method == "GET"
        context = self._make_context(request_id, principal)
        context.admission = self._admission
        allowed = [OperationType.QUERY] if is_get else [OperationType.QUERY, OperationType.MUTATION]
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
                405, "Mutations go by POST only.", headers={"Allow": "POST"}
            ) from error
        except CannotGetOperationTypeError as error:
            raise HTTPRefused(400, "The document has no such operation.") from error
        body, status = _body_and_status(result, media_type)
        if document.keep_as and not isinstance(result, PreExecutionError):
            self._documents.keep(document)
        response = _answer(body, status, media_type)
        if context.spending is not None:
            response.raw_headers += context.spending.raw_headers()
        return response

    def _find(self, wanted: GraphQLRequest, media_type: str) -> Wanted:
        """Give the document that is asked for, by its text or by its id."""
        try:
            document_id = asked_id(wanted.document_id, wanted.extensions)
            return self._documents.find(wanted.query, document_id)
        except RequestRefused as refused:
            is_bad = refused.code is ErrorCode.BAD_REQUEST or media_type == GRAPHQL_RESPONSE
            raise HTTPRefused(400 if is_bad else 200, refused.message, refused.code) from refused


def _answer_later(told: Crowded | SignInUnavailable | TooManyGuesses, media_type: str) -> Response:
    """Answer what may go well when it is tried again, and say when."""
    match told:
        case Crowded():
            status, code, message = 503, ErrorCode.OVERLOADED, str(told)
        case SignInUnavailable():
            status, code, message = 503, ErrorCode.SIGN_IN_UNAVAILABLE, SIGN_IN_UNAVAILABLE
        case TooManyGuesses():
            status, code, message = 429, ErrorCode.RATE_LIMITED, "Too many sign-ins have failed."
    error = {"message": message, "extensions": {"code": code.value}}
    headers = {"Retry-After": str(told.retry_after)}
    return _answer({"errors": [error]}, status, media_type, headers)


def negotiate(accept: str | None) -> str:
    """Choose the media type of the answer; a client that does not care gets plain JSON."""
    if accept is None or not accept.strip():
        return JSON
    best, best_quality = None, 0.0
    for part in accept.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = _quality(parameters)
        offered = JSON if name in WILDCARDS else name
        if offered in {JSON, GRAPHQL_RESPONSE} and quality > best_quality:
            best, best_quality = offered, quality
    if best is None:
        raise HTTPRefused(406, f"This endpoint answers in {GRAPHQL_RESPONSE} or {JSON}.")
    return best


async def read_request(request: Request, most: int) -> GraphQLRequest:
    """Take the parameters out of a request; refuse what is not of the specification's form."""
    if request.method == "GET":
        given: dict[str, Any] = dict(request.query_params)
        _refuse_null_characters(b"\x00", {"query": given.get("query")})
        for name in ("variables", "extensions"):
            if name in given:
                given[name] = _parsed(given[name].encode())
    elif request.method == "POST":
        given = await _read_body(request, most)
    else:
        raise HTTPRefused(405, "GET and POST only.", headers={"Allow": "GET, POST"})
    for name, wanted in PARAMETERS.items():
        value = given.get(name)
        if value is not None and not isinstance(value, wanted):
            kind = "a string" if wanted is str else "an object"
            raise HTTPRefused(400, f"{name} must be {kind}.")
    get = given.get
    named, variables = get("operationName") or None, get("variables")
    return GraphQLRequest(get("query"), named, variables, get("documentId"), get("extensions"))


async def _read_body(request: Request, most: int) -> dict[str, Any]:
    if not _is_json(request.headers.get("content-type", "")):
        raise HTTPRefused(415, f"Send {JSON} in UTF-8.")
    given = _parsed(await _whole_body(request, most))
    if not isinstance(given, dict):
        raise HTTPRefused(400, "Send one JSON object; batches are not taken.")
    return given


def _is_json(content_type: str) -> bool:
    if content_type == JSON:
        return True
    name, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    charset = next((p for p in parameters if p.startswith("charset=")), "charset=utf-8")
    return name == JSON and charset.strip('"').partition("=")[2].strip('"') == "utf-8"


async def _whole_body(request: Request, most: int) -> bytes:
    """Read a body, which mostly comes in one piece."""
    body, has_more = b"", True
    while has_more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(body) > most:
            too_large = f"A request has {most:,} bytes at most; this one has more."
            raise HTTPRefused(413, too_large, ErrorCode.REQUEST_TOO_LARGE, limit=most)
    return body


def _parsed(text: bytes) -> Any:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise HTTPRefused(400, "That is not JSON.") from error
    _refuse_null_characters(text, parsed)
    return parsed


def _refuse_null_characters(text: bytes, parsed: Any) -> None:
    if holds_null_character(text, parsed):
        raise HTTPRefused(400, "Text must not hold the character U+0000.")


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(float(parameter[2:]), 1.0)
            except ValueError:
                return 0.0
    return 1.0


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
    body: dict[str, Any], status: int, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(
        orjson.dumps(body),
        status,
        {"content-type": f"{media_type}; charset=utf-8", **(headers or {})},
    )
