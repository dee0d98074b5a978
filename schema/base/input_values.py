"""Checks values in JSON against input types of the schema, without executing an operation."""

from collections.abc import Sequence
from typing import Any

from graphql import GraphQLError, parse_type, type_from_ast, validate_input_value

from schema.base.context import Info
from schema.engine.strawberry_internals import core_info

MAX_SHOWN = 80


def fault_of_value(info: Info, kind: str, value: Any) -> str | None:
    """Return why a value is not of the type `kind`, such as `[ID!]`; None if it is."""
    known: Any = type_from_ast(core_info(info).schema, parse_type(kind))
    faults: list[str] = []

    def note(error: GraphQLError, path: Sequence[str | int]) -> None:
        where = ".".join(str(one) for one in path)
        faults.append(f"{where[:MAX_SHOWN]}: {error.message}" if where else error.message)

    validate_input_value(value, known, note)
    return faults[0].removesuffix(".") if faults else None
