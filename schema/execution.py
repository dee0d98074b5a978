"""A schema that executes what it has seen before without preparing it again.

`Schema.execute` is what every request goes through. `RememberingSchema` takes the steps that
Strawberry's own takes, in the same order: parse, refuse the wrong type of operation, validate,
execute, process the errors. The first and the third are left out for documents that were found
valid before. What comes over a WebSocket is left to Strawberry, with the same as extensions: a
document's length, that an operation is named where there are several, and what was seen before.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractAsyncContextManager, nullcontext
from inspect import isawaitable
from typing import Any, cast

import strawberry
from graphql import ASTValidationRule, DocumentNode, GraphQLError, OperationDefinitionNode, parse
from strawberry.exceptions import MissingQueryError
from strawberry.execution import optimized_is_awaitable
from strawberry.extensions import SchemaExtension
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.schema.schema import DEFAULT_ALLOWED_OPERATION_TYPES, validate_document
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from schema.admission import Crowded
from schema.documents import Documents, forget_tokens

MOST_TOKENS = 5_000
"""A document's length: parsing and validating more would hold up everybody else."""

AMBIGUOUS = "The document has several operations: say which by operationName."


class NamedOperation(SchemaExtension):
    """Refuses several operations when none is named: Strawberry would do the first of them."""

    def on_validate(self) -> Iterator[None]:
        """Look at the document once it is parsed."""
        if _is_ambiguous(self.execution_context):
            self.execution_context.pre_execution_errors = [GraphQLError(AMBIGUOUS)]
        yield


class KnownDocument(SchemaExtension):
    """Spares a document of a WebSocket what was done for it before."""

    _is_known = False

    def on_parse(self) -> Iterator[None]:
        """Put a known document in place of one to be parsed."""
        context = self.execution_context
        context.parse_options["max_tokens"] = cast("RememberingSchema", context.schema).most_tokens
        if context.query:
            context.graphql_document = _documents_of(context).get(context.query)
            self._is_known = context.graphql_document is not None
        yield
        if context.graphql_document is not None and not self._is_known:
            forget_tokens(context.graphql_document)

    def on_validate(self) -> Iterator[None]:
        """Ask nothing of a known document, and keep another that is found valid."""
        context = self.execution_context
        if not self._is_known and context.graphql_document is not None:
            schema = cast("RememberingSchema", context.schema)
            faults = schema.faults(context.graphql_document, context.validation_rules)
            context.pre_execution_errors = context.pre_execution_errors or faults or None
        context.validation_rules = ()
        yield
        is_valid = context.graphql_document is not None and not context.pre_execution_errors
        if is_valid and context.query and not self._is_known:
            _documents_of(context).keep(
                context.query, cast("DocumentNode", context.graphql_document)
            )


class RememberingSchema(strawberry.Schema):
    """A schema with the documents that it has executed."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        settings["extensions"] = [
            KnownDocument,
            NamedOperation,
        ]
        super().__init__(*args, **settings)
        self.documents = Documents()
        self.most_tokens = MOST_TOKENS

    def parsed(self, text: str) -> DocumentNode:
        """Parse a document; raises GraphQLError for what is none, or is too long."""
        document = parse(text, max_tokens=self.most_tokens)
        forget_tokens(document)
        return document

    def faults(
        self, document: DocumentNode, rules: tuple[type[ASTValidationRule], ...]
    ) -> list[GraphQLError]:
        """Say what is wrong with a document that was not asked for before."""
        return validate_document(self._schema, document, rules)

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
            allowed_operation_types = DEFAULT_ALLOWED_OPERATION_TYPES
        context = ExecutionContext(
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
            result = self._prepare(context) or await self._execute_in_turn(context)
        except (MissingQueryError, CannotGetOperationTypeError, InvalidOperationTypeError, Crowded):
            raise
        except Exception as error:
            result = _refusal([_as_graphql_error(error)])
        context.result = result
        if result.errors:
            context.pre_execution_errors = result.errors
            self.process_errors(result.errors, context)
        return result

    def _prepare(self, context: ExecutionContext) -> PreExecutionError | None:
        """Put a valid document into the context, or give the errors why there is none."""
        if not context.query:
            raise MissingQueryError
        known = self.documents.get(context.query)
        try:
            document = context.graphql_document = known or self.parsed(context.query)
        except Exception as error:
            return _refusal([_as_graphql_error(error)])
        try:
            operation_type = context.operation_type
        except RuntimeError as error:
            raise CannotGetOperationTypeError(context.operation_name) from error
        if operation_type not in context.allowed_operations:
            raise InvalidOperationTypeError(operation_type)
        if _is_ambiguous(context):
            return _refusal([GraphQLError(AMBIGUOUS)])
        return None if known else self._validate(context, context.query, document)

    def _validate(
        self, context: ExecutionContext, text: str, document: DocumentNode
    ) -> PreExecutionError | None:
        errors = self.faults(document, context.validation_rules)
        if errors:
            return _refusal(errors)
        self.documents.keep(text, document)
        return None

    def turn(self, context: ExecutionContext) -> AbstractAsyncContextManager[None]:  # noqa: ARG002  # for others
        """Give what an operation is executed within; it may wait there, or raise Crowded."""
        return nullcontext()

    async def _execute_in_turn(self, context: ExecutionContext) -> ExecutionResult:
        async with self.turn(context):
            return await self._execute(context)

    async def _execute(self, context: ExecutionContext) -> ExecutionResult:
        assert context.graphql_document is not None  # noqa: S101  # it was prepared
        executor = self.execution_context_class.build(
            self._schema,
            context.graphql_document,
            context.root_value,
            context.context,
            context.variables,
            context.operation_name,
            is_awaitable=cast("Any", optimized_is_awaitable),
            operation_extensions=context.operation_extensions,
        )
        if isinstance(executor, list):
            return ExecutionResult(data=None, errors=executor, extensions={})
        result: Any = executor.execute_operation()
        done = await result if isawaitable(result) else result
        return ExecutionResult(data=done.data, errors=done.errors, extensions={})


def _documents_of(context: ExecutionContext) -> Documents:
    return cast("RememberingSchema", context.schema).documents


def _refusal(errors: list[GraphQLError]) -> PreExecutionError:
    return PreExecutionError(data=None, errors=errors, extensions={})


def _as_graphql_error(error: Exception) -> GraphQLError:
    if isinstance(error, GraphQLError):
        return error
    return GraphQLError(str(error), original_error=error)


def _is_ambiguous(context: ExecutionContext) -> bool:
    if context._provided_operation_name is not None or context.graphql_document is None:
        return False
    definitions = context.graphql_document.definitions
    return sum(isinstance(one, OperationDefinitionNode) for one in definitions) > 1
