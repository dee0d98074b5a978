"""The schema that the application serves: with limits, costs, slots and masked errors."""

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
    """Execution whose errors suggest no names, for use when introspection is disabled."""

    @classmethod
    def build(cls, *args: Any, **kwargs: Any) -> Any:
        """Return the executor of a request, or a list of errors."""
        made = super().build(*args, **kwargs)
        if isinstance(made, list):
            return super().build(*args, **{**kwargs, "hide_suggestions": True})
        made.hide_suggestions = True
        return made


Result = TypeVar("Result")

MAX_FAULTS = 10
"""Maximum errors of a document in an answer: each may repeat a long part of the document."""


MAX_SUGGESTIONS = 3
"""Maximum errors of a document that suggest similar names, as finding these is slow."""


class CachingNames(NameConverter):
    """Strawberry's name converter with a cache of names.

    Strawberry asks for the names of all arguments in each request.
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
    """The schema that the application serves; `under` sets its limits and budget."""

    def __init__(self, **settings: Any) -> None:
        config = StrawberryConfig(name_converter=CachingNames(), scalar_map=SCALARS)
        super().__init__(config=config, **settings)
        convert_only_sent_fields(self)
        self._meter = Meter(self.core, Limits(), None)
        self._reader = DocumentReader()

    @property
    def limits(self) -> Limits:
        """The limits that apply to requests."""
        return self._meter.limits

    def under(self, limits: Limits, budget: CostBudget | None = None) -> Self:
        """Return a copy of the schema with these limits and budget, and an empty document cache."""
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
        """Return the errors of checking a document's size and of validating it.

        They suggest names only if introspection is enabled.
        """
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
        """Log errors, and replace in them everything that clients must not see."""
        context = execution_context.context if execution_context else None
        mask_and_log(errors, context.request_id if isinstance(context, Context) else "")

    def _finished(self, context: Operation, result: ExecutionResult) -> ExecutionResult:
        finished = super()._finished(context, result)
        if finished.errors and any(map(is_unavailable, finished.errors)):
            report_database_fault(finished, is_mutation=context.is_mutation)
        return finished

    def begin(self, context: Context) -> Spending:
        """Start the spending of a request; from now on even a refusal costs BASE points."""
        spending = self._meter.begin(context)
        spending.least = BASE
        return spending

    async def read(self, operation: Operation, text: str) -> ReadDocument:
        """Charge for the size of a new document, then parse and validate it.

        A long document is read in a thread, so that the event loop is free for other callers.
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
            spending.size = spending.least = 0  # refused before the document was read
            raise
        return read()

    async def read_in_thread(self, slot: RequestSlot, work: Callable[[], Result]) -> Result:
        """Wait for the slot for documents, run `work` in their thread, and return its result."""
        await slot.enter_documents()
        found = await self._reader.read(work)
        await slot.enter_intake()
        return found

    async def read_message(self, context: Context, work: Callable[[], Result]) -> Result:
        """Return the result of `work`, which decodes a long message of a WebSocket.

        It runs in the thread for documents, after a wait for its slot.
        """
        limiters = context.limiters
        if limiters is None:
            return work()
        async with limiters.part(context.caller, limiters.documents):
            return await self._reader.read(work)

    def read_now(self, operation: Operation, text: str) -> ReadDocument:
        """Parse and validate a document, and compile the cost of its operation."""
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
        """Execute introspection, which is slow but synchronous, in the thread for documents."""
        await slot.enter_documents()
        result = await self._reader.read(lambda: self._executed(context))
        await slot.enter_queries()
        return result

    def _executed(self, context: Operation) -> ExecutionResult:
        """Execute an operation whose resolvers are all synchronous."""
        executor = self._executor(context)
        if isinstance(executor, list):
            return NothingRan(data=None, errors=executor, extensions={})
        result = executor.execute_operation()
        return ExecutionResult(data=result.data, errors=result.errors, extensions={})

    def owner(self, context: Operation) -> str:
        """Return the key of the user or partner who sent the document."""
        asked = context.context
        return asked.caller if isinstance(asked, Context) else ""

    def refusals(self, executor: Any, context: Operation) -> list[GraphQLError]:
        """Return errors for the fields of a mutation document that the caller may not use."""
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
        """Return the context manager that holds the slot of an operation of a WebSocket."""
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
        """Return a context manager that holds a slot for one event of a subscription.

        Between events, the subscription has no slot.
        """
        asked = context.context
        return asked.turn_of_event() if isinstance(asked, Context) else nullcontext()

    async def may_deliver(self, context: Operation) -> bool:
        """Return whether the credential of the subscription's caller is still valid."""
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
        """Return the results of an operation of a WebSocket.

        It gets new loaders, because those of earlier operations hold stale rows.
        """
        own = replace(context_value, loaders=Loaders()) if context_value else None
        if own is not None:
            refuse_unbound(own)
        return await super().stream(query, variable_values, own, *args, **kwargs)

    async def _events(self, context: Operation) -> AsyncGenerator[ExecutionResult, None]:
        """Yield the results of a subscription's events, and charge the actual cost of each.

        The subscription starts only if the budget suffices for one event; the result is an error
        otherwise.
        """
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
    """Adapt the result of an operation, in place, to a fault of the database.

    The result of a query loses all data, and has only one error. Mutations before the fault are
    stored, so their payloads stay in the result. If the fault occurred while a payload was read,
    the error says that the mutation may be stored.
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
    """Raise OutOfScopeError unless the current tenant is the principal's reseller (R99)."""
    if context.principal is not None and context.principal.reseller_id != current_tenant():
        raise OutOfScopeError("the operation is not bound as its principal is")


def drop_null_defaults(schema: CustomerClassesSchema) -> None:
    """Remove default values of null from the schema, as an optional input is null by default."""
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
    """Set the descriptions of the schema's scalars, which tell how values are written."""
    for name, description in DESCRIPTIONS.items():
        schema.core.type_map[name].description = description
