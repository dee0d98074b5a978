"""Executes documents with and without plans."""

from typing import Any

import strawberry
from graphql import DocumentNode, ExecutionResult
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.engine.plan import PlannedExecution


async def answer(
    schema: strawberry.Schema,
    document: DocumentNode,
    *,
    is_planned: bool,
    context: Any = None,
    variables: dict[str, Any] | None = None,
) -> ExecutionResult:
    kind: Any = PlannedExecution if is_planned else StrawberryGraphQLCoreExecutionContext
    is_awaitable: Any = optimized_is_awaitable
    executor = kind.build(
        schema._schema, document, None, context, variables, None, is_awaitable=is_awaitable
    )
    if isinstance(executor, list):
        return ExecutionResult(None, executor)
    result: Any = executor.execute_operation()
    given: ExecutionResult = await result if optimized_is_awaitable(result) else result
    return given
