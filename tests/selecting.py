"""Writes selections of all fields of a type, to a depth."""

from collections.abc import Iterator, Mapping

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)

from tests.graphql_client import the_schema

DEPTH = 5

NEVER_BELOW = {"AuditEntry", "Event"}
"""Types that no field of an interface returns, except `node`."""


def everything_of(kind: GraphQLOutputType, arguments: Mapping[str, str]) -> str:
    """Return a selection of all fields of a type and of the types below it.

    A type has all its fields where it is least deep, and only leaf fields further down: with all
    fields on all paths, the text would be half a megabyte. `arguments` has the values of required
    arguments, by name. For an interface, all its types but those in NEVER_BELOW are selected.
    """
    return _selection(kind, arguments, _least_depths(kind))


def _least_depths(kind: GraphQLOutputType) -> dict[str, int]:
    depths: dict[str, int] = {}
    level = list(_objects(kind))
    for depth in range(DEPTH):
        new = {one.name: one for one in level if one.name not in depths}
        depths |= dict.fromkeys(new, depth)
        fields = [field for one in new.values() for field in one.fields.values()]
        level = [below for field in fields for below in _objects(field.type)]
    return depths


def _objects(kind: GraphQLOutputType) -> Iterator[GraphQLObjectType]:
    named = get_named_type(kind)
    if isinstance(named, GraphQLObjectType):
        yield named
    elif isinstance(named, GraphQLInterfaceType):
        found = the_schema()._schema.get_implementations(named).objects
        yield from (one for one in found if one.name not in NEVER_BELOW)


def _selection(
    kind: GraphQLOutputType, arguments: Mapping[str, str], depths: Mapping[str, int], depth: int = 0
) -> str:
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    parts = ["__typename"]
    if isinstance(named, GraphQLInterfaceType):
        for one in _objects(named):
            # Types of an interface may differ in the type of a field, so fields get aliases.
            fields = _fields(one, arguments, depths, depth, prefix=f"{one.name}_")
            parts.append(f"... on {one.name} {{ __typename {' '.join(fields)} }}")
    else:
        assert isinstance(named, GraphQLObjectType)
        parts += _fields(named, arguments, depths, depth)
    return f"{{ {' '.join(parts)} }}"


def _fields(
    kind: GraphQLObjectType,
    arguments: Mapping[str, str],
    depths: Mapping[str, int],
    depth: int,
    prefix: str = "",
) -> Iterator[str]:
    is_whole = depths.get(kind.name) == depth
    for name, field in kind.fields.items():
        if not is_whole and not is_leaf_type(get_named_type(field.type)):
            continue
        required = [key for key, one in field.args.items() if is_required_argument(one)]
        given = ", ".join(f"{key}: {arguments[key]}" for key in required)
        alias = f"{prefix}{name}: " if prefix else ""
        below = _selection(field.type, arguments, depths, depth + 1)
        yield f"{alias}{name}{f'({given})' if given else ''} {below}"
