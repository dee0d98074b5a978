"""Generates documents that use every field, every argument and every input of a schema.

The documents follow from the SDL; only argument values come from `Supplies`. An argument without a
value is an error, so that no argument is skipped unnoticed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    is_required_argument,
    is_required_input_field,
)

Values = dict[str, Any]
Step = tuple[str, str]
"""A field: the name of its type, and the field's name."""


@dataclass(frozen=True)
class Supplies:
    """Values for arguments, by owner and name (`Query.node.id`) or by name alone.

    `own` has valid values. `tried` has pairs: a value that identifies other callers' data, and a
    control value of the same form that identifies nothing. `bases` has, for fields and inputs,
    alternative minimal sets of arguments. `together` has, by argument, the other arguments that it
    requires. `hidden` has the fields that are refused.
    """

    own: Mapping[str, Any]
    tried: Mapping[str, Sequence[tuple[Any, Any]]]
    bases: Mapping[str, Sequence[Sequence[str]]]
    together: Mapping[str, Sequence[str]]
    hidden: frozenset[str]


@dataclass(frozen=True)
class Probe:
    """A document to send.

    If it tries to reach other callers' data, `other` has the variables of the control request.
    """

    name: str
    document: str
    variables: Values
    other: Values | None = None


class Walk:
    """Generates the documents for a schema."""

    def __init__(self, schema: GraphQLSchema, supplies: Supplies) -> None:
        self._schema = schema
        self._supplies = supplies
        self._variables: Values = {}
        self._declared: dict[str, str] = {}

    def probes(self, operation: str) -> Iterator[Probe]:
        """Yield all probes of an operation type: query, mutation or subscription."""
        root: GraphQLObjectType = getattr(self._schema, f"{operation}_type")
        for name, field in root.fields.items():
            yield self._probe(operation, f"{root.name}.{name}", [(root.name, name)], {})
            yield from self._tried(operation, [(root.name, name)], field)
        for path in self._paths(root) if operation == "query" else ():
            yield self._probe(operation, ".".join(name for _, name in path), path, {})
            field = self._object(path[-1][0]).fields[path[-1][1]]
            if len(path) > 1 and field.args:
                yield from self._tried(operation, path, field)

    def fields(self) -> set[str]:
        """Return every field of every object type."""
        return {
            f"{kind.name}.{name}"
            for kind in self._schema.type_map.values()
            if isinstance(kind, GraphQLObjectType) and not kind.name.startswith("__")
            for name in kind.fields
        }

    def _object(self, name: str) -> GraphQLObjectType:
        kind = self._schema.type_map[name]
        assert isinstance(kind, GraphQLObjectType)
        return kind

    def _paths(self, root: GraphQLObjectType) -> Iterator[list[Step]]:
        """Yield the shortest path from the root to each field that returns objects."""
        # `node` returns one type per id, so paths go through lists, which lead to all types.
        several = (
            n for n, f in root.fields.items() if not is_abstract_type(get_nullable_type(f.type))
        )
        ahead = [[(root.name, name)] for name in several]
        seen = {path[-1] for path in ahead}
        while ahead:
            path = ahead.pop(0)
            if len(path) > 1:
                yield path
            kind = get_named_type(self._object(path[-1][0]).fields[path[-1][1]].type)
            for one in self._kinds(kind):
                for name, field in one.fields.items():
                    step = (one.name, name)
                    if step in seen or self._is_hidden(one.name, name):
                        continue
                    if is_composite_type(get_named_type(field.type)) or field.args:
                        seen.add(step)
                        ahead.append([*path, step])

    def _kinds(self, kind: GraphQLNamedType) -> list[GraphQLObjectType]:
        if isinstance(kind, GraphQLObjectType):
            return [kind]
        return list(self._schema.get_possible_types(kind)) if is_abstract_type(kind) else []

    def _is_hidden(self, kind: str, name: str) -> bool:
        return f"{kind}.{name}" in self._supplies.hidden

    def _tried(self, operation: str, path: Sequence[Step], field: GraphQLField) -> Iterator[Probe]:
        """Yield probes that put values of `Supplies.tried` into each argument and input field."""
        owner = ".".join(path[-1])
        for name, argument in field.args.items():
            for way, value, other in self._attempts(owner, name, argument.type):
                label = f"{owner}({way}: {value!r:.60})"
                probe = self._probe(operation, label, path, {name: value})
                control = self._probe(operation, label, path, {name: other})
                variables = None if other is None else control.variables
                yield Probe(label, probe.document, probe.variables, variables)

    def _attempts(
        self, owner: str, name: str, kind: GraphQLInputType
    ) -> Iterator[tuple[str, Any, Any]]:
        """Yield the values to try for an argument, each with its control value."""
        named, tried = get_named_type(kind), self._supplies.tried
        pairs = tried.get(f"{owner}.{name}", tried.get(name))
        ways: Iterable[tuple[str, Any, Any]]
        if isinstance(named, GraphQLInputObjectType):
            ways = self._within(named)
        elif pairs is None:
            yield name, self._own(f"{owner}.{name}", name, kind), None
            return
        else:
            ways = [(name, *pair) for pair in pairs]
        is_many = is_list_type(get_nullable_type(kind))
        for way, value, other in ways:
            yield way, [value] if is_many else value, [other] if is_many and other else other

    def _within(self, kind: GraphQLInputObjectType) -> Iterator[tuple[str, Values, Values | None]]:
        for name, field in kind.fields.items():
            bases = ((),) if kind.is_one_of else self._supplies.bases.get(kind.name, ((),))
            for base in bases:
                given = self._input(kind, (name, *base))
                for way, value, other in self._attempts(kind.name, name, field.type):
                    control = None if other is None else {**given, name: other}
                    yield f"{name}.{way}" if way != name else way, {**given, name: value}, control

    def _input(self, kind: GraphQLInputObjectType, names: Sequence[str]) -> Values:
        """Return an input object with its required fields and the fields `names`."""
        wanted = {*names, *self._beside(kind.name, names), "dryRun"}
        return {
            name: self._own(f"{kind.name}.{name}", name, field.type)
            for name, field in kind.fields.items()
            if name in wanted or is_required_input_field(field)
        }

    def _beside(self, owner: str, names: Sequence[str]) -> list[str]:
        return [o for one in names for o in self._supplies.together.get(f"{owner}.{one}", ())]

    def _own(self, owner: str, name: str, kind: GraphQLInputType) -> Any:
        """Return a valid value of an argument; raises LookupError if none is supplied."""
        for key in (owner, name):
            if key in self._supplies.own:
                return self._supplies.own[key]
        nullable = get_nullable_type(kind)
        if isinstance(nullable, GraphQLList):
            return [self._own(owner, name, nullable.of_type)]
        if isinstance(nullable, GraphQLInputObjectType):
            (base, *_) = self._supplies.bases.get(nullable.name, ((),))
            return self._input(nullable, base)
        if isinstance(nullable, GraphQLEnumType):
            return next(iter(nullable.values))
        if str(nullable) in self._supplies.own:
            return self._supplies.own[str(nullable)]
        raise LookupError(
            f"No value for {owner}: in tests/partner_supplies.py add its name to WORDS if any text"
            " will do, else a good value to _own. If it can name somebody else's objects, add such"
            " values to _tried, each with one of the same form that names nothing."
        )

    def _probe(
        self, operation: str, name: str, path: Sequence[Step], given: Mapping[str, Any]
    ) -> Probe:
        self._variables, self._declared = {}, {}
        selection = self._along(list(path), given)
        declared = ", ".join(f"${name}: {kind}" for name, kind in self._declared.items())
        head = f"{operation}({declared})" if declared else operation
        return Probe(name, f"{head} {{ {selection} }}", dict(self._variables))

    def _along(self, path: list[Step], given: Mapping[str, Any]) -> str:
        """Return a selection of the fields of a path, and of all fields one level below its end."""
        (kind, name), *rest = path
        field = self._object(kind).fields[name]
        called = name + self._arguments(f"{kind}.{name}", field, {} if rest else given)
        named = get_named_type(field.type)
        if not is_composite_type(named):
            return called
        if not rest:
            has_results = "results" in getattr(named, "fields", ())
            return f"{called} {self._below(named, 3 if has_results else 2)}"
        below = self._along(rest, given)
        if is_abstract_type(named):
            below = f"... on {rest[0][0]} {{ {below} }}"
        return f"{called} {{ {below} }}"

    def _below(self, kind: GraphQLNamedType, depth: int) -> str:
        """Return a selection of a type's leaf fields and, down to `depth`, of nested objects."""
        if is_abstract_type(kind):
            kinds = self._kinds(kind)
            return "{ " + " ".join(f"... on {k.name} {self._below(k, depth)}" for k in kinds) + " }"
        assert isinstance(kind, GraphQLObjectType)
        parts = ["__typename"]
        for name, field in kind.fields.items():
            named = get_named_type(field.type)
            if self._is_hidden(kind.name, name):
                continue
            is_leaf = not is_composite_type(named)
            if is_leaf or depth > 1:
                # Types of one interface may differ in the type of a field, so fields get aliases.
                called = name + self._arguments(f"{kind.name}.{name}", field, {})
                below = "" if is_leaf else self._below(named, depth - 1)
                parts.append(f"{name}Of{kind.name}: {called} {below}")
        return "{ " + " ".join(parts) + " }"

    def _arguments(self, owner: str, field: GraphQLField, given: Mapping[str, Any]) -> str:
        written = []
        (base, *_) = self._supplies.bases.get(owner, ((),))
        together = self._beside(owner, [*given]) if given else base
        for name, argument in field.args.items():
            if name in given:
                value = given[name]
            elif name in together or is_required_argument(argument):
                value = self._own(f"{owner}.{name}", name, argument.type)
            else:
                continue
            variable = f"v{len(self._declared)}"
            self._declared[variable] = str(argument.type)
            self._variables[variable] = value
            written.append(f"{name}: ${variable}")
        return f"({', '.join(written)})" if written else ""
