"""The schema as it is served: within its limits, quiet about refusals, and saying nothing empty."""

import copy
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import replace
from functools import cache
from typing import Any, Self

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSyntaxError,
    Undefined,
)
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import NameConverter
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError

from models.reach import OutOfReachError, reach
from models.tally import begin
from schema.context import Context
from schema.cost_budget import CostBudget
from schema.documents import Documents
from schema.errors import RequestRefused, settle
from schema.execution import NothingRan, RememberingSchema
from schema.inputs import prepare_inputs
from schema.limits import Limits, as_too_large, refuse_too_large
from schema.loaders import Loaders
from schema.metering import BASE, Meter, Metering
from schema.plan import PlannedExecution
from schema.request_notes import note_subscription
from schema.resolving import prepare_resolvers
from schema.validation import faults_of


class _Discreet(PlannedExecution):
    """Execution that suggests no names in its errors."""

    @classmethod
    def build(cls, *args: Any, **kwargs: Any) -> Any:
        """Make the executor of a request, or the errors why there is none."""
        made = super().build(*args, **kwargs)
        if isinstance(made, list):
            return super().build(*args, **{**kwargs, "hide_suggestions": True})
        made.hide_suggestions = True
        return made


SCALARS = {
    "Date": "A calendar date in ISO 8601, such as 2026-03-31.",
    "DateTime": "An instant in ISO 8601 with its offset from UTC; answers are always in UTC.",
    "Decimal": 'An exact decimal number, written as a string, such as "-17540.50".',
    "JSON": "Any JSON value.",
}


MOST_FAULTS = 10
"""Of a document; each may repeat all of what it is about."""


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
        prepare_resolvers(self)
        self._meter = Meter(self._schema, Limits(), None)

    @property
    def limits(self) -> Limits:
        """Give the limits that it is under."""
        return self._meter.limits

    def under(self, limits: Limits, budget: CostBudget | None = None) -> Self:
        """Give the same schema under other limits, with documents of its own."""
        other = copy.copy(self)
        other._meter = Meter(self._schema, limits, budget)
        other.documents, other.most_tokens = Documents(), limits.max_tokens
        if not limits.introspection:
            other.execution_context_class = _Discreet
        return other

    def parsed(self, text: str) -> DocumentNode:
        """Parse a document; raises GraphQLError for what is none, or is too long."""
        try:
            return super().parsed(text)
        except GraphQLSyntaxError as error:
            raise as_too_large(error, self.limits) from None

    def faults(
        self, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
    ) -> list[GraphQLError]:
        """Say what is wrong with a document; names are suggested to who may look at the schema."""
        try:
            refuse_too_large(document, self.limits)
        except GraphQLError as error:
            return [error]
        return faults_of(
            self._schema,
            document,
            rules,
            max_errors=MOST_FAULTS,
            hide_suggestions=not self.limits.introspection,
        )

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log what went wrong, and mask what clients must not see."""
        context = execution_context.context if execution_context else None
        settle(errors, context.request_id if isinstance(context, Context) else "")

    async def _execute_in_turn(self, context: ExecutionContext) -> ExecutionResult:
        if not isinstance(context.context, Context):
            return await self._execute(context)
        refuse_unbound(context.context)
        async with Metering(self._meter, context) as spending:
            result = await self._execute(context)
            if isinstance(result, NothingRan):
                spending.fixed = min(spending.fixed, BASE)
        result.extensions = {"cost": spending.told()}
        return result

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

    async def _events(self, context: ExecutionContext) -> AsyncGenerator[ExecutionResult, None]:
        """Let each event be paid for; to begin, there must be enough for one."""
        spending = None
        if isinstance(context.context, Context):
            try:
                spending = self._meter.work_out(context, self._meter.asked(context))
                if not spending.pay_held():
                    await spending.pay()
            except RequestRefused as refused:
                yield PreExecutionError(data=None, errors=[refused], extensions={})
                return
            spending.charge(-spending.requested)
            await spending.give_back(context.context.clock)
            begin(spending.tally)
            note_subscription()
        async with aclosing(super()._events(context)) as events:
            async for event in events:
                if spending is not None and not isinstance(event, PreExecutionError):
                    spending.charge(spending.actual)
                    event.extensions = {"cost": spending.told()}
                    spending.tally.read = 0
                yield event


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
