"""Finds all faults in the values of an operation's variables, and tells them in one error.

graphql-core has one error for each fault, without a path or code, and shows values as Python writes
them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

from graphql import (
    GRAPHQL_MAX_INT,
    GRAPHQL_MIN_INT,
    GraphQLBoolean,
    GraphQLError,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLSchema,
    GraphQLString,
    OperationDefinitionNode,
    Undefined,
    VariableDefinitionNode,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
    is_required_input_field,
)
from graphql.pyutils import did_you_mean, suggestion_list

from models.rules.errors import Bounds, Refusal, RefusalCode
from models.rules.text import label_of, subject_of
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.input_faults import MalformedValue
from schema.engine.graphql_core_internals import coerce_default_value, get_variable_signature
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

NEVER_TYPED = frozenset({GraphQLBoolean, GraphQLID})
"""Types of which a wrong value is a fault of the client, so that its message names the field."""

ID = " id"
"""How the English name of a field with an id ends."""

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
    bounds: Bounds = field(default_factory=Bounds)
    stand_in: Any = Undefined
    """A valid value to go on with; Undefined if there is none."""
    raw_stand_in: Any = None
    """A valid value as a client would send it."""
    sent: str = ""
    """The unknown name that the client sent; empty if the fault is not about a name."""
    known: tuple[str, ...] = ()
    """The names that the schema has instead."""

    @property
    def has_choices(self) -> bool:
        """Whether `known` are the values of which one must be chosen."""
        return bool(self.known) and self.code != UNKNOWN_FIELD

    def refusal(self, *, hides_names: bool) -> Refusal:
        """Return the fault as a refusal of the last field on its path."""
        choices = Bounds(allowed_values=self.known) if self._tells_choices(hides_names) else {}
        bounds = Bounds(**self.bounds, **choices)
        return Refusal(RefusalCode(self.code), self.message, (str(self.path[-1]),), bounds=bounds)

    def listed(self, variable: str, *, hides_names: bool) -> dict[str, Any]:
        """Return the fault as an entry of an error's `faults`."""
        choices = {"allowedValues": list(self.known)} if self._tells_choices(hides_names) else {}
        return {
            "variable": variable,
            "path": [str(part) for part in self.path],
            "code": str(self.code),
            "message": self.message,
            **self.bounds,
            **choices,
        }

    def _tells_choices(self, hides_names: bool) -> bool:
        return self.has_choices and not hides_names


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


def with_names(found: list[VariableFault]) -> list[VariableFault]:
    """Return the faults with messages that suggest names of the schema."""
    told = []
    suggestions = MAX_SUGGESTIONS
    for one in found:
        fault, more = one.fault, ""
        if fault.sent and fault.has_choices and len(fault.known) <= MAX_CHOICES:
            more = f" Allowed: {', '.join(fault.known)}."
        elif fault.sent and suggestions:
            suggestions -= 1
            more = did_you_mean(suggestion_list(fault.sent, fault.known))
        told.append(replace(one, fault=replace(fault, message=fault.message + more)))
    return told


def as_error(found: list[VariableFault], *, hides_names: bool) -> RequestRefused:
    """Return the error that lists the faults.

    It tells names of the schema that the client did not send, unless `hides_names`.
    """
    listed = [one.fault.listed(one.variable, hides_names=hides_names) for one in found]
    first = listed[0]
    at = f" at `{'.'.join(first['path'])}`" if first["path"] else ""
    more = f" `faults` lists all {len(listed)} faults." if len(listed) > 1 else ""
    message = f"Variable `${first['variable']}` has a wrong value{at}: {first['message']}{more}"
    return RequestRefused(ErrorCode.BAD_USER_INPUT, message, found[0].node, faults=listed)


def _faults(value: Any, kind: Any, path: Path) -> Iterator[Fault]:
    """Yield the faults of a value of a type, in the order of the fields of input types."""
    is_nullable = not is_non_null_type(kind)
    if not is_nullable:
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
        if fault is not None and is_nullable and is_enum_type(kind):
            yield replace(fault, stand_in=None, raw_stand_in=None)
        elif fault is not None:
            yield fault
    elif isinstance(value, dict):
        yield from _object_faults(value, kind, path)
    else:
        yield _fault(path, RefusalCode.BAD_FORMAT, "must be an object")


def _object_faults(value: Values, kind: GraphQLInputObjectType, path: Path) -> Iterator[Fault]:
    for name, known_field in kind.fields.items():
        is_needed = name in value or is_required_input_field(known_field)
        if is_needed and _is_left_open(value.get(name), known_field.type):
            yield _open_fault(known_field, (*path, name))
        elif name in value:
            yield from _faults(value[name], known_field.type, (*path, name))
    for name in value:
        if name not in kind.fields:
            sent = name[:MAX_NAME]
            message = f"`{sent}` is not a field of this input."
            known = tuple(kind.fields)
            yield Fault((*path, sent), UNKNOWN_FIELD, message, sent=sent, known=known)
    if _is_one_of(kind) and (len(value) != 1 or None in value.values()):
        code = RefusalCode.CONTRADICTORY_VALUES if len(value) > 1 else RefusalCode.REQUIRED
        yield _fault(path, code, "must have exactly one field that is not null")


def _is_left_open(value: Any, kind: Any) -> bool:
    """Return whether a value that may not be null is missing; a blank enum counts as missing."""
    if not is_non_null_type(kind):
        return False
    return value is None or (_is_blank(value) and is_enum_type(kind.of_type))


def _is_blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _open_fault(known_field: GraphQLInputField, path: Path) -> Fault:
    """Return the fault of a field that must have a value, and has none."""
    kind: Any = known_field.type.of_type  # type: ignore[union-attr]  # it is non-null
    code = RefusalCode.REQUIRED
    label = label_of(str(path[-1]))
    stand_in, raw = _stand_in(kind, path)
    default = coerce_default_value(known_field)
    if stand_in is not Undefined and default is not Undefined:
        stand_in = default
    if is_enum_type(kind):
        message, known = f"Choose the {label}.", tuple(kind.values)
        return Fault(path, code, message, stand_in=stand_in, raw_stand_in=raw, known=known)
    if is_list_type(kind):
        message = f"The {label} are required."
    elif label.endswith(ID):
        message = f"Choose the {label.removesuffix(ID)}."
    elif is_leaf_type(kind) and kind not in NEVER_TYPED and stand_in is not Undefined:
        message = f"Enter the {label}."
    else:
        message = _fault(path, code, "is required").message
    return Fault(path, code, message, stand_in=stand_in, raw_stand_in=raw)


def _stand_in(kind: Any, path: Path) -> tuple[Any, Any]:
    """Return a valid value of a type, and how a client would send it; Undefined if there is none.

    That of an enum is its last value. Texts and ids are empty: so no stored object has them. A list
    has one only if people choose its entries from an enum.
    """
    if is_list_type(kind):
        return ([] if is_enum_type(get_named_type(kind)) else Undefined), []
    if is_enum_type(kind):
        raw = list(kind.values)[-1]
        return kind.coerce_input_value(raw), raw
    if kind in {GraphQLString, GraphQLID}:
        return "", ""
    fault = _leaf_fault(None, kind, path) if is_leaf_type(kind) else None
    return (fault.stand_in, fault.raw_stand_in) if fault else (Undefined, None)


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
        fault = _fault(path, RefusalCode.BAD_FORMAT, f"must be {requirement}")
        if kind in NEVER_TYPED and path and isinstance(path[-1], str):
            fault = replace(fault, message=f"`{path[-1]}` must be {requirement}.")
        return fault
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
    if _is_blank(value) and place:
        message = f"Choose the {label_of(_names(path)[-1])}, or send null."
    code, known = RefusalCode.VALUE_NOT_ALLOWED, tuple(kind.values)
    stand_in, raw = _stand_in(kind, path) if isinstance(value, str) else (Undefined, None)
    return Fault(path, code, message, Bounds(), stand_in, raw, sent, known)


def _of_scalar(path: Path, malformed: MalformedValue, raw: Any) -> Fault:
    message = malformed.refusal(*_names(path)).message
    return Fault(path, malformed.code, message, malformed.bounds, malformed.stand_in, raw)


def _fault(path: Path, code: str, what: str) -> Fault:
    names = _names(path)
    label = subject_of(names[-1]) if names else "The value"
    if path and not isinstance(path[-1], str):
        label = f"Each of {label[0].lower()}{label[1:]}"
    return Fault(path, code, f"{label} {what}.")


def _names(path: Path) -> tuple[str, ...]:
    """Return a path without the indexes of lists, as these say nothing in messages."""
    return tuple(part for part in path if isinstance(part, str))


def _is_one_of(kind: GraphQLInputObjectType) -> bool:
    """Return whether a type is `@oneOf`; Strawberry checks its own types itself."""
    return kind.is_one_of or getattr(definition_of(kind), "is_one_of", False)


def _is_whole(value: Any) -> bool:
    return type(value) is int or (type(value) is float and value.is_integer())
