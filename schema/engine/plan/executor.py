"""An executor for graphql-core that completes values by plans; see the docstring of the package.

It overrides two methods of graphql-core, which complete lists and objects: if there is a plan, they
call it. Plans are stored with the selected fields, which `operation` stores with the
document. Fields that a plan leaves out are executed by graphql-core, and then put at their places
in the answer.
"""

from collections.abc import Awaitable
from inspect import CORO_CREATED, getcoroutinestate, iscoroutine
from types import CoroutineType
from typing import Any, cast

from graphql import (
    ExecutionResult,
    GraphQLList,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLResolveInfo,
)
from graphql.pyutils import Path

from models.storage.row_counter import read_so_far
from models.storage.time_slice import pause
from schema.engine.graphql_core_internals import FieldDetails
from schema.engine.plan.checks import NotPlannable
from schema.engine.plan.compiler import compile_plan
from schema.engine.plan.operation import RememberingExecution
from schema.engine.plan.selection import Plan, Selected, Selection

LISTS = (list, tuple)
ROWS_AT_ONCE = 1000
"""If more rows were read, a list is completed in parts that take a few milliseconds each."""
LONG = 10
"""A list of this number of items or more gets a plan when it is first executed, others later."""


class PlannedExecution(RememberingExecution):
    """The execution of one operation, with plans."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._left_over: list[CoroutineType[Any, Any, Any]] = []

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a list by its plan, or by graphql-core if there is none or it fails."""
        is_long = type(result) in LISTS and len(result) >= LONG
        plan = self._plan(return_type, field_details_list, is_worth_it=is_long)
        if plan is not None:
            if is_long and read_so_far() > ROWS_AT_ONCE:
                return self._complete_in_parts(
                    plan, return_type, field_details_list, info, path, result, position_context
                )
            try:
                return plan.complete(result)
            except Exception as error:  # graphql-core reports it below
                self._fall_back(error, return_type, field_details_list)
        return super().complete_list_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def complete_object_value(
        self,
        return_type: GraphQLObjectType,
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete an object by its plan, or by graphql-core if there is none or it fails."""
        plan = self._plan(return_type, field_details_list)
        if plan is not None and read_so_far() <= ROWS_AT_ONCE:
            try:
                answer = plan.complete(result)
            except Exception as error:  # graphql-core reports it below
                self._fall_back(error, return_type, field_details_list)
            else:
                if not plan.rest:
                    return answer
                rest: Any = plan.rest
                others = self.execute_fields(return_type, result, path, rest, position_context)
                return self._put_together(answer, others)
        return super().complete_object_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def build_response(self, data: dict[str, Any] | None) -> ExecutionResult | Any:
        """Build the response; close coroutines that plans met and graphql-core did not await.

        Also breaks the reference cycle between the executor and its `async_helpers`, which would
        keep all rows in memory until the garbage collector runs.
        """
        self.async_helpers = None  # type: ignore[assignment]  # resolvers hold what they were given
        for coroutine in self._left_over:
            if getcoroutinestate(coroutine) == CORO_CREATED:
                coroutine.close()
        return super().build_response(data)

    async def _complete_in_parts(
        self,
        plan: Plan,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: list[FieldDetails],
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> Any:
        """Complete a list in parts, between which other requests may use the event loop."""
        size = max(1, len(result) * ROWS_AT_ONCE // read_so_far())
        done: list[Any] = []
        try:
            for begin in range(0, len(result), size):
                await pause()
                done += plan.complete(result[begin : begin + size])
        except Exception as error:  # graphql-core reports it below
            self._fall_back(error, return_type, field_details_list)
            whole = super().complete_list_value(
                return_type, field_details_list, info, path, result, position_context
            )
            return await whole if self.is_awaitable(whole) else whole
        return done

    def _put_together(self, answer: dict[str, Any], others: Any) -> Any:
        if not self.is_awaitable(others):
            answer.update(others)
            return answer

        async def put_together(others: Awaitable[dict[str, Any]]) -> dict[str, Any]:
            answer.update(await others)
            return answer

        return put_together(others)

    def _collect(self, wanted: GraphQLObjectType, selected: Selected) -> Selection:
        fields: Any = self.collect_subfields(wanted, selected).grouped_field_set
        return cast("Selection", fields)

    def _plan(
        self,
        return_type: GraphQLOutputType,
        field_details_list: list[FieldDetails],
        *,
        is_worth_it: bool = False,
    ) -> Plan | None:
        """Return the plan for values of a type, or None if there is none.

        The plan is compiled when it is needed for the second time, or at once if `is_worth_it`.
        """
        if not isinstance(field_details_list, Selected):
            return None
        plans = field_details_list.plans
        if return_type in plans:
            return plans[return_type]
        if return_type not in field_details_list.seen and not is_worth_it:
            field_details_list.seen += (return_type,)
            return None
        plans[return_type] = compile_plan(self._collect, return_type, field_details_list)
        return plans[return_type]

    def _fall_back(
        self,
        error: Exception,
        return_type: GraphQLOutputType,
        field_details_list: list[FieldDetails],
    ) -> None:
        """Handle the failure of a plan, after which graphql-core completes the value.

        If the plan met an awaitable, it is removed for good, because it would fail each time.
        """
        value = error.value if isinstance(error, NotPlannable) else None
        if hasattr(value, "__await__") and isinstance(field_details_list, Selected):
            field_details_list.plans[return_type] = None
            if iscoroutine(value):
                self._left_over.append(value)
