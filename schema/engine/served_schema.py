"""The schema that the application serves.

It refuses documents beyond the limits, charges callers for what an operation costs, lets an
operation wait for a free slot (few operations run at once), and hides internal errors.
"""

import copy
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, nullcontext
from dataclasses import replace
from functools import cache, partial
from typing import Any, Self, TypeVar

from graphql import (
    ASTValidationRule,
    DocumentNode,
    GraphQLError,
    GraphQLSyntaxError,
)
from strawberry.directive import StrawberryDirective
from strawberry.schema.config import StrawberryConfig
from strawberry.schema.name_converter import HasGraphQLName, NameConverter
from strawberry.schema_directive import StrawberrySchemaDirective
from strawberry.types.execution import ExecutionContext, ExecutionResult, PreExecutionError

from models.storage.row_counter import begin
from models.storage.tenant_scope import OutOfScopeError, current_tenant
from schema.base.context import Context
from schema.base.errors import (
    ClientGone,
    RequestRefused,
    is_unavailable,
    mask_and_log,
)
from schema.base.loaders import Loaders
from schema.base.request_notes import note_subscription
from schema.base.request_slot import RequestSlot
from schema.base.scalars import SCALARS
from schema.engine.cost_budget import CostBudget
from schema.engine.database_faults import report_database_fault
from schema.engine.deprecations import DeprecatedParts, DeprecatedUses
from schema.engine.document_cache import Documents
from schema.engine.document_reader import SHORT, DocumentReader
from schema.engine.dry_runs import mark_dry_runs
from schema.engine.execution import NotExecuted, Operation, ReadDocument, RememberingSchema
from schema.engine.idempotency_keys import IdempotentFieldsRule, misplaced_header, note_keys
from schema.engine.known_operations import known_operation
from schema.engine.limits import Limits, as_too_large, refuse_too_large
from schema.engine.metering import Meter, Metering, document_points
from schema.engine.operation_permissions import refusals
from schema.engine.plan import PlannedExecution
from schema.engine.spending import BASE, Spending
from schema.engine.strawberry_internals import convert_only_sent_fields
from schema.engine.validation import faults_of


class _Discreet(PlannedExecution):
    """An execution whose errors suggest no names; it is used if introspection is disabled."""

    hides_names = True

    @classmethod
    def build(cls, *args: Any, **kwargs: Any) -> Any:
        """Return an execution of the request, or the errors by which its variables are refused.

        graphql-core suggests names in errors of variables while it builds the execution, so it
        must build it again without suggestions.
        """
        made = super().build(*args, **kwargs)
        if not isinstance(made, list):
            made.hide_suggestions = True
        return made


Result = TypeVar("Result")

MAX_FAULTS = 10
"""The maximum number of errors of a document in an answer: each may repeat a long text."""


MAX_SUGGESTIONS = 3
"""At most this number of a document's errors suggest similar names, as finding these is slow."""


class CachingNames(NameConverter):
    """Strawberry's name converter with a cache of names.

    Strawberry asks for the names of all arguments in each request.
    """

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[HasGraphQLName, str] = {}

    def get_graphql_name(self, obj: HasGraphQLName) -> str:
        """Return the name that a field or an argument has in the schema."""
        if isinstance(obj, StrawberrySchemaDirective | StrawberryDirective):  # cannot be hashed
            return super().get_graphql_name(obj)
        name = self._names.get(obj)
        if name is None:
            name = self._names[obj] = super().get_graphql_name(obj)
        return name


class CustomerClassesSchema(RememberingSchema):
    """The schema that the application serves; `under` returns a copy with limits and a budget."""

    def __init__(self, **settings: Any) -> None:
        config = StrawberryConfig(name_converter=CachingNames(), scalar_map=SCALARS)
        super().__init__(config=config, **settings)
        convert_only_sent_fields(self)
        self._meter = Meter(self.core, Limits(), None)
        self._reader = DocumentReader()
        self._deprecated = DeprecatedParts.of(self.core)
        # All copies made by `under` share this: printing takes as long as hundreds of requests.
        self.sdl = cache(self.as_str)

    def as_str(self) -> str:
        """Return the SDL, without the definition of `@oneOf`, which is part of GraphQL."""
        return super().as_str().replace("directive @oneOf on INPUT_OBJECT\n\n", "", 1)

    @property
    def limits(self) -> Limits:
        """The limits that apply to requests."""
        return self._meter.limits

    def with_limits(self, limits: Limits, budget: CostBudget | None = None) -> Self:
        """Return a copy of the schema with these limits and budget, and an empty document cache."""
        other = copy.copy(self)
        other._meter = Meter(self.core, limits, budget)
        other.documents, other.most_tokens = Documents(), limits.max_tokens
        other._reader = DocumentReader()
        other._deprecated = DeprecatedParts.of(self.core)
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
            (*rules, IdempotentFieldsRule),
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
        if isinstance(context.context, Context) and context.context.dry_runs:
            mark_dry_runs(self.core, context, context.context.dry_runs)
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
        await spending.charge_for_size(document_points(text), context.clock)
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
                self._deprecated_uses(operation)
        return found

    async def _execute_metered(self, context: Operation) -> ExecutionResult:
        asked = context.context
        if not isinstance(asked, Context):
            return await self._execute(context)
        require_tenant_scope(asked)
        if asked.idempotency_key is not None and not context.is_mutation:
            return NotExecuted(data=None, errors=[misplaced_header()], extensions={})
        known, slot = context.known, asked.slot
        async with Metering(self._meter, context) as spending:
            if slot is not None and known is not None and known.is_about_schema:
                result = await self._execute_in_thread(context, slot)
            else:
                result = await self._execute(context)
            if isinstance(result, NotExecuted):
                spending.fixed = BASE
        result.extensions = {"cost": spending.as_extension()}
        if self._deprecated is not None and not isinstance(result, NotExecuted):
            self._tell_deprecations(context, result)
        return result

    def _tell_deprecations(self, operation: Operation, result: ExecutionResult) -> None:
        """Add to an answer which deprecated parts its operation uses, if any, and count them."""
        uses = self._deprecated_uses(operation)
        told = () if uses is None else uses.of(operation.variables)
        if told:
            extensions = {**(result.extensions or {})}
            extensions["deprecations"] = [one.as_extension() for one in told]
            result.extensions = extensions
            asked: Context = operation.context
            if asked.deprecated_uses is not None and asked.principal is not None:
                asked.deprecated_uses.count(asked.principal, told, asked.clock())

    def _deprecated_uses(self, operation: Operation) -> DeprecatedUses | None:
        """Return the deprecated parts that an operation uses, which are looked for once."""
        document, known, parts = operation.graphql_document, operation.known, self._deprecated
        if parts is None or document is None or known is None:
            return None
        if known.deprecated is None:
            known.deprecated = parts.used_by(document, known.node)
        return known.deprecated

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
            return NotExecuted(data=None, errors=executor, extensions={})
        result = executor.execute_operation()
        return ExecutionResult(data=result.data, errors=result.errors, extensions={})

    def owner(self, context: Operation) -> str:
        """Return the key of the user or partner who sent the document."""
        asked = context.context
        return asked.caller if isinstance(asked, Context) else ""

    def refusals(self, executor: Any, context: Operation) -> list[GraphQLError]:
        """Return errors for the fields of a mutation document that the caller may not use.

        If there are none, notes the idempotency keys of the fields, or returns what is wrong about
        the keys.
        """
        asked = context.context
        if not context.is_mutation or not isinstance(asked, Context):
            return []
        operation, fragments = executor.operation, executor.fragment_definitions
        variables = executor.variable_values.coerced
        refused = refusals(self.core, operation, fragments, variables, asked.principal)
        return refused or note_keys(asked, operation, fragments, variables)

    def operation_slot(self, context: Operation) -> AbstractAsyncContextManager[None]:
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

    def event_slot(self, context: Operation) -> AbstractAsyncContextManager[None]:
        """Return a context manager that holds a slot for one event of a subscription.

        Between events, the subscription has no slot.
        """
        asked = context.context
        return asked.event_slot() if isinstance(asked, Context) else nullcontext()

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
        """Return the results of an operation on a WebSocket, as an async generator.

        The operation gets new loaders, because those of earlier operations have outdated rows.
        """
        own = replace(context_value, loaders=Loaders(), dry_runs=set()) if context_value else None
        if own is not None:
            require_tenant_scope(own)
        return await super().stream(query, variable_values, own, *args, **kwargs)

    async def _events(self, context: Operation) -> AsyncGenerator[ExecutionResult, None]:
        """Yield the results of a subscription's events, and charge the actual cost of each.

        The subscription starts only if the budget suffices for one event; otherwise the result is
        an error.
        """
        spending = None
        if isinstance(context.context, Context):
            clock = context.context.clock
            try:
                spending = self._meter.begin(context.context)
                self._meter.compute_cost(context)
                await spending.charge_up_to(spending.requested, clock)
            except RequestRefused as refused:
                yield PreExecutionError(data=None, errors=[refused], extensions={})
                return
            spending.settle()
            await spending.return_surplus(clock)
            begin(spending.row_counter)
            note_subscription()
        is_first = self._deprecated is not None
        async with aclosing(super()._events(context)) as events:
            async for event in events:
                if spending is not None and not isinstance(event, PreExecutionError):
                    spending.charge(spending.actual)
                    event.extensions = {"cost": spending.as_extension()}
                    spending.row_counter.read = 0
                if is_first and not isinstance(event, PreExecutionError):
                    self._tell_deprecations(context, event)
                    is_first = False
                yield event


def require_tenant_scope(context: Context) -> None:
    """Raise OutOfScopeError unless the tenant scope is that of the principal's reseller (R99)."""
    if context.principal is not None and context.principal.reseller_id != current_tenant():
        raise OutOfScopeError("the operation is not bound as its principal is")
