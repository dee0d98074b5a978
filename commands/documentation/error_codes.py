"""Generates the page of error codes; what codes of user errors mean is from the schema."""

from collections.abc import Iterable, Mapping, Sequence

from graphql import GraphQLEnumType, GraphQLSchema

from commands.documentation.error_advice import TOP_LEVEL, USER_ERRORS
from commands.documentation.markdown import code, table
from commands.documentation.text import plain

INTRODUCTION = """# Error codes

How errors reach a client is described in [Errors](../front-end/errors.md). This page lists every
code.
"""
TOP_LEVEL_HEADING = """## Top-level errors

A top-level error carries its code as `extensions.code`.
"""
USER_ERRORS_HEADING = """## User errors

A mutation that the user can correct returns `userErrors`, and has changed nothing. Each carries its
`code`, and `retryable` says whether the same request may succeed later.
"""


def error_codes_page(codes: Sequence[str], schema: GraphQLSchema) -> str:
    """Return the page of error codes.

    `codes` are the codes of top-level errors. Raises ValueError if there is no advice for a code,
    or advice for an unknown code.
    """
    kind = schema.type_map["UserErrorCode"]
    assert isinstance(kind, GraphQLEnumType)  # noqa: S101  # narrows the type
    _demand("TOP_LEVEL", codes, TOP_LEVEL)
    _demand("USER_ERRORS", kind.values, USER_ERRORS)
    top = [
        (code(name), told.meaning, told.action, told.retry)
        for name, told in sorted(TOP_LEVEL.items())
    ]
    user = [
        (code(name), plain(value.description), USER_ERRORS[name].action, USER_ERRORS[name].retry)
        for name, value in sorted(kind.values.items())
    ]
    titles = ("Code", "Meaning", "What to do", "Retry")
    parts = (TOP_LEVEL_HEADING, table(titles, top), USER_ERRORS_HEADING, table(titles, user))
    return "\n".join((INTRODUCTION, *parts))


def _demand(name: str, codes: Iterable[str], advice: Mapping[str, object]) -> None:
    differing = set(codes) ^ advice.keys()
    if differing:
        raise ValueError(
            f"{name} in commands/documentation/error_advice.py must have an entry for each code,"
            f" and no other: {sorted(differing)}"
        )
