"""The schema as it is served: quiet about refusals, and with nothing said that says nothing."""

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from typing import Any

from graphql import GraphQLError, GraphQLInputObjectType, GraphQLObjectType, Undefined
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from schema.context import Context
from schema.errors import settle
from schema.execution import RememberingSchema
from schema.loaders import Loaders

SCALARS = {
    "Date": "A calendar date in ISO 8601, such as 2026-03-31.",
    "DateTime": "An instant in ISO 8601 with its offset from UTC; answers are always in UTC.",
    "Decimal": 'An exact decimal number, written as a string, such as "-17540.50".',
    "JSON": "Any JSON value.",
}


class CustomerClassesSchema(RememberingSchema):
    """The schema; it logs refusals quietly, and bugs with their traceback."""

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log what went wrong, and mask what clients must not see."""
        context = execution_context.context if execution_context else None
        settle(errors, context.request_id if isinstance(context, Context) else "")

    def turn(self, context: ExecutionContext) -> AbstractAsyncContextManager[None]:
        """Let an operation wait for its turn; writes have turns of their own."""
        asked = context.context
        if not isinstance(asked, Context):
            return nullcontext()
        return asked.turn(writes=context.operation_type is OperationType.MUTATION)

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Do an operation of a WebSocket, with loaders of its own: others have read before it."""
        own = replace(context_value, loaders=Loaders()) if context_value else None
        return await super().stream(query, variable_values, own, *args, **kwargs)


def drop_null_defaults(schema: CustomerClassesSchema) -> None:
    """Let what may be left out have no default: a null default says nothing to a reader."""
    for named in schema._schema.type_map.values():
        if isinstance(named, GraphQLInputObjectType):
            values = list(named.fields.values())
        elif isinstance(named, GraphQLObjectType):
            values = [a for field in named.fields.values() for a in field.args.values()]
        else:
            continue
        for value in values:
            if value.default_value is None:
                value.default_value = Undefined


def describe_scalars(schema: CustomerClassesSchema) -> None:
    """Say how scalars are written."""
    for name, description in SCALARS.items():
        schema._schema.type_map[name].description = description
