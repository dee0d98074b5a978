"""Writes selections of all fields of a type, to a depth."""

from collections.abc import Mapping

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


def everything_of(
    kind: GraphQLOutputType,
    arguments: Mapping[str, str],
    path: tuple[str, ...] = (),
    *,
    is_aliased: bool = False,
) -> str:
    """Return a selection of all fields; a type that occurs twice on a path has only leaf fields.

    `arguments` has the values of required arguments, by name. For an interface, all its types but
    those in NEVER_BELOW are selected.
    """
    named = get_named_type(kind)
    if is_leaf_type(named):
        return ""
    if isinstance(named, GraphQLInterfaceType):
        found = the_schema()._schema.get_implementations(named).objects
        types = [one for one in found if one.name not in NEVER_BELOW]
        parts = [
            f"... on {one.name} {everything_of(one, arguments, path, is_aliased=True)}"
            for one in types
        ]
        return f"{{ __typename {' '.join(parts)} }}"
    assert isinstance(named, GraphQLObjectType)
    fields = ["__typename"]
    is_deep = named.name in path or len(path) >= DEPTH
    for name, field in named.fields.items():
        if is_deep and not is_leaf_type(get_named_type(field.type)):
            continue
        required = [key for key, one in field.args.items() if is_required_argument(one)]
        given = ", ".join(f"{key}: {arguments[key]}" for key in required)
        below = everything_of(field.type, arguments, (*path, named.name))
        # Types of an interface may differ in the type of a field, so fields get aliases.
        alias = f"{named.name}_{name}: " if is_aliased else ""
        fields.append(f"{alias}{name}{f'({given})' if given else ''} {below}")
    return f"{{ {' '.join(fields)} }}"
