"""Finds the permissions that the fields of the schema need."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import strawberry
from graphql import GraphQLSchema
from strawberry.types.base import StrawberryObjectDefinition

Names = tuple[str, str]
"""The name of a type, and the name of one of its fields."""

ROOTS = ("Query", "Mutation", "Subscription")


@dataclass(frozen=True)
class Guards:
    """The permissions that each field of the schema needs; any one of them is enough.

    A field without an entry needs no permission.
    """

    scopes: Mapping[Names, Sequence[str]]

    def of(self, kind: str, field: str) -> Sequence[str]:
        """Return the permissions any one of which a field needs; empty if it needs none."""
        return self.scopes.get((kind, field), ())

    def fields_of(self, scope: str) -> list[str]:
        """Return the fields for which a permission is enough, as `Type.field`.

        Queries, mutations and subscriptions are named without a type.
        """
        found = [names for names, scopes in self.scopes.items() if scope in scopes]
        return sorted(name if kind in ROOTS else f"{kind}.{name}" for kind, name in found)


def guards_of(served: strawberry.Schema, schema: GraphQLSchema) -> Guards:
    """Return the permissions of all fields of `schema`.

    They are declared by extensions of the fields in `served`.
    """
    return Guards(dict(_guarded(served, schema)))


def _guarded(
    served: strawberry.Schema, schema: GraphQLSchema
) -> Iterator[tuple[Names, Sequence[str]]]:
    for kind in schema.type_map:
        definition = served.get_type_by_name(kind)
        if not isinstance(definition, StrawberryObjectDefinition):
            continue
        for field in definition.fields:
            scopes = [one for part in field.extensions for one in getattr(part, "scopes", ())]
            if scopes:
                name = served.config.name_converter.get_graphql_name(field)
                yield (kind, name), [str(one) for one in scopes]
