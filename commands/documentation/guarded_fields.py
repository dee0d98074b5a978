"""Which permissions the fields of the schema need."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import strawberry
from graphql import GraphQLSchema
from strawberry.types.base import StrawberryObjectDefinition

Names = tuple[str, str]
"""The name of a type and of its field."""

ROOTS = ("Query", "Mutation", "Subscription")


@dataclass(frozen=True)
class Guards:
    """The permissions of which one is enough, by type and field; a field without any is open."""

    scopes: Mapping[Names, Sequence[str]]

    def of(self, kind: str, field: str) -> Sequence[str]:
        """Return the permissions of which one is enough for a field."""
        return self.scopes.get((kind, field), ())

    def fields_of(self, scope: str) -> list[str]:
        """Return the fields that a permission opens; operations without their root type."""
        found = [names for names, scopes in self.scopes.items() if scope in scopes]
        return sorted(name if kind in ROOTS else f"{kind}.{name}" for kind, name in found)


def guards_of(served: strawberry.Schema, schema: GraphQLSchema) -> Guards:
    """Read the permissions from the extensions of the fields."""
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
