"""Operations of a socket: subscriptions execute each event in its own slot."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError
from strawberry.types import ExecutionContext
from strawberry.types.execution import PreExecutionError

from schema.base.errors import overloaded
from schema.engine.execution import Operation, RememberingSchema
from schema.engine.plan import PlannedExecution

happened: list[str] = []


@strawberry.type
class Event:
    """An event of the test's subscription."""

    number: int

    @strawberry.field
    async def doubled(self) -> int:
        """Return twice the number."""
        happened.append("executed")
        return self.number * 2


@strawberry.type
class Query:
    """The queries of the test's schema."""

    one: int = 1


@strawberry.type
class Subscription:
    """The subscriptions of the test's schema."""

    @strawberry.subscription
    async def events(self, most: int, fails: bool = False) -> AsyncGenerator[Event, None]:
        """Yield `most` numbered events; then fail, if `fails`."""
        try:
            for number in range(most):
                happened.append("waited")
                yield Event(number=number)
            if fails:
                raise ZeroDivisionError("secret")
        finally:
            happened.append("closed")


class StreamingSchema(RememberingSchema):
    """The schema under test; it delivers a limited number of events."""

    deliverable = 9
    is_crowded = False

    @asynccontextmanager
    async def event_slot(self, context: Operation) -> AsyncIterator[None]:
        """Record when an event's slot begins and ends."""
        assert context.query
        happened.append("turn")
        yield
        happened.append("turn over")

    def operation_slot(self, context: Operation) -> Any:
        """Refuse a slot, if the test wants it."""
        if self.is_crowded:
            raise overloaded(3, 7)
        return super().operation_slot(context)

    async def may_deliver(self, context: Operation) -> bool:
        """Return whether the limit of delivered events is not reached."""
        assert context.query
        self.deliverable -= 1
        return self.deliverable >= 0

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Do not log or mask errors."""


@pytest.fixture
def schema() -> StreamingSchema:
    """Return a new schema for a test."""
    happened.clear()
    return StreamingSchema(
        Query, subscription=Subscription, execution_context_class=PlannedExecution
    )


async def results_of(schema: StreamingSchema, text: str, **variables: Any) -> list[Any]:
    return [one async for one in await schema.stream(text, variables)]


FOLLOW = """
  subscription($most: Int!, $fails: Boolean! = false) {
    events(most: $most, fails: $fails) { doubled }
  }
"""


async def test_each_event_is_executed_in_a_turn_and_waited_for_outside(
    schema: StreamingSchema,
) -> None:
    results = await results_of(schema, FOLLOW, most=2)
    assert [one.data for one in results] == [{"events": {"doubled": 0}}, {"events": {"doubled": 2}}]
    assert happened == [
        *("waited", "turn", "executed", "turn over"),
        *("waited", "turn", "executed", "turn over"),
        "closed",
    ]


async def test_a_subscription_that_may_not_go_on_tells_nothing_more(
    schema: StreamingSchema,
) -> None:
    schema.deliverable = 1
    results = await results_of(schema, FOLLOW, most=5)
    assert [one.data for one in results] == [{"events": {"doubled": 0}}]
    assert happened.count("waited") == 2
    assert happened[-1] == "closed"


async def test_a_source_that_fails_ends_with_an_error_at_its_field(schema: StreamingSchema) -> None:
    text = FOLLOW.replace("events", "told: events")
    first, last = await results_of(schema, text, most=1, fails=True)
    assert first.data == {"told": {"doubled": 0}}
    (error,) = last.errors
    assert (last.data, error.path) == (None, ["told"])
    assert isinstance(error.original_error, ZeroDivisionError)


@pytest.mark.parametrize(
    ("text", "variables", "message"),
    [
        ("", {}, "query is missing."),
        (
            "fragment F on Query { one }",
            {},
            "The document has no operation with the given `operationName`.",
        ),
        ("{ two }", {}, "Cannot query field 'two' on type 'Query'."),
        (
            FOLLOW,
            {"most": "x"},
            "Variable `$most` has a wrong value",
        ),
    ],
)
async def test_what_can_not_begin_is_refused_before_it_does(
    schema: StreamingSchema, text: str, variables: dict[str, Any], message: str
) -> None:
    (refused,) = await results_of(schema, text, **variables)
    assert isinstance(refused, PreExecutionError)
    assert refused.errors is not None
    assert [error.message[: len(message)] for error in refused.errors] == [message]
    assert happened == []


async def test_a_crowd_refuses_a_query_in_its_own_error(schema: StreamingSchema) -> None:
    schema.is_crowded = True
    (refused,) = await results_of(schema, "{ one }")
    assert isinstance(refused, PreExecutionError)
    assert refused.errors is not None
    assert [error.extensions for error in refused.errors] == [
        {"code": "OVERLOADED", "retryable": True, "retryAfterSeconds": 3, "limit": 7}
    ]
