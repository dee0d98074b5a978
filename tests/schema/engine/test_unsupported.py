"""Strawberry features that would not take effect here are refused at schema build (R93)."""

import ast
import inspect
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
import strawberry
from graphql import parse
from strawberry.directive import DirectiveLocation
from strawberry.extensions import FieldExtension, SchemaExtension
from strawberry.permission import BasePermission, PermissionExtension
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.field import StrawberryField

from models.tables.access import Scope
from schema.base.field_mapping import READ as READ_KEY
from schema.base.field_mapping import Batched, batched, batched_name, prefetched
from schema.base.permissions import Requires
from schema.engine.execution import RememberingSchema
from schema.engine.plan import PREPARED
from schema.engine.unsupported import UnsupportedSchemaError
from tests.graphql_client import the_schema
from tests.schema.engine.planned_answers import answer

ROWS = 20
"""A number of rows for which a plan is made immediately."""


class Nobody(BasePermission):
    """A permission that refuses every caller."""

    message = "Not for you."

    def has_permission(self, source: Any, info: strawberry.Info, **kwargs: Any) -> bool:  # noqa: ARG002  # Strawberry's
        """Refuse."""
        return False


class Shouting(FieldExtension):
    """An extension that changes a resolver's result."""

    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        """Return the resolver's result in capitals."""
        return next_(source, info, **kwargs).upper()


class Asynchronous(FieldExtension):
    """An extension that awaits a resolver's result."""

    async def resolve_async(
        self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any
    ) -> Any:
        """Return the resolver's result in capitals."""
        return (await next_(source, info, **kwargs)).upper()


class Replacing(FieldExtension):
    """An extension that replaces the resolver instead of wrapping it."""

    def apply(self, field: StrawberryField) -> None:
        """Replace the field's resolver."""
        field.get_result = lambda *_, **__: "REPLACED"  # type: ignore[method-assign]  # as `Requires` does


class Louder(Requires):
    """A subclass of a supported extension whose override would be ignored."""

    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **kwargs: Any) -> Any:
        """Return the resolver's result in capitals."""
        return next_(source, info, **kwargs).upper()


async def bring(selection: Any, objects: Any) -> Any:  # noqa: ARG001  # never called
    """Return the values of a batched field."""
    return []


def query_with(**settings: Any) -> type:
    """Return a query type whose rows have a batched field with these settings."""

    @strawberry.type
    class Row:
        id: str

        @strawberry.field(metadata=batched(bring), **settings)  # type: ignore[untyped-decorator]  # by **settings
        def batched(self, info: strawberry.Info) -> str | None:
            """Return the prefetched value."""
            return prefetched(self, info)  # type: ignore[no-any-return]  # what is tested

    @strawberry.type
    class Query:
        @strawberry.field
        def rows(self) -> list[Row]:
            """Return rows with the prefetched value."""
            node: Any = parse("{ batched }").definitions[0]
            attribute = batched_name(node.selection_set.selections[0])
            rows = [Row(id=str(number)) for number in range(ROWS)]
            for row in rows:
                setattr(row, attribute, "secret")
            return rows

    return Query


FOREIGN = {
    "permission_classes": ({"permission_classes": [Nobody]}, None),
    "PermissionExtension": ({"extensions": [PermissionExtension([Nobody()])]}, None),
    "resolve": ({"extensions": [Shouting()]}, "SECRET"),
    "resolve_async": ({"extensions": [Asynchronous()]}, "SECRET"),
    "apply": ({"extensions": [Replacing()]}, "REPLACED"),
    "a subclass of Requires": ({"extensions": [Louder()]}, "SECRET"),
    "one beside Requires": ({"extensions": [Requires(), Shouting()]}, "SECRET"),
}
"""Ways to extend a field, each with the field's resulting value."""


@pytest.mark.parametrize(("settings", "_"), FOREIGN.values(), ids=FOREIGN)
def test_a_batched_field_with_a_foreign_extension_is_refused(
    settings: dict[str, Any], _: str | None
) -> None:
    extensions = settings.get("extensions", [PermissionExtension([])])
    with pytest.raises(UnsupportedSchemaError) as refused:
        RememberingSchema(query_with(**settings))
    assert f"{type(extensions[-1]).__name__} on Row.batched would not run" in str(refused.value)


@pytest.mark.parametrize(("settings", "said"), FOREIGN.values(), ids=FOREIGN)
async def test_plans_leave_a_field_with_a_foreign_extension_to_its_resolver(
    settings: dict[str, Any], said: str | None
) -> None:
    """If it is not refused at build, it runs at each execution of a document."""
    schema, document = strawberry.Schema(query_with(**settings)), parse("{ rows { id batched } }")
    context = SimpleNamespace(principal=SimpleNamespace(reseller_id=None))
    for _ in range(3):
        result = await answer(schema, document, is_planned=True, context=context)
        assert result.data is not None
        assert {row["batched"] for row in result.data["rows"]} == {said}


@pytest.mark.parametrize("scopes", [(), (Scope.CUSTOMERS_READ,)])
def test_a_batched_field_may_require_scopes(scopes: tuple[Scope, ...]) -> None:
    RememberingSchema(query_with(extensions=[Requires(*scopes)]))


class Silent(SchemaExtension):
    """An extension of a schema."""


@strawberry.type
class Fault:
    """The error that a handler would return to clients."""

    message: str


class Handler(strawberry.ExceptionHandler[ValueError, Fault]):
    """A handler of exceptions."""

    def handle(self, exception: ValueError, **_: Any) -> Fault:
        """Return the exception as an error for clients."""
        return Fault(message=str(exception))


@strawberry.directive(locations=[DirectiveLocation.FIELD])
def upper(value: str) -> str:
    """Write in capitals."""
    return value.upper()


@pytest.mark.parametrize(
    ("setting", "given", "name"),
    [
        ("extensions", Silent, "Silent"),
        ("extensions", lambda: Silent(), "<lambda>"),  # noqa: PLW0108  # a factory, as Strawberry wants
        ("directives", upper, "StrawberryDirective"),
        ("exception_handlers", Handler(), "Handler"),
    ],
)
def test_a_setting_that_would_never_run_is_refused(setting: str, given: Any, name: str) -> None:
    with pytest.raises(UnsupportedSchemaError) as refused:
        RememberingSchema(query_with(), **{setting: [given]})
    assert f"{name} in `{setting}` would never run" in str(refused.value)


def test_resolvers_of_batched_fields_only_return_prefetched_values() -> None:
    """Any other code would run only in the first execution of a document."""
    found = 0
    for kind in the_schema()._schema.type_map.values():
        for name, field in getattr(kind, "fields", {}).items():
            definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            metadata = getattr(definition, "metadata", {})
            if PREPARED not in metadata:
                continue
            found += 1
            resolver = definition.base_resolver
            if not isinstance(metadata.get(READ_KEY), Batched):
                assert resolver is None, f"{kind.name}.{name}"
                continue
            (done,) = does(resolver.wrapped_func)
            assert done in {"return prefetched(self, info)", "return prefetched(root, info)"}, name
    assert found > 20


def does(function: Any) -> list[str]:
    """Return the statements of a function, without its docstring."""
    (written,) = ast.parse(dedent(inspect.getsource(function))).body
    assert isinstance(written, ast.FunctionDef)
    return [ast.unparse(one) for one in written.body if not is_docstring(one)]


def is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
