"""The schema as it is served: quiet about refusals, and with nothing said that says nothing."""

from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

from graphql import GraphQLError, GraphQLInputObjectType, GraphQLObjectType, Undefined
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types.execution import ExecutionContext
from strawberry.types.graphql import OperationType

from models.reach import OutOfReachError, reach
from schema.context import Context
from schema.errors import settle
from schema.execution import RememberingSchema
from schema.inputs import prepare_inputs
from schema.loaders import Loaders

SCALARS = {
    "Date": "A calendar date in ISO 8601, such as 2026-03-31.",
    "DateTime": "An instant in ISO 8601 with its offset from UTC; answers are always in UTC.",
    "Decimal": 'An exact decimal number, written as a string, such as "-17540.50".',
    "JSON": "Any JSON value.",
}


class RememberingNames(NameConverter):
    """Strawberry's names, each worked out once: it asks for them with every argument and input."""

    @cache  # noqa: B019  # of one instance, which lives as long as the schema
    def apply_naming_config(self, name: str) -> str:
        """Give the name that a field or an argument has in the schema."""
        return super().apply_naming_config(name)


class CustomerClassesSchema(RememberingSchema):
    """The schema; it logs refusals quietly, and bugs with their traceback."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(config=StrawberryConfig(name_converter=RememberingNames()), **settings)
        prepare_inputs(self)

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
        refuse_unbound(asked)
        return asked.turn(writes=context.operation_type is OperationType.MUTATION)

    def turn_of_event(self, context: ExecutionContext) -> AbstractAsyncContextManager[None]:
        """Let an event wait for its turn; a subscription that waits for one holds none."""
        asked = context.context
        return asked.turn_of_event() if isinstance(asked, Context) else nullcontext()

    async def may_deliver(self, context: ExecutionContext) -> bool:
        """Tell whether the credential of a subscription is still as good as it was."""
        asked = context.context
        if not isinstance(asked, Context) or asked.sign_in_again is None:
            return True
        return await asked.sign_in_again()

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
        if own is not None:
            refuse_unbound(own)
        return await super().stream(query, variable_values, own, *args, **kwargs)


def refuse_unbound(context: Context) -> None:
    """Refuse to go on for a principal that did not sign in where everybody is bound (R99)."""
    if context.principal is not None and context.principal.reseller_id != reach():
        raise OutOfReachError("the operation is not bound as its principal is")


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
    """Say of each scalar how it is written."""
    for name, description in SCALARS.items():
        schema._schema.type_map[name].description = description
