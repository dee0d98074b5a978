"""Directives of the printed schema: the permissions of fields, and the user errors of mutations."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.schema_directive import Location
from strawberry.types import get_object_definition
from strawberry.types.field import StrawberryField

from models.rules.errors import RefusalCode
from models.rules.permission import Scope
from schema.base import idempotent
from schema.base.operation import needed
from schema.base.permissions import INPUT_PERMISSION, Requires
from schema.base.scope import ScopeEnum
from schema.base.user_error import UserErrorCode
from schema.engine.strawberry_internals import definition_of


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION, Location.INPUT_FIELD_DEFINITION],
    name="requiresPermission",
    description="Only callers with one of these permissions may use the field. If the list is"
    " empty, every signed-in caller may.",
)
class RequiresPermission:
    any_of: list[ScopeEnum] = strawberry.directive_field(name="anyOf")  # type: ignore[valid-type]  # an enum with another name


@strawberry.schema_directive(
    locations=[Location.FIELD_DEFINITION],
    name="userErrors",
    description="The codes that `userErrors` of this mutation's payload can have.",
)
class UserErrors:
    codes: list[UserErrorCode] = strawberry.directive_field(name="codes")  # type: ignore[valid-type]  # see above


ARGUMENTS = {
    (idempotent.NAME, idempotent.KEY): idempotent.KEY_DESCRIPTION,
    ("requiresPermission", "anyOf"): "The permissions, of which one is enough.",
    ("userErrors", "codes"): "The codes.",
}


def declare_on_roots(*roots: type, codes: Mapping[str, str]) -> None:
    """Add `@requiresPermission` to all root fields, and `@userErrors` to those that `codes` names.

    `codes` has the names of codes, separated by spaces. This is done before the schema is built,
    because Strawberry then adds to it the directives that it finds in use.
    """
    for root in roots:
        for definition in get_object_definition(root, strict=True).fields:
            for permission in _permissions(definition):
                _declare(definition, RequiresPermission(any_of=list(permission.scopes)))
            if definition.python_name in codes:
                names = codes[definition.python_name].split()
                _declare(definition, UserErrors(codes=[RefusalCode[name] for name in names]))


def describe_directives(schema: GraphQLSchema) -> None:
    """Set the descriptions of the directives' arguments, which Strawberry does not take."""
    for directive in schema.directives:
        for name, argument in directive.args.items():
            argument.description = ARGUMENTS.get((directive.name, name), argument.description)


def declare_permissions(schema: GraphQLSchema) -> None:
    """Add `@requiresPermission` to every field that needs a permission.

    If the field's description does not name the permission yet, a sentence about it is added.
    """
    for field, definition in _all_fields(schema):
        for permission in _permissions(definition):
            if permission.scopes:
                _declare(definition, RequiresPermission(any_of=list(permission.scopes)))
                if not _names_all(field.description or "", permission.scopes):
                    field.description = f"{field.description} {needed(permission)}"


def _all_fields(schema: GraphQLSchema) -> Iterator[tuple[Any, StrawberryField]]:
    """Yield the fields of all types, with Strawberry's definition of each."""
    for kind in schema.type_map.values():
        for field in getattr(kind, "fields", {}).values():
            definition = definition_of(field)
            if isinstance(definition, StrawberryField):
                yield field, definition


def _permissions(definition: StrawberryField) -> Iterator[Requires]:
    yield from (one for one in definition.extensions if isinstance(one, Requires))
    if INPUT_PERMISSION in definition.metadata:
        yield definition.metadata[INPUT_PERMISSION]


def _declare(definition: StrawberryField, directive: Any) -> None:
    """Add a directive, or replace the one of its kind, which an earlier schema may have added."""
    kinds = [type(one) for one in definition.directives]
    if type(directive) in kinds:
        definition.directives[kinds.index(type(directive))] = directive
    else:
        definition.directives.append(directive)


def _names_all(description: str, scopes: Sequence[Scope]) -> bool:
    return all(str(scope) in description for scope in scopes)
