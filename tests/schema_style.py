"""Rules for the names, nullability, descriptions and lists of a GraphQL schema.

`faults` returns what breaks a rule, each as the rule and the coordinate: `Customer.name`,
`Query.customers(first:)`, `ClassStatus.ACTIVE`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_non_null_type,
    is_specified_directive,
    is_specified_scalar_type,
)

from tests.contract_expiry import malformed

Fault = tuple[str, str]
Part = GraphQLField | GraphQLInputField | GraphQLArgument

PASCAL, CAMEL = re.compile(r"[A-Z][A-Za-z0-9]*"), re.compile(r"[a-z][A-Za-z0-9]*")
UPPER = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
VERBS = re.compile(r"(is|are|was|has|can|receives|changes|revoke)[A-Z]")
"""What names of booleans begin with."""

NUMBERS = re.compile(
    r"(.*(Count|Version|Position|Seconds)|max[A-Z].*"
    r"|count|version|sequence|value|limit|remaining|minimum)"
)
AGREED = {"assignable", "attempts", "checkCompaniesHouse", "dryRun", "retryable"}
"""Names that were agreed with front ends before there were rules."""

PAGING = {"first": "Int", "after": "String", "last": "Int", "before": "String"}
CONNECTION = {"nodes", "edges", "pageInfo"}


@dataclass(frozen=True)
class Place:
    """A field, an input field or an argument."""

    coordinate: str
    name: str
    part: Part

    @property
    def kind(self) -> str:
        """The name of the type, without lists and non-null."""
        return get_named_type(self.part.type).name

    @property
    def is_list(self) -> bool:
        return is_list_type(get_nullable_type(self.part.type))

    @property
    def is_output(self) -> bool:
        return isinstance(self.part, GraphQLField)


def faults(schema: GraphQLSchema) -> list[Fault]:
    """Return every fault of a schema, by rule and coordinate."""
    return [(rule, where) for rule, find in RULES.items() for where in find(schema)]


def own_types(schema: GraphQLSchema) -> list[GraphQLNamedType]:
    return [
        kind
        for name, kind in schema.type_map.items()
        if not name.startswith("__") and not is_specified_scalar_type(kind)
    ]


def objects(schema: GraphQLSchema) -> list[GraphQLObjectType | GraphQLInterfaceType]:
    kinds = (GraphQLObjectType, GraphQLInterfaceType)
    return [kind for kind in own_types(schema) if isinstance(kind, kinds)]


def places(schema: GraphQLSchema) -> Iterator[Place]:
    """Yield all fields, input fields and arguments."""
    for kind in own_types(schema):
        if isinstance(kind, GraphQLInputObjectType):
            for name, field in kind.fields.items():
                yield Place(f"{kind.name}.{name}", name, field)
    for owner in objects(schema):
        for name, of_field in owner.fields.items():
            where = f"{owner.name}.{name}"
            yield Place(where, name, of_field)
            for key, argument in of_field.args.items():
                yield Place(f"{where}({key}:)", key, argument)


def _spelling(schema: GraphQLSchema) -> Iterator[str]:
    for kind in own_types(schema):
        if not PASCAL.fullmatch(kind.name):
            yield kind.name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"{kind.name}.{one}" for one in kind.values if not UPPER.fullmatch(one))
    yield from (one.coordinate for one in places(schema) if not CAMEL.fullmatch(one.name))


def _described(schema: GraphQLSchema) -> Iterator[str]:
    for kind in own_types(schema):
        if not kind.description:
            yield kind.name
        if isinstance(kind, GraphQLEnumType):
            yield from (f"{kind.name}.{n}" for n, one in kind.values.items() if not one.description)
    yield from (one.coordinate for one in places(schema) if not one.part.description)
    for directive in schema.directives:
        if is_specified_directive(directive):
            continue
        if not directive.description:
            yield f"@{directive.name}"
        for key, argument in directive.args.items():
            if not argument.description:
                yield f"@{directive.name}({key}:)"


def _specified(schema: GraphQLSchema) -> Iterator[str]:
    for kind in own_types(schema):
        if getattr(kind, "specified_by_url", "") is None:
            yield kind.name


def _named(is_right: Callable[[Place], bool]) -> Callable[[GraphQLSchema], Iterator[str]]:
    def find(schema: GraphQLSchema) -> Iterator[str]:
        yield from (one.coordinate for one in places(schema) if not is_right(one))

    return find


def _is_instant(place: Place) -> bool:
    is_name = place.name in {"at", "since"} or place.name.endswith("At")
    return (place.kind == "DateTime") == is_name


def _is_day(place: Place) -> bool:
    if place.kind == "Date":
        return place.name.endswith("On") or place.name == "value"
    return place.kind == "DateValue" or not place.name.endswith("On")


def _is_id(place: Place) -> bool:
    end = r"(ids?|.*Ids?)"
    return (place.kind == "ID") == bool(re.fullmatch(end, place.name))


def _has_its_number(place: Place) -> bool:
    """Return whether lists have a plural, and single ids have none."""
    if place.kind != "ID":
        return True
    return place.is_list == place.name.endswith(("ids", "Ids"))


def _is_question(place: Place) -> bool:
    return place.kind != "Boolean" or place.name in AGREED or bool(VERBS.match(place.name))


def _is_number(place: Place) -> bool:
    if not place.is_output or place.kind not in {"Int", "Float"}:
        return True
    return place.name in AGREED or bool(NUMBERS.fullmatch(place.name))


def _is_plain_reason(place: Place) -> bool:
    return not (place.kind == "String" and place.name.endswith("Reason"))


def _is_range(place: Place) -> bool:
    return place.name not in {"from", "to", "until", "instant"} or place.kind not in {
        "DateTime",
        "Date",
    }


def _lists(schema: GraphQLSchema) -> Iterator[str]:
    """Yield lists of items that may be null."""
    for one in places(schema):
        kind = get_nullable_type(one.part.type)
        if is_list_type(kind) and not is_non_null_type(kind.of_type):
            yield one.coordinate


def _roots(schema: GraphQLSchema) -> Iterator[str]:
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    for root in filter(None, roots):
        for name, field in root.fields.items():
            if is_non_null_type(field.type):
                yield f"{root.name}.{name}"


def _nodes(schema: GraphQLSchema) -> Iterator[str]:
    """Yield objects with an id of their own that are no nodes."""
    for kind in objects(schema):
        is_object = isinstance(kind, GraphQLObjectType) and "id" in kind.fields
        if is_object and "Node" not in {one.name for one in kind.interfaces}:
            yield kind.name


def _connections(schema: GraphQLSchema) -> Iterator[str]:
    for kind in objects(schema):
        if kind.name.endswith("Connection") and not kind.fields.keys() >= CONNECTION:
            yield kind.name


def _paging(schema: GraphQLSchema) -> Iterator[str]:
    for one in places(schema):
        if one.kind.endswith("Connection") and isinstance(one.part, GraphQLField):
            declared = {name: str(arg.type) for name, arg in one.part.args.items()}
            yield from (
                f"{one.coordinate}({name}:)"
                for name, kind in PAGING.items()
                if declared.get(name) != kind
            )


def _whole_lists(schema: GraphQLSchema) -> Iterator[str]:
    """Yield root fields with lists of objects that are no pages."""
    for name, field in schema.query_type.fields.items() if schema.query_type else ():
        kind = get_named_type(field.type)
        if is_list_type(get_nullable_type(field.type)) and hasattr(kind, "fields"):
            yield f"Query.{name}"


def _choices(schema: GraphQLSchema) -> Iterator[str]:
    """Yield arguments `filter` and `sort` of other types than filters and sorts."""
    for one in places(schema):
        is_choice = isinstance(one.part, GraphQLArgument) and one.name in {"filter", "sort"}
        if is_choice and not one.kind.endswith(one.name.capitalize()):
            yield one.coordinate


RULES: dict[str, Callable[[GraphQLSchema], Iterator[str]]] = {
    "types in PascalCase, fields in camelCase, enum values in CAPITALS": _spelling,
    "everything is described": _described,
    "scalars are specified": _specified,
    "deprecations say what to use, and the day of the removal": malformed,
    "instants end in At, or are at or since": _named(_is_instant),
    "dates end in On, or are value": _named(_is_day),
    "ids end in Id or Ids": _named(_is_id),
    "lists of ids have a plural": _named(_has_its_number),
    "booleans begin with a verb": _named(_is_question),
    "numbers say what they count or measure": _named(_is_number),
    "a reason that a person gives is reason": _named(_is_plain_reason),
    "ranges are fromAt and untilAt": _named(_is_range),
    "lists have no null items": _lists,
    "root fields are nullable": _roots,
    "objects with an id are nodes": _nodes,
    "connections have nodes, edges and pageInfo": _connections,
    "connections are paged in both directions": _paging,
    "lists of the root are connections": _whole_lists,
    "filter and sort have types of that name": _choices,
}
