"""Corrects how inputs are printed in the schema: their defaults and descriptions."""

from graphql import (
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    Undefined,
    get_named_type,
)


def drop_null_defaults(schema: GraphQLSchema) -> None:
    """Remove default values of null from the schema: an optional input is null anyway."""
    for named in schema.type_map.values():
        if isinstance(named, GraphQLInputObjectType):
            values = list(named.fields.values())
        elif isinstance(named, GraphQLObjectType):
            values = [a for field in named.fields.values() for a in field.args.values()]
        else:
            continue
        for value in values:
            if value.default_value is None:
                value.default_value = Undefined


def describe_inputs(schema: GraphQLSchema) -> None:
    """Give the argument `input` of each mutation the description of its type.

    Tools show the one or the other: both say what the mutation is about, and what an omitted field
    means.
    """
    mutation = schema.mutation_type
    assert mutation is not None  # noqa: S101  # the schema has mutations
    for field in mutation.fields.values():
        argument = field.args["input"]
        argument.description = get_named_type(argument.type).description
