"""Finds the deprecated parts of the schema that an operation uses.

What the text of an operation uses is found once and kept with the operation. Values of variables
are looked through in each request, but only those whose type has a deprecated part.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    EnumValueNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInputObjectType,
    GraphQLNamedType,
    GraphQLSchema,
    ObjectFieldNode,
    OperationDefinitionNode,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    get_nullable_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    type_from_ast,
    visit,
)

from schema.base.deprecation import removal_day
from schema.engine.graphql_core_internals import forget_visits


class Deprecated(NamedTuple):
    """A deprecated field, argument, input field or enum value."""

    coordinate: str
    """Such as `Customer.name`, `Query.customers(first:)` or `ClassStatus.ACTIVE`."""
    reason: str

    def as_extension(self) -> dict[str, str | None]:
        """Return the entry of `extensions.deprecations` in an answer."""
        day = removal_day(self.reason)
        return {
            "coordinate": self.coordinate,
            "reason": self.reason,
            "removedOn": None if day is None else day.isoformat(),
        }


class DeprecatedUses:
    """The deprecated parts that an operation uses: those in its text, and those in variables."""

    __slots__ = ("_carriers", "_in_text", "_variables")

    def __init__(
        self,
        in_text: tuple[Deprecated, ...],
        variables: tuple[tuple[str, Any], ...],
        carriers: frozenset[GraphQLNamedType],
    ) -> None:
        self._in_text, self._variables, self._carriers = in_text, variables, carriers

    def of(self, values: Mapping[str, Any] | None) -> tuple[Deprecated, ...]:
        """Return the parts that a request uses, with the values of its variables as sent."""
        if not self._variables or not values:
            return self._in_text
        found = dict.fromkeys(self._in_text)
        for name, kind in self._variables:
            found |= dict.fromkeys(_in_value(kind, values.get(name), self._carriers))
        return tuple(found)


class DeprecatedParts:
    """The deprecated parts of a schema; `of` returns None if it has none."""

    def __init__(self, schema: GraphQLSchema, carriers: frozenset[GraphQLNamedType]) -> None:
        self._schema, self._carriers = schema, carriers

    @classmethod
    def of(cls, schema: GraphQLSchema) -> "DeprecatedParts | None":
        """Return the deprecated parts of a schema; None if there are none."""
        has_any = any(
            part.deprecation_reason is not None
            for kind in schema.type_map.values()
            for member in _members(kind).values()
            for part in (member, *getattr(member, "args", {}).values())
        )
        return cls(schema, _carriers(schema)) if has_any else None

    def used_by(self, document: DocumentNode, operation: OperationDefinitionNode) -> DeprecatedUses:
        """Return the deprecated parts that a valid operation uses."""
        fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        info = TypeInfo(self._schema)
        finder = _Finder(info)
        visitor = TypeInfoVisitor(info, finder)
        seen: set[str] = set()
        visit(operation, visitor)
        while waiting := finder.spread - seen:
            for name in waiting:
                visit(fragments[name], visitor)
            seen |= waiting
        forget_visits(visitor, finder)
        variables = (
            (one.variable.name.value, type_from_ast(self._schema, one.type))
            for one in operation.variable_definitions or ()
        )
        carrying = tuple(
            (name, kind)
            for name, kind in variables
            if kind is not None and get_named_type(kind) in self._carriers
        )
        return DeprecatedUses(tuple(finder.found), carrying, self._carriers)


class _Finder(Visitor):
    """Collects the deprecated parts in a definition, and the fragments that it spreads."""

    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self._info = info
        self.found: dict[Deprecated, None] = {}
        self.spread: set[str] = set()

    def _note(self, coordinate: str, part: Any) -> None:
        if part is not None and part.deprecation_reason is not None:
            self.found[Deprecated(coordinate, part.deprecation_reason)] = None

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        parent = self._info.get_parent_type()
        self._note(f"{parent}.{node.name.value}", self._info.get_field_def())

    def enter_argument(self, node: ArgumentNode, *_: Any) -> None:
        parent, field = self._info.get_parent_type(), self._info.get_field_def()
        if self._info.get_directive() is not None or field is None:
            return
        name = next(key for key, one in parent.fields.items() if one is field)  # type: ignore[union-attr]  # it has the field
        self._note(f"{parent}.{name}({node.name.value}:)", self._info.get_argument())

    def enter_object_field(self, node: ObjectFieldNode, *_: Any) -> None:
        parent = get_named_type(self._info.get_parent_input_type())
        if isinstance(parent, GraphQLInputObjectType):
            name = node.name.value
            self._note(f"{parent}.{name}", parent.fields.get(name))

    def enter_enum_value(self, node: EnumValueNode, *_: Any) -> None:
        kind = get_named_type(self._info.get_input_type())
        self._note(f"{kind}.{node.value}", self._info.get_enum_value())

    def enter_fragment_spread(self, node: FragmentSpreadNode, *_: Any) -> None:
        self.spread.add(node.name.value)


def _members(kind: GraphQLNamedType) -> dict[str, Any]:
    """Return the fields, input fields or enum values of a type."""
    found: dict[str, Any] = getattr(kind, "fields", None) or getattr(kind, "values", None) or {}
    return found


def _carriers(schema: GraphQLSchema) -> frozenset[GraphQLNamedType]:
    """Return the input types and enums whose values can have a deprecated part."""
    inputs = [
        kind
        for kind in schema.type_map.values()
        if is_input_object_type(kind) or is_enum_type(kind)
    ]
    found: set[GraphQLNamedType] = set()
    while True:
        more = {
            kind
            for kind in inputs
            if kind not in found
            and any(
                part.deprecation_reason is not None
                or (hasattr(part, "type") and get_named_type(part.type) in found)
                for part in _members(kind).values()
            )
        }
        if not more:
            return frozenset(found)
        found |= more


def _in_value(kind: Any, value: Any, carriers: frozenset[GraphQLNamedType]) -> Iterator[Deprecated]:
    """Yield the deprecated parts in a value of a variable, which was found to fit its type."""
    kind = get_nullable_type(kind)
    if is_list_type(kind):
        for item in value if isinstance(value, list) else (value,):
            yield from _in_value(kind.of_type, item, carriers)
    elif isinstance(value, dict) and is_input_object_type(kind):
        for name, inner in value.items():
            field = kind.fields.get(name)
            if field is None:
                continue
            if field.deprecation_reason is not None:
                yield Deprecated(f"{kind}.{name}", field.deprecation_reason)
            if get_named_type(field.type) in carriers:
                yield from _in_value(field.type, inner, carriers)
    elif isinstance(value, str) and is_enum_type(kind):
        chosen = kind.values.get(value)
        if chosen is not None and chosen.deprecation_reason is not None:
            yield Deprecated(f"{kind}.{value}", chosen.deprecation_reason)
