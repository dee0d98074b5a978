"""A Strawberry schema that caches valid documents, so that it parses and validates each once.

`execute` serves HTTP requests. `RememberingSchema` takes the same steps as Strawberry's own
`execute`, in the same order: parse, refuse disallowed types of operation, validate, execute,
process the errors. It skips parsing and validation for documents in the cache. `stream` does the
same for operations of a WebSocket, and executes a subscription once for each of its events.
"""

from collections.abc import AsyncGenerator, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from dataclasses import dataclass
from inspect import isawaitable
from typing import Any, NamedTuple, cast

import strawberry
from graphql import (
    ASTValidationRule,
    DocumentNode,
    FieldNode,
    GraphQLError,
    GraphQLSchema,
    get_operation_ast,
    parse,
)
from graphql import ExecutionResult as GraphQLResult
from graphql.execution import (
    Executor,
    create_source_event_stream,
    execute_subscription_event,
    map_source_to_response_event,
)
from strawberry.exceptions import MissingQueryError
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from schema.base.errors import ClientGone, ErrorCode, RequestRefused
from schema.base.request_notes import note_operation
from schema.engine.document_cache import Documents
from schema.engine.graphql_core_internals import forget_tokens
from schema.engine.known_operations import KnownOperation, known_operation
from schema.engine.strawberry_internals import (
    ALLOWED_OPERATION_TYPES,
    core_schema,
    is_awaitable,
)
from schema.engine.unsupported import refuse_unsupported
from schema.engine.validation import faults_of

MAX_TOKENS = 5_000
"""Maximum tokens of a document; reading longer documents would delay all other requests."""

NO_ERRORS: list[GraphQLError] = []
AMBIGUOUS = "The document has several operations. Name the one to run in `operationName`."


@dataclass
class Operation(ExecutionContext):
    """Strawberry's execution context of one operation, with what is known about the operation."""

    known: KnownOperation | None = None
    """What is known about the operation; None until its document was read."""
    asked_name: str | None = None
    """The `operationName` of the request; None if it has none."""

    def __post_init__(self, provided_operation_name: str | None) -> None:
        super().__post_init__(provided_operation_name)
        self.asked_name = provided_operation_name

    @property
    def is_mutation(self) -> bool:
        """Whether the operation is a mutation; false until its document was read."""
        return self.known is not None and self.known.type is OperationType.MUTATION

    @property
    def is_subscription(self) -> bool:
        """Whether the operation is a subscription; false until its document was read."""
        return self.known is not None and self.known.type is OperationType.SUBSCRIPTION


class RememberingSchema(strawberry.Schema):
    """A schema with a cache of valid documents."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        refuse_unsupported(self)
        self.documents = Documents()
        self.most_tokens = MAX_TOKENS

    @property
    def core(self) -> GraphQLSchema:
        """graphql-core's schema."""
        return core_schema(self)

    async def read(self, operation: Operation, text: str) -> "ReadDocument":
        """Parse and validate a document that is not in the cache; subclasses may wait first."""
        return self.read_now(operation, text)

    def read_now(self, operation: Operation, text: str) -> "ReadDocument":
        """Parse and validate a document synchronously, so that it can be done in a thread."""
        try:
            document = self.parsed(text)
        except Exception as error:
            # The traceback refers to the context, which will refer to the error. That would be a
            # cycle.
            return ReadDocument(None, [_as_graphql_error(error).with_traceback(None)])
        return ReadDocument(document, self.faults(document, operation.validation_rules))

    def parsed(self, text: str) -> DocumentNode:
        """Parse a document; raises GraphQLError if it has a syntax error or is too long."""
        document = parse(text, max_tokens=self.most_tokens)
        forget_tokens(document)
        return document

    def faults(
        self, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
    ) -> list[GraphQLError]:
        """Return the errors of validating a document by these rules and Strawberry's."""
        return faults_of(self.core, document, rules)

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
        operation_extensions: dict[str, Any] | None = None,
    ) -> ExecutionResult:
        """Execute a query or a mutation."""
        if allowed_operation_types is None:
            allowed_operation_types = ALLOWED_OPERATION_TYPES
        context = Operation(
            query=query,
            schema=self,
            allowed_operations=allowed_operation_types,
            context=context_value,
            root_value=root_value,
            variables=variable_values,
            provided_operation_name=operation_name,
            operation_extensions=operation_extensions,
        )
        try:
            result = await self._prepare(context) or await self._execute_metered(context)
        except (
            ClientGone,
            MissingQueryError,
            CannotGetOperationTypeError,
            InvalidOperationTypeError,
        ):
            raise
        except Exception as error:
            result = _refusal([_failed(context, error)])
        return self._finished(context, result)

    async def stream(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Any | None = None,
        root_value: Any | None = None,
        operation_name: str | None = None,
        operation_extensions: dict[str, Any] | None = None,
        allowed_operation_types: Iterable[OperationType] | None = None,
    ) -> Any:
        """Return an async generator of results: one per event of a subscription, otherwise one."""
        return self._results(
            Operation(
                query=query,
                schema=self,
                allowed_operations=allowed_operation_types or ALLOWED_OPERATION_TYPES,
                context=context_value,
                root_value=root_value,
                variables=variable_values,
                provided_operation_name=operation_name,
                operation_extensions=operation_extensions,
            )
        )

    async def _results(self, context: Operation) -> AsyncGenerator[ExecutionResult, None]:
        try:
            async with self.operation_slot(context):
                result: ExecutionResult | None = await self._prepare(context)
                if result is None and not context.is_subscription:
                    result = await self._execute_metered(context)
        except Exception as error:
            result = _refusal([_refused_on_a_socket(context, error)])
        if result is not None:
            yield self._finished(context, result)
            return
        try:
            async with aclosing(self._events(context)) as events:
                async for event in events:
                    if not await self.may_deliver(context):
                        return
                    yield self._finished(context, event)
        except Exception as error:
            # The generator that yields the events has failed.
            ended = _failed(context, error)
            yield self._finished(context, ExecutionResult(data=None, errors=[ended]))

    async def _events(self, context: Operation) -> AsyncGenerator[ExecutionResult, None]:
        """Yield the result of executing a subscription for each of its events."""

        async def execute(executor: Executor[Any]) -> Any:
            async with self.event_slot(context):
                result = execute_subscription_event(executor)
                return await result if isawaitable(result) else result

        executor = self._executor(context)
        source: Any = executor
        if not isinstance(executor, list):
            source = create_source_event_stream(executor)
            source = await source if isawaitable(source) else source
        if isinstance(source, list | GraphQLResult):
            errors = source if isinstance(source, list) else source.errors
            yield PreExecutionError(data=None, errors=errors, extensions={})
            return
        async with aclosing(map_source_to_response_event(executor, source, execute)) as events:
            async for event in events:
                yield ExecutionResult(data=event.data, errors=event.errors, extensions={})

    def _finished(self, context: Operation, result: ExecutionResult) -> ExecutionResult:
        context.result = result
        if result.errors:
            context.pre_execution_errors = result.errors
            self.process_errors(result.errors, context)
        return result

    async def _prepare(self, context: Operation) -> PreExecutionError | None:
        """Read the document and find the operation, and set both in the context.

        Returns the errors if the operation cannot be executed, otherwise None.
        """
        text = context.query
        if not text:
            raise MissingQueryError
        document, errors = self.documents.get(text), NO_ERRORS
        is_known = document is not None
        if document is None:
            document, errors = await self.read(context, text)
            if document is None:
                return _refusal(errors)
        context.graphql_document = document
        known = context.known = known_operation(document, text, context.asked_name)
        if known is None:
            raise CannotGetOperationTypeError(context.operation_name)
        if known.type not in context.allowed_operations:
            raise InvalidOperationTypeError(known.type)
        if known.is_ambiguous:
            return _refusal([GraphQLError(AMBIGUOUS)])
        note_operation(known)
        if errors:
            return _refusal(errors)
        if not is_known:
            self.documents.keep(text, document, self.owner(context))
        return None

    def owner(self, context: Operation) -> str:  # noqa: ARG002  # for subclasses
        """Return the key of the caller whose share of the document cache a new document uses."""
        return ""

    def operation_slot(self, context: Operation) -> AbstractAsyncContextManager[None]:  # noqa: ARG002  # for subclasses
        """Return a context manager that holds a slot while a WebSocket's operation is executed."""
        return nullcontext()

    def event_slot(self, context: Operation) -> AbstractAsyncContextManager[None]:  # noqa: ARG002  # see above
        """Return a context manager that holds a slot for one event of a subscription."""
        return nullcontext()

    async def may_deliver(self, context: Operation) -> bool:  # noqa: ARG002  # see above
        """Return whether a subscription may go on; checked before each event is delivered."""
        return True

    async def _execute_metered(self, context: Operation) -> ExecutionResult:
        return await self._execute(context)

    async def _execute(self, context: Operation) -> ExecutionResult:
        executor = self._executor(context)
        errors = executor if isinstance(executor, list) else self.refusals(executor, context)
        if errors:
            return NotExecuted(data=None, errors=errors, extensions={})
        result: Any = executor.execute_operation()
        done = await result if isawaitable(result) else result
        return ExecutionResult(data=done.data, errors=done.errors, extensions={})

    def refusals(self, executor: Any, context: Operation) -> list[GraphQLError]:  # noqa: ARG002  # see above
        """Return errors for which the operation must not be executed; empty if it may be."""
        return []

    def _executor(self, context: Operation) -> Any:
        """Return the executor of a prepared operation, or a list of errors in its variables."""
        assert context.graphql_document is not None  # noqa: S101  # it was prepared
        return self.execution_context_class.build(
            self.core,
            context.graphql_document,
            context.root_value,
            context.context,
            context.variables,
            context.operation_name,
            is_awaitable=cast("Any", is_awaitable),
            operation_extensions=context.operation_extensions,
        )


class ReadDocument(NamedTuple):
    """The result of parsing and validating a text: the document, and the errors found.

    The document is None if the text has a syntax error.
    """

    document: DocumentNode | None
    errors: list[GraphQLError]


class NotExecuted(ExecutionResult):
    """The result of an operation that did not run, because of variables or permissions."""


def _refusal(errors: list[GraphQLError]) -> PreExecutionError:
    return PreExecutionError(data=None, errors=errors, extensions={})


def _as_graphql_error(error: Exception, path: list[str | int] | None = None) -> GraphQLError:
    if isinstance(error, GraphQLError):
        return error
    return GraphQLError(str(error), original_error=error, path=path)


def _failed(context: Operation, error: Exception) -> GraphQLError:
    """Return the GraphQL error for an operation that an exception ended.

    It has the path of the root field, because only errors with a path are masked as bugs.
    """
    return _as_graphql_error(error, path=[_root_field(context)])


def _root_field(context: Operation) -> str:
    """Return the response key of the operation's first root field."""
    document = context.graphql_document
    operation = get_operation_ast(document, context.operation_name) if document else None
    for selected in operation.selection_set.selections if operation else ():
        if isinstance(selected, FieldNode):
            return (selected.alias or selected.name).value
    return "subscription"


def _refused_on_a_socket(context: Operation, error: Exception) -> GraphQLError:
    """Return the GraphQL error for an exception that over HTTP is reported by the status code."""
    match error:
        case MissingQueryError():
            return RequestRefused(ErrorCode.BAD_REQUEST, "query is missing.")
        case CannotGetOperationTypeError():
            return RequestRefused(
                ErrorCode.BAD_REQUEST,
                "The document has no operation with the given `operationName`.",
            )
        case _:
            return _failed(context, error)
