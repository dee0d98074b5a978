"""Reads requests of GraphQL over HTTP: which media type is wanted, and what is asked for."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope

from schema.errors import ErrorCode
from schema.null_characters import holds_null_character

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

Headers = Mapping[bytes, bytes]
"""The headers of a request; of those that came more than once, the first."""


Header = tuple[bytes, bytes]


class HTTPRefused(Exception):
    """A request that never gets as far as GraphQL; `status` is the HTTP status."""

    def __init__(
        self,
        status: int,
        message: str,
        code: ErrorCode = ErrorCode.BAD_REQUEST,
        headers: Sequence[Header] = (),
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers
        self.details = details


class ClientGone(Exception):
    """The client hung up before it had sent all."""


class GraphQLRequest(NamedTuple):
    """The parameters of a request, of the types that they must have."""

    query: str | None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    document_id: str | None = None
    extensions: dict[str, Any] | None = None


def headers_of(scope: Scope) -> Headers:
    """Give the headers of a request by their names, in small letters."""
    return dict(reversed([*scope["headers"]]))


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


class RequestSource(NamedTuple):
    """A request as it came, not decoded yet."""

    is_get: bool
    text: bytes

    def decoded(self) -> GraphQLRequest:
        """Take the parameters out; refuse what is not of the specification's form."""
        given = _of_address(self.text) if self.is_get else _of_body(self.text)
        for name, wanted in PARAMETERS.items():
            value = given.get(name)
            if value is not None and not isinstance(value, wanted):
                kind = "a string" if wanted is str else "an object"
                raise HTTPRefused(400, f"{name} must be {kind}.")
        get = given.get
        named, variables = get("operationName") or None, get("variables")
        return GraphQLRequest(get("query"), named, variables, get("documentId"), get("extensions"))


async def receive_request(
    scope: Scope, headers: Headers, receive: Receive, most: int
) -> RequestSource:
    """Receive all of a request; refuse another method, media type or size."""
    method = scope["method"]
    if method == "GET":
        return RequestSource(is_get=True, text=scope["query_string"])
    if method != "POST":
        raise HTTPRefused(405, "GET and POST only.", headers=[(b"allow", b"GET, POST")])
    if not _is_json(headers.get(b"content-type", b"").decode("latin-1")):
        raise HTTPRefused(415, f"Send {JSON} in UTF-8.")
    return RequestSource(is_get=False, text=await _whole_body(receive, most))


def _of_address(query_string: bytes) -> dict[str, Any]:
    given: dict[str, Any] = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    _refuse_null_characters(b"\x00", {"query": given.get("query")})
    for name in ("variables", "extensions"):
        if name in given:
            given[name] = _parsed(given[name].encode())
    return given


def _of_body(body: bytes) -> dict[str, Any]:
    given = _parsed(body)
    if not isinstance(given, dict):
        raise HTTPRefused(400, "Send one JSON object; batches are not taken.")
    return given


def _is_json(content_type: str) -> bool:
    if content_type == JSON:
        return True
    name, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    charset = next((p for p in parameters if p.startswith("charset=")), "charset=utf-8")
    return name == JSON and charset.strip('"').partition("=")[2].strip('"') == "utf-8"


async def _whole_body(receive: Receive, most: int) -> bytes:
    """Read a body, which mostly comes in one piece."""
    body, has_more = b"", True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
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
