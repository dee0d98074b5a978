"""The schema as it is served: within its limits, quiet about refusals, and saying nothing empty."""

import copy
from collections.abc import AsyncIterator
from contextlib import aclosing
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
    validate,
)
from strawberry.exceptions import MissingQueryError
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.exceptions import CannotGetOperationTypeError
from strawberry.schema.name_converter import NameConverter
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType

from models.tally import begin
from schema.context import Context
from schema.cost_budget import CostBudget
from schema.documents import Documents
from schema.errors import settle
from schema.execution import RememberingSchema
from schema.inputs import prepare_inputs
from schema.limits import Limits, as_too_large, refuse_too_large
from schema.loaders import Loaders
from schema.metering import Meter, Metering
from schema.plan import PlannedExecution

EVERY_TYPE = tuple(OperationType)


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
        if self.limits.introspection:
            return super().faults(document, rules)
        rules = (*rules, MaybeNullValidationRule, OneOfInputValidationRule)
        return validate(self._schema, document, rules, hide_suggestions=True)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log what went wrong, and mask what clients must not see."""
        context = execution_context.context if execution_context else None
        settle(errors, context.request_id if isinstance(context, Context) else "")

    async def _execute_in_turn(self, context: ExecutionContext) -> ExecutionResult:
        if not isinstance(context.context, Context):
            return await self._execute(context)
        async with Metering(self._meter, context) as spending:
            result = await self._execute(context)
        result.extensions = {"cost": spending.told()}
        return result

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Do an operation of a WebSocket, with loaders of its own: others have read before it."""
        own = replace(context_value, loaders=Loaders()) if context_value else None
        given = (query, variable_values, own, root_value, operation_name)
        context = ExecutionContext(
            query, self, EVERY_TYPE, own, variable_values, provided_operation_name=operation_name
        )
        try:
            refused = self._prepare(context)
        except (MissingQueryError, CannotGetOperationTypeError) as error:
            refused = PreExecutionError(data=None, errors=[GraphQLError(str(error))])
        if refused is not None:
            self.process_errors(refused.errors or [], context)
            return _only(refused)
        if context.operation_type is not OperationType.SUBSCRIPTION:
            return _only(await self.execute(*given, EVERY_TYPE))
        source = await super().stream(*given, *args, **kwargs)
        return self._paid(source, context) if isinstance(own, Context) else source

    async def _paid(self, source: Any, context: ExecutionContext) -> AsyncIterator[Any]:
        """Let each result of a subscription be paid for; to begin, there must be enough for one."""
        async with aclosing(source):
            try:
                spending = self._meter.work_out(context, self._meter.asked(context))
                if not spending.is_paid:
                    await self._meter.pay(spending)
            except GraphQLError as error:
                self.process_errors([error], context)
                yield PreExecutionError(data=None, errors=[error])
                return
            spending.charge(-spending.requested)
            begin(spending.tally)
            async for result in source:
                spending.charge(spending.actual)
                result.extensions = {"cost": spending.told()}
                spending.tally.read = 0
                yield result


async def _only(result: ExecutionResult) -> AsyncIterator[ExecutionResult]:
    yield result


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
