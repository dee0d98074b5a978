"""Generates the reference of the schema: a page of operations, and a page of types."""

from collections.abc import Iterator

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    Undefined,
    ast_from_value,
    get_named_type,
    is_specified_scalar_type,
    print_ast,
)

from commands.documentation.guarded_fields import ROOTS, Guards
from commands.documentation.markdown import code, in_cell, table
from commands.documentation.text import plain

OPERATIONS = """# Operations

Every query, mutation and subscription, with the permission that it needs. The types are described
in [Types](types.md). The schema itself is `schema/schema.graphql`, and `/schema.graphql` serves it
to signed-in callers.
"""
TYPES = """# Types

Every type of the schema. `!` marks what is never null. What a field needs beyond its operation's
permission stands with the field.
"""
HEADINGS = {"Query": "Queries", "Mutation": "Mutations", "Subscription": "Subscriptions"}


def operations_page(schema: GraphQLSchema, guards: Guards) -> str:
    """Return the page of queries, mutations and subscriptions, each sorted by name."""
    return "\n".join((OPERATIONS, *_operations(schema, guards)))


def types_page(schema: GraphQLSchema, guards: Guards) -> str:
    """Return the page of types: all but Query, Mutation and Subscription, sorted by name."""
    names = sorted(name for name in schema.type_map if not name.startswith("__"))
    shown = [schema.type_map[name] for name in names if name not in ROOTS]
    parts = (_type(kind, guards) for kind in shown if not is_specified_scalar_type(kind))
    return "\n".join((TYPES, *parts))


def _operations(schema: GraphQLSchema, guards: Guards) -> Iterator[str]:
    for root in ROOTS:
        kind = schema.type_map[root]
        assert isinstance(kind, GraphQLObjectType)  # noqa: S101  # narrows the type
        yield f"## {HEADINGS[root]}\n"
        for name, field in sorted(kind.fields.items()):
            yield _operation(root, name, field, guards)


def _operation(root: str, name: str, field: GraphQLField, guards: Guards) -> str:
    needed = guards.of(root, name)
    permission = " or ".join(code(one) for one in needed) or "a valid token only"
    lines = [
        f"### {name}\n",
        f"{plain(field.description)}\n",
        f"Returns {_linked(field)}. Needs {permission}.\n",
    ]
    if field.args:
        rows = [(code(key), *_spelt(one)) for key, one in field.args.items()]
        lines.append(table(("Argument", "Type", "Default", "Meaning"), rows))
    return "\n".join(lines)


def _type(kind: GraphQLNamedType, guards: Guards) -> str:
    lines = [f"## {kind.name}\n", f"{plain(kind.description)}\n"]
    if isinstance(kind, GraphQLEnumType):
        rows = [(code(name), plain(value.description)) for name, value in kind.values.items()]
        lines.append(table(("Value", "Meaning"), rows))
    elif isinstance(kind, GraphQLUnionType):
        lines.append(", ".join(f"[{one.name}](#{one.name.lower()})" for one in kind.types) + "\n")
    elif isinstance(kind, GraphQLInputObjectType):
        taken = [(code(name), *_spelt(field)) for name, field in kind.fields.items()]
        lines.append(table(("Field", "Type", "Default", "Meaning"), taken))
    elif isinstance(kind, GraphQLScalarType):
        lines.append(f"Specified by <{kind.specified_by_url}>.\n")
    elif isinstance(kind, (GraphQLObjectType, GraphQLInterfaceType)):
        lines.append(table(("Field", "Type", "Meaning"), _fields(kind, guards)))
    return "\n".join(lines)


def _fields(
    kind: GraphQLObjectType | GraphQLInterfaceType, guards: Guards
) -> Iterator[tuple[str, str, str]]:
    for name, field in kind.fields.items():
        needed = " or ".join(code(one) for one in guards.of(kind.name, name))
        meaning = plain(field.description)
        arguments = " ".join(
            f"Argument {code(key)}, {_linked(one, '')}: {plain(one.description)}"
            for key, one in field.args.items()
        )
        more = f"Needs {needed}." if needed else ""
        yield code(name), _linked(field, ""), " ".join(filter(None, (meaning, more, arguments)))


def _spelt(one: GraphQLArgument | GraphQLInputField) -> tuple[str, str, str]:
    page = "types.md" if isinstance(one, GraphQLArgument) else ""
    return _linked(one, page), _default(one), plain(one.description)


def _default(one: GraphQLArgument | GraphQLInputField) -> str:
    if one.default_value is Undefined or one.default_value is None:
        return ""
    node = ast_from_value(one.default_value, one.type)
    return "" if node is None else code(print_ast(node))


def _linked(one: GraphQLArgument | GraphQLInputField | GraphQLField, page: str = "types.md") -> str:
    named = get_named_type(one.type)
    if is_specified_scalar_type(named):
        return code(str(one.type))
    return f"[{in_cell(code(str(one.type)))}]({page}#{named.name.lower()})"
