"""Limits the size of documents and of their variables.

A document is measured before it is validated, because validating a large one takes long.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from graphql import DocumentNode, GraphQLError, Node, OperationDefinitionNode

from schema.base.errors import ErrorCode, RequestRefused
from schema.engine.document_measure import Measures, measure

MAX_SAID = 10**9
"""The largest number to put into a message.

Nested fragments can stand for more fields than a JSON number can express.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a request; `settings.py` describes each under the same name."""

    max_request_bytes: int = 1_000_000
    max_tokens: int = 5_000
    max_depth: int = 20
    max_fields: int = 2_000
    max_selection_fields: int = 200
    max_root_fields: int = 50
    max_aliases: int = 100
    max_directives: int = 100
    max_field_directives: int = 4
    max_list_entries: int = 1_000
    max_value_depth: int = 12
    max_variable_values: int = 10_000
    max_cost: int = 100_000
    query_timeout_s: float = 30
    introspection: bool = True

    @classmethod
    def of(cls, settings: Any) -> Self:
        """Return the limits in the settings."""
        return cls(**{one.name: getattr(settings, one.name) for one in fields(cls)})

    @classmethod
    def for_exports(cls, settings: Any) -> Self:
        """Return the limits of our own operations, whose size does not depend on the client.

        Only the limits of values, such as those of filters, are the settings'.
        """
        return replace(
            cls(),
            max_value_depth=settings.max_value_depth,
            max_variable_values=settings.max_variable_values,
            max_cost=10**9,
        )


BOUNDS = (
    (ErrorCode.QUERY_TOO_DEEP, "levels of fields", "depth", "max_depth"),
    (ErrorCode.FRAGMENTS_TOO_DEEP, "levels of nested fragments", "fragments", "max_depth"),
    (ErrorCode.TOO_MANY_ALIASES, "aliases", "aliases", "max_aliases"),
    (
        ErrorCode.SELECTION_TOO_WIDE,
        "fields in one selection",
        "selection_fields",
        "max_selection_fields",
    ),
    (ErrorCode.TOO_MANY_FIELDS, "fields", "fields", "max_fields"),
    (
        ErrorCode.TOO_MANY_DIRECTIVES,
        "directives in one place",
        "field_directives",
        "max_field_directives",
    ),
    (ErrorCode.TOO_MANY_DIRECTIVES, "directives", "directives", "max_directives"),
    (ErrorCode.LIST_TOO_LONG, "entries in one list", "list_entries", "max_list_entries"),
    (ErrorCode.VALUE_TOO_DEEP, "levels of nested values", "value_depth", "max_value_depth"),
)
"""Error code, words in the message, field of Measures, and field of Limits, for each limit."""


def refuse_too_large(document: DocumentNode, limits: Limits) -> None:
    """Raise RequestRefused if a document exceeds a limit, or uses disabled introspection.

    Cycles of fragments are not refused here, because validation reports them with their position.
    """
    for definition, measured in measure(document):
        if measured.is_introspecting and not limits.introspection:
            raise RequestRefused(
                ErrorCode.INTROSPECTION_DISABLED,
                "This server does not show its schema.",
                definition,
            )
        if isinstance(definition, OperationDefinitionNode):
            _refuse_beyond(
                ErrorCode.TOO_MANY_ROOT_FIELDS,
                "root fields",
                measured.top_fields,
                limits.max_root_fields,
                definition,
            )
        _refuse_measures(measured, limits, definition)


def _refuse_measures(measured: Measures, limits: Limits, definition: Node) -> None:
    for code, what, name, limit in BOUNDS:
        _refuse_beyond(code, what, getattr(measured, name), getattr(limits, limit), definition)


def refuse_too_many_values(variables: Mapping[str, Any] | None, limits: Limits) -> None:
    """Raise RequestRefused if variables are nested too deeply, or have too many values.

    Values are counted level by level, so that nothing below the maximum depth is visited.
    """
    level: list[Any] = [one for one in (variables or {}).values() if type(one) in (dict, list)]
    depth = values = 0
    while level:
        depth += 1
        _refuse_beyond(
            ErrorCode.VALUE_TOO_DEEP, "levels of nested values", depth, limits.max_value_depth
        )
        below: list[Any] = []
        for value in level:
            values += len(value)
            if type(value) is list:
                _refuse_beyond(
                    ErrorCode.LIST_TOO_LONG,
                    "entries in one list",
                    len(value),
                    limits.max_list_entries,
                )
            inner = value if type(value) is list else value.values()
            below += [one for one in inner if type(one) in (dict, list)]
        _refuse_beyond(
            ErrorCode.VARIABLES_TOO_LARGE,
            "values in variables",
            values,
            limits.max_variable_values,
        )
        level = below


def as_too_large(error: GraphQLError, limits: Limits) -> GraphQLError:
    """Return the refusal for a syntax error about the document's size; other errors as they are."""
    # Other syntax errors may repeat text of the client, but do not begin with these words.
    said = error.message.removeprefix("Syntax Error: ")
    if said.startswith(f"Document contains more than {limits.max_tokens} tokens."):
        code, what, limit = ErrorCode.TOO_MANY_TOKENS, "tokens", limits.max_tokens
    elif said.startswith("Document is nested too deeply."):
        code, what, limit = ErrorCode.QUERY_TOO_DEEP, "levels of fields", limits.max_depth
    else:
        return error
    message = f"A request may have at most {limit:,} {what}; this one has more."
    return RequestRefused(code, message, limit=limit)


def _refuse_beyond(
    code: ErrorCode, what: str, actual: int, limit: int, node: Node | None = None
) -> None:
    if actual <= limit:
        return
    said = min(actual, MAX_SAID)
    more = " or more" if said < actual else ""
    message = f"A request may have at most {limit:,} {what}; this one has {said:,}{more}."
    raise RequestRefused(code, message, node, limit=limit, actual=said)
