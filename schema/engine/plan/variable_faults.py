"""Finds all faults in the values of an operation's variables, and tells them in one error.

graphql-core has one error for each fault, without a path or code, and shows values as Python writes
them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    VariableDefinitionNode,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.pyutils import did_you_mean, suggestion_list

from models.rules.errors import Bounds, RefusalCode
from models.rules.text import subject_of
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.input_faults import MalformedValue
from schema.engine.graphql_core_internals import get_variable_signature
from schema.engine.strawberry_internals import definition_of

MAX_FAULTS = 50
"""Maximum number of faults that are found and told."""

MAX_SUGGESTIONS = 3
"""Maximum faults that suggest similar names, as finding these is slow."""

MAX_CHOICES = 8
"""Maximum allowed values that a message lists; `allowedValues` has all."""

MAX_NAME = 100
"""Maximum characters of a name that the client sent, in an error."""

UNKNOWN_FIELD = "UNKNOWN_FIELD"
"""The code of a field that the input type does not have; the other codes are user errors' too."""

REQUIREMENTS = {
    GraphQLBoolean: "true or false",
    GraphQLFloat: "a number",
    GraphQLID: "an id, written as text",
    GraphQLInt: "a whole number",
    GraphQLString: "text",
}
"""By built-in scalar, the end of the sentence "The … must be"."""

MIN_VERSION = 1
"""The lowest version of an object, which is the least that `expectedVersion` can be."""

VERSION = ("expectedVersion",)
"""The end of the path to a whole number that no user types: text there is a fault of the client."""

Path = tuple[str | int, ...]
Values = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of a variable's value; `path` leads to it, from the variable's value on."""

    path: Path
    code: str
    message: str
    bounds: Bounds
    malformed: MalformedValue | None = None
    """The scalar's error, which has a stand-in; None if there is none."""
    raw_stand_in: Any = None
    """The stand-in as a client would send it."""
    sent: str = ""
    """The unknown name that the client sent; empty if the fault is not about a name."""
    known: tuple[str, ...] = ()
    """The names that the schema has instead."""


@dataclass(frozen=True, slots=True)
class VariableFault:
    """A fault, and the variable that has it."""

    node: VariableDefinitionNode
    kind: GraphQLInputType
    fault: Fault

    @property
    def variable(self) -> str:
        return self.node.variable.name.value


def find_variable_faults(
    schema: GraphQLSchema, operation: OperationDefinitionNode, given: Values
) -> list[VariableFault]:
    """Return the faults of an operation's variables, at most MAX_FAULTS."""
    found: list[VariableFault] = []
    for node in operation.variable_definitions or ():
        signature = get_variable_signature(schema, node)
        name = node.variable.name.value
        if isinstance(signature, GraphQLError) or (name not in given and node.default_value):
            continue
        kind = signature.type
        faults = _faults(given.get(name), kind, ())
        found += (
            VariableFault(node, kind, fault) for fault in islice(faults, MAX_FAULTS - len(found))
        )
    return found


def as_error(found: list[VariableFault], *, hides_names: bool) -> RequestRefused:
    """Return the error that lists the faults.

    It tells names of the schema that the client did not send, unless `hides_names`.
    """
    listed = []
    suggestions = 0 if hides_names else MAX_SUGGESTIONS
    for one in found:
        fault = one.fault
        is_enum = fault.code == RefusalCode.VALUE_NOT_ALLOWED
        if is_enum and not hides_names and len(fault.known) <= MAX_CHOICES:
            choices = f" Allowed: {', '.join(fault.known)}."
            fault = replace(fault, message=fault.message + choices)
        elif fault.known and suggestions:
            suggestions -= 1
            similar = suggestion_list(fault.sent, fault.known)
            fault = replace(fault, message=fault.message + did_you_mean(similar))
        listed.append(_listed(one.variable, fault, hides_names=hides_names))
    first = listed[0]
    at = f" at `{'.'.join(first['path'])}`" if first["path"] else ""
    more = f" `faults` lists all {len(listed)} faults." if len(listed) > 1 else ""
    message = f"Variable `${first['variable']}` has a wrong value{at}: {first['message']}{more}"
    return RequestRefused(ErrorCode.BAD_USER_INPUT, message, found[0].node, faults=listed)


def _listed(variable: str, fault: Fault, *, hides_names: bool) -> dict[str, Any]:
    is_enum = fault.code == RefusalCode.VALUE_NOT_ALLOWED and not hides_names
    return {
        "variable": variable,
        "path": [str(part) for part in fault.path],
        "code": str(fault.code),
        "message": fault.message,
        **fault.bounds,
        **({"allowedValues": list(fault.known)} if is_enum else {}),
    }


def _faults(value: Any, kind: Any, path: Path) -> Iterator[Fault]:
    """Yield the faults of a value of a type, in the order of the fields of input types."""
    if is_non_null_type(kind):
        if value is None:
            yield _fault(path, RefusalCode.REQUIRED, "is required")
            return
        kind = kind.of_type
    if value is None:
        return
    if is_list_type(kind):
        items = value if isinstance(value, list) else [value]
        for place, item in enumerate(items):
            yield from _faults(item, kind.of_type, (*path, place))
    elif not is_input_object_type(kind):
        fault = _leaf_fault(value, kind, path)
        if fault is not None:
            yield fault
    elif isinstance(value, dict):
        yield from _object_faults(value, kind, path)
    else:
        yield _fault(path, RefusalCode.BAD_FORMAT, "must be an object")


def _object_faults(value: Values, kind: GraphQLInputObjectType, path: Path) -> Iterator[Fault]:
    for name, field in kind.fields.items():
        if name in value:
            yield from _faults(value[name], field.type, (*path, name))
        elif is_required_input_field(field):
            yield _fault((*path, name), RefusalCode.REQUIRED, "is required")
    for name in value:
        if name not in kind.fields:
            sent = name[:MAX_NAME]
            message = f"`{sent}` is not a field of this input."
            known = tuple(kind.fields)
            yield Fault((*path, sent), UNKNOWN_FIELD, message, Bounds(), sent=sent, known=known)
    if _is_one_of(kind) and (len(value) != 1 or None in value.values()):
        code = RefusalCode.CONTRADICTORY_VALUES if len(value) > 1 else RefusalCode.REQUIRED
        yield _fault(path, code, "must have exactly one field that is not null")


def _leaf_fault(value: Any, kind: Any, path: Path) -> Fault | None:
    try:
        kind.coerce_input_value(value)
    except MalformedValue as malformed:
        return _of_scalar(path, malformed, kind.coerce_output_value(malformed.stand_in))
    except Exception:  # whatever it says, it says in words of Python
        if is_enum_type(kind):
            return _enum_fault(value, kind, path)
        if kind is GraphQLInt and _is_whole(value):
            return _int_fault(value, path)
        if kind is GraphQLInt and type(value) in {str, float} and path[-1:] != VERSION:
            return _of_scalar(path, MalformedValue("a whole number, such as 12", 1), 1)
        requirement = REQUIREMENTS.get(kind, "a value of its type")
        return _fault(path, RefusalCode.BAD_FORMAT, f"must be {requirement}")
    return None


def _int_fault(value: float, path: Path) -> Fault:
    """Return the fault of a whole number that `Int` cannot express."""
    minimum = MIN_VERSION if path[-1:] == VERSION else GRAPHQL_MIN_INT
    nearest = minimum if value < 0 else GRAPHQL_MAX_INT
    requirement = f"from {minimum:,} to {GRAPHQL_MAX_INT:,}"
    bounds = Bounds(minimum=minimum, limit=GRAPHQL_MAX_INT)
    malformed = MalformedValue(requirement, nearest, RefusalCode.OUT_OF_RANGE, bounds)
    return _of_scalar(path, malformed, nearest)


def _enum_fault(value: Any, kind: Any, path: Path) -> Fault:
    sent = str(value)[:MAX_NAME]
    shown = f"`{sent}`" if isinstance(value, str) else "What was sent"
    place = f" of `{_names(path)[-1]}`" if _names(path) else ""
    message = f"{shown} is not an allowed value{place}."
    known = tuple(kind.values)
    return Fault(path, RefusalCode.VALUE_NOT_ALLOWED, message, Bounds(), sent=sent, known=known)


def _of_scalar(path: Path, malformed: MalformedValue, raw: Any) -> Fault:
    message = malformed.refusal(*_names(path)).message
    return Fault(path, malformed.code, message, malformed.bounds, malformed, raw)


def _fault(path: Path, code: str, what: str) -> Fault:
    names = _names(path)
    label = subject_of(names[-1]) if names else "The value"
    if path and not isinstance(path[-1], str):
        label = f"Each of {label[0].lower()}{label[1:]}"
    return Fault(path, code, f"{label} {what}.", Bounds())


def _names(path: Path) -> tuple[str, ...]:
    """Return a path without the indexes of lists, as these say nothing in messages."""
    return tuple(part for part in path if isinstance(part, str))


def _is_one_of(kind: GraphQLInputObjectType) -> bool:
    """Return whether a type is `@oneOf`; Strawberry checks its own types itself."""
    return kind.is_one_of or getattr(definition_of(kind), "is_one_of", False)


def _is_whole(value: Any) -> bool:
    return type(value) is int or (type(value) is float and value.is_integer())
