"""The schema as it is served: with limits, costs, slots and masked errors."""

import copy
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import partial
from typing import Any, Self, TypeVar

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
from strawberry.schema.name_converter import HasGraphQLName, NameConverter
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError

from models.storage.row_counter import begin
from models.storage.tenant_scope import OutOfScopeError, current_tenant
from schema.base.context import Context
from schema.base.errors import (
    OUTCOME_UNKNOWN,
    ClientGone,
    RequestRefused,
    is_unavailable,
    mask_and_log,
)
from schema.base.loaders import Loaders
from schema.base.request_notes import note_subscription
from schema.base.request_slot import RequestSlot
from schema.base.scalars import DESCRIPTIONS, SCALARS
from schema.engine.cost_budget import CostBudget
from schema.engine.document_cache import Documents
from schema.engine.document_reader import SHORT, DocumentReader
from schema.engine.execution import NothingRan, Operation, ReadDocument, RememberingSchema
from schema.engine.known_operations import known_operation
from schema.engine.limits import Limits, as_too_large, refuse_too_large
from schema.engine.metering import Meter, Metering, document_points
from schema.engine.operation_permissions import refusals
from schema.engine.plan import PlannedExecution
from schema.engine.spending import BASE, Spending
from schema.engine.strawberry_internals import convert_only_sent_fields
from schema.engine.validation import faults_of


class _Discreet(PlannedExecution):
    """Execution whose errors suggest no names, for schemas without introspection."""

    @classmethod
    def build(cls, *args: Any, **kwargs: Any) -> Any:
        """Return the executor of a request, or errors."""
        made = super().build(*args, **kwargs)
        if isinstance(made, list):
            return super().build(*args, **{**kwargs, "hide_suggestions": True})
        made.hide_suggestions = True
        return made


Result = TypeVar("Result")

MAX_FAULTS = 10
"""Faults of a document in an answer; each may repeat all of what it is about."""


MAX_SUGGESTIONS = 3
"""Faults of a document that suggest names; finding similar names takes longer than the rest."""


class CachingNames(NameConverter):
    """Strawberry's names of fields and arguments, each made once.

    Strawberry asks for the name of every argument in each request.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[HasGraphQLName, str] = {}

    def get_graphql_name(self, obj: HasGraphQLName) -> str:
        """Return the name that a field or an argument has in the schema."""
        name = self._names.get(obj)
        if name is None:
            name = self._names[obj] = super().get_graphql_name(obj)
        return name


class CustomerClassesSchema(RememberingSchema):
    """The schema with limits and costs, as the application serves it."""

    def __init__(self, **settings: Any) -> None:
        config = StrawberryConfig(name_converter=CachingNames(), scalar_map=SCALARS)
        super().__init__(config=config, **settings)
        convert_only_sent_fields(self)
        self._meter = Meter(self.core, Limits(), None)
        self._reader = DocumentReader()

    @property
    def limits(self) -> Limits:
        """The limits of requests."""
        return self._meter.limits

    def under(self, limits: Limits, budget: CostBudget | None = None) -> Self:
        """Return the same schema with other limits, and with a document cache of its own."""
        other = copy.copy(self)
        other._meter = Meter(self.core, limits, budget)
        other.documents, other.most_tokens = Documents(), limits.max_tokens
        other._reader = DocumentReader()
        if not limits.introspection:
            other.execution_context_class = _Discreet
        return other

    def parsed(self, text: str) -> DocumentNode:
        """Parse a document; raises GraphQLError if it has a syntax error or is too long."""
        try:
            return super().parsed(text)
        except GraphQLSyntaxError as error:
            raise as_too_large(error, self.limits) from None

    def faults(
        self, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
    ) -> list[GraphQLError]:
        """Return the faults of a document; they suggest names only if introspection is on."""
        try:
            refuse_too_large(document, self.limits)
        except GraphQLError as error:
            return [error]
        return faults_of(
            self.core,
            document,
            rules,
            max_errors=MAX_FAULTS,
            max_suggestions=MAX_SUGGESTIONS,
            hide_suggestions=not self.limits.introspection,
        )

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log errors, and mask what clients must not see."""
        context = execution_context.context if execution_context else None
        mask_and_log(errors, context.request_id if isinstance(context, Context) else "")

    def _finished(self, context: Operation, result: ExecutionResult) -> ExecutionResult:
        finished = super()._finished(context, result)
        if finished.errors and any(map(is_unavailable, finished.errors)):
            report_database_fault(finished, is_mutation=context.is_mutation)
        return finished

    def begin(self, context: Context) -> Spending:
        """Begin to count what a request costs; from now on even a refusal costs a point."""
        spending = self._meter.begin(context)
        spending.least = BASE
        return spending

    async def read(self, operation: Operation, text: str) -> ReadDocument:
        """Parse and validate a new document, which is charged by its size before it is read.

        A long one is read in a thread, so that the event loop is free for other callers.
        """
        context = operation.context
        if not isinstance(context, Context):
            return await super().read(operation, text)
        spending, slot = context.spending or self.begin(context), context.slot
        await spending.pay_for_size(document_points(text), context.clock)
        read = partial(self.read_now, operation, text)
        if slot is None:
            return read()
        try:
            if len(text) > SHORT:
                return await self.read_in_thread(slot, read)
            await slot.enter_intake()
        except (RequestRefused, ClientGone):
            spending.size = spending.least = 0  # it was refused unread
            raise
        return read()

    async def read_in_thread(self, slot: RequestSlot, work: Callable[[], Result]) -> Result:
        """Run `work` in the thread that reads documents, when it is the caller's turn."""
        await slot.enter_documents()
        found = await self._reader.read(work)
        await slot.enter_intake()
        return found

    async def read_message(self, context: Context, work: Callable[[], Result]) -> Result:
        """Read a long message of a WebSocket in that thread, when it is the caller's turn."""
        limiters = context.limiters
        if limiters is None:
            return work()
        async with limiters.part(context.caller, limiters.documents):
            return await self._reader.read(work)

    def read_now(self, operation: Operation, text: str) -> ReadDocument:
        """Parse and validate a document, and compile its cost, which takes long too."""
        document, errors = found = super().read_now(operation, text)
        if document is not None and not errors:
            name = operation.asked_name
            operation.known = known_operation(document, text, name)
            if operation.known is not None:
                operation.graphql_document = document
                self._meter.cost(operation)
        return found

    async def _execute_metered(self, context: Operation) -> ExecutionResult:
        asked = context.context
        if not isinstance(asked, Context):
            return await self._execute(context)
        refuse_unbound(asked)
        known, slot = context.known, asked.slot
        async with Metering(self._meter, context) as spending:
            if slot is not None and known is not None and known.is_about_schema:
                result = await self._execute_in_thread(context, slot)
            else:
                result = await self._execute(context)
            if isinstance(result, NothingRan):
                spending.fixed = BASE
        result.extensions = {"cost": spending.as_extension()}
        return result

    async def _execute_in_thread(self, context: Operation, slot: RequestSlot) -> ExecutionResult:
        """Execute introspection in a thread: it takes longest, and never waits."""
        await slot.enter_documents()
        result = await self._reader.read(lambda: self._executed(context))
        await slot.enter_queries()
        return result

    def _executed(self, context: Operation) -> ExecutionResult:
        """Execute an operation whose resolvers are not async."""
        executor = self._executor(context)
        if isinstance(executor, list):
            return NothingRan(data=None, errors=executor, extensions={})
        result = executor.execute_operation()
        return ExecutionResult(data=result.data, errors=result.errors, extensions={})

    def owner(self, context: Operation) -> str:
        """Return the partner or the user who sent the document."""
        asked = context.context
        return asked.caller if isinstance(asked, Context) else ""

    def refusals(self, executor: Any, context: Operation) -> list[GraphQLError]:
        """Return errors for the permissions that a mutation document needs and the caller lacks."""
        asked = context.context
        if not context.is_mutation or not isinstance(asked, Context):
            return []
        return refusals(
            self.core,
            executor.operation,
            executor.fragment_definitions,
            executor.variable_values.coerced,
            asked.principal,
        )

    def turn(self, context: Operation) -> AbstractAsyncContextManager[None]:
        """Return the context manager of an operation of a WebSocket."""
        asked = context.context
        return self._turn(asked) if isinstance(asked, Context) else nullcontext()

    @asynccontextmanager
    async def _turn(self, context: Context) -> AsyncIterator[None]:
        spending = None
        try:
            async with context.enter():
                spending = self.begin(context)
                yield
        finally:
            if spending is not None:
                spending.settle()

    def turn_of_event(self, context: Operation) -> AbstractAsyncContextManager[None]:
        """Return the slot of an event; a subscription holds none between its events."""
        asked = context.context
        return asked.turn_of_event() if isinstance(asked, Context) else nullcontext()

    async def may_deliver(self, context: Operation) -> bool:
        """Return whether the credential of a subscription is still valid."""
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
        """Execute an operation of a WebSocket with new loaders: those of earlier ones are stale."""
        own = replace(context_value, loaders=Loaders()) if context_value else None
        if own is not None:
            refuse_unbound(own)
        return await super().stream(query, variable_values, own, *args, **kwargs)

    async def _events(self, context: Operation) -> AsyncGenerator[ExecutionResult, None]:
        """Charge each event; to begin, the budget must suffice for one."""
        spending = None
        if isinstance(context.context, Context):
            clock = context.context.clock
            try:
                spending = self._meter.begin(context.context)
                self._meter.work_out(context)
                await spending.pay(spending.requested, clock)
            except RequestRefused as refused:
                yield PreExecutionError(data=None, errors=[refused], extensions={})
                return
            spending.settle()
            await spending.give_back(clock)
            begin(spending.row_counter)
            note_subscription()
        async with aclosing(super()._events(context)) as events:
            async for event in events:
                if spending is not None and not isinstance(event, PreExecutionError):
                    spending.charge(spending.actual)
                    event.extensions = {"cost": spending.as_extension()}
                    spending.row_counter.read = 0
                yield event


def report_database_fault(result: ExecutionResult, *, is_mutation: bool) -> None:
    """Make the result of an operation consistent after a fault of the database.

    A query then has no data at all. Mutations before the fault are stored, so their payloads stay;
    one whose payload could not be read may be stored as well.
    """
    errors = [error for error in result.errors or () if is_unavailable(error)]
    if not is_mutation:
        result.data = None
        result.errors = [GraphQLError(errors[0].message, extensions=errors[0].extensions)]
        return
    for error in errors:
        if error.path is not None and len(error.path) > 1:
            error.message = OUTCOME_UNKNOWN
            error.extensions = {**(error.extensions or {}), "outcomeUnknown": True}


def refuse_unbound(context: Context) -> None:
    """Raise OutOfScopeError unless the tenant scope is that of the principal (R99)."""
    if context.principal is not None and context.principal.reseller_id != current_tenant():
        raise OutOfScopeError("the operation is not bound as its principal is")


def drop_null_defaults(schema: CustomerClassesSchema) -> None:
    """Remove null defaults of optional inputs from the SDL, where they say nothing."""
    for named in schema.core.type_map.values():
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
    """Add to each scalar of the SDL how its values are written."""
    for name, description in DESCRIPTIONS.items():
        schema.core.type_map[name].description = description
