"""Reads GraphQL requests over HTTP: the media type of the answer, and the parameters."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope

from models.rules.idempotency import is_key
from schema.base.errors import ClientGone, ErrorCode
from schema.base.idempotent import HEADER, invalid_key
from web.request_json import UnusableJSON, has_null_character, read_json

GRAPHQL_RESPONSE = "application/graphql-response+json"
JSON = "application/json"
HTML = "text/html"
WILDCARDS = ("application/*", "*/*")
MAX_ACCEPTED = 50
MAX_PARAMETERS = 10
"""Of an Accept header, MAX_ACCEPTED media types are read, each with MAX_PARAMETERS parameters.

The rest of the header is ignored.
"""

IDEMPOTENCY_KEY = b"idempotency-key"
QUOTED_KEY = re.compile(r'"((?:[^"\\]|\\["\\])*)"')
"""A key as a string of a structured header (RFC 9651): in quotes, with escapes by backslashes."""

UTF_8 = frozenset({"utf-8", "utf8"})
MAX_SHOWN = 60
"""The maximum number of characters of a header that an error message repeats."""

PARAMETERS = {
    "query": str,
    "operationName": str,
    "variables": dict,
    "documentId": str,
    "extensions": dict,
}

Headers = Mapping[bytes, bytes]
"""The headers of a request by lowercase name; of a repeated header, the first value."""

Header = tuple[bytes, bytes]


class HTTPRefused(Exception):
    """A request is refused before GraphQL executes it; `status` is the HTTP status.

    `details` are members of the error's `extensions` in addition to its code.
    """

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


class GraphQLRequest(NamedTuple):
    """The parameters of a GraphQL request, after they were checked."""

    query: str | None
    operation_name: str | None = None
    variables: dict[str, Any] | None = None
    document_id: str | None = None
    extensions: dict[str, Any] | None = None


def headers_of(scope: Scope) -> Headers:
    return dict(reversed([*scope["headers"]]))


def negotiate(accept: str | None) -> str:
    """Return the media type for the answer, by default plain JSON; raises HTTPRefused (406)."""
    if accept is None or not accept.strip():
        return JSON
    best, best_quality = None, 0.0
    for name, quality in _accepted(accept):
        offered = JSON if name in WILDCARDS else name
        if offered in {JSON, GRAPHQL_RESPONSE} and quality > best_quality:
            best, best_quality = offered, quality
    if best is None:
        raise HTTPRefused(406, f"The Accept header must allow {GRAPHQL_RESPONSE} or {JSON}.")
    return best


def prefers_page(accept: str) -> bool:
    """Return whether a client prefers HTML to JSON; of equal qualities the first type counts."""
    best, best_quality = "", 0.0
    for name, quality in _accepted(accept):
        if (name == HTML or "json" in name) and quality > best_quality:
            best, best_quality = name, quality
    return best == HTML


def _accepted(accept: str) -> Iterator[tuple[str, float]]:
    """Yield the media types of an Accept header with their qualities."""
    for part in accept.split(",", MAX_ACCEPTED)[:MAX_ACCEPTED]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";", MAX_PARAMETERS))
        yield name, _quality(parameters)


def read_idempotency_key(scope: Scope) -> str:
    """Return the key in the header Idempotency-Key, which the request has, bare or in quotes.

    Raises HTTPRefused (400) if the header is repeated, or has no key.
    """
    first, *others = (value for name, value in scope["headers"] if name == IDEMPOTENCY_KEY)
    if others:
        raise _bad_key(f"The header {HEADER} must be sent once.")
    text = first.decode("latin-1").strip()
    quoted = QUOTED_KEY.fullmatch(text)
    if quoted is None and '"' in text:
        raise _bad_key(f"The header {HEADER} must be one key, bare or in quotes.")
    key = text if quoted is None else re.sub(r"\\(.)", r"\1", quoted[1])
    if not is_key(key):
        raise _bad_key(invalid_key(f"The header {HEADER}").message)
    return key


def _bad_key(message: str) -> HTTPRefused:
    return HTTPRefused(400, message, ErrorCode.IDEMPOTENCY_KEY_INVALID)


class RequestSource(NamedTuple):
    """The query string (GET) or body (POST) of a request, not decoded yet."""

    is_get: bool
    text: bytes

    def decoded(self) -> GraphQLRequest:
        """Return the request's parameters; raises HTTPRefused for invalid JSON or wrong types."""
        given = _read_query_string(self.text) if self.is_get else _read_body(self.text)
        for name, value in given.items():
            wanted = PARAMETERS.get(name)
            if wanted is not None and value is not None and not isinstance(value, wanted):
                kind = "a string" if wanted is str else "an object"
                raise HTTPRefused(400, f"{name} must be {kind}.")
        get = given.get
        named, variables = get("operationName") or None, get("variables")
        return GraphQLRequest(get("query"), named, variables, get("documentId"), get("extensions"))


async def receive_request(
    scope: Scope, headers: Headers, receive: Receive, most: int
) -> RequestSource:
    """Receive a whole request.

    Raises HTTPRefused for a wrong method or media type, or more than `most` bytes in the body;
    raises ClientGone if the client disconnects.
    """
    method = scope["method"]
    if method == "GET":
        return RequestSource(is_get=True, text=scope["query_string"])
    if method != "POST":
        raise HTTPRefused(405, "Use GET or POST.", headers=[(b"allow", b"GET, POST")])
    _check_media_type(headers.get(b"content-type", b"").decode("latin-1"))
    coding = headers.get(b"content-encoding")
    if coding is not None and coding.strip().lower() != b"identity":
        name = _quoted(coding.decode("latin-1").strip().lower())
        raise HTTPRefused(
            415,
            f"The content coding {name} is not supported; send the body uncompressed.",
            headers=[(b"accept-encoding", b"identity")],
        )
    return RequestSource(is_get=False, text=await _whole_body(receive, most))


def _read_query_string(text: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(text.decode("latin-1"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError as error:
        raise HTTPRefused(400, "The query string must be UTF-8, percent-encoded.") from error
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name not in PARAMETERS:
            continue
        if name in given:
            raise HTTPRefused(400, f"{name} is repeated in the query string.")
        given[name] = value
        if "\x00" in value or (name == "query" and has_null_character(value)):
            raise HTTPRefused(400, f"{name}: text must not contain the character U+0000.")
        if PARAMETERS[name] is dict:
            given[name] = _parsed(value.encode(), name)
    return given


def _read_body(text: bytes) -> dict[str, Any]:
    given = _parsed(text)
    if not isinstance(given, dict):
        raise HTTPRefused(400, "The body must be one JSON object; batches are not supported.")
    return given


def _check_media_type(content_type: str) -> None:
    """Raise HTTPRefused unless the body is JSON in UTF-8."""
    if content_type == JSON:
        return
    name, *parameters = (piece.strip() for piece in content_type.lower().split(";", MAX_PARAMETERS))
    if name != JSON:
        sent = _quoted(name) if name else "missing"
        raise HTTPRefused(415, f"The Content-Type must be {JSON}; it is {sent}.")
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        charset = value.strip().strip("\"'")
        if key.strip() == "charset" and charset not in UTF_8:
            raise HTTPRefused(415, f"The charset must be utf-8; it is {_quoted(charset)}.")


def _quoted(text: str) -> str:
    return f'"{text[:MAX_SHOWN]}"' + ("…" if len(text) > MAX_SHOWN else "")


async def _whole_body(receive: Receive, most: int) -> bytes:
    """Return the whole body; raises HTTPRefused (413) beyond `most` bytes, and ClientGone."""
    body, has_more = b"", True
    while has_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        has_more = message.get("more_body", False)
        if len(body) > most:
            too_large = f"The request body may have at most {most:,} bytes."
            raise HTTPRefused(413, too_large, ErrorCode.REQUEST_TOO_LARGE, limit=most)
    return body


def _parsed(text: bytes, *place: str) -> Any:
    try:
        return read_json(text, place)
    except UnusableJSON as unusable:
        raise HTTPRefused(400, unusable.message) from unusable


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(float(parameter[2:]), 1.0)
            except ValueError:
                return 0.0
    return 1.0
