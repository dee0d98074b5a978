"""Executes operations without preparing them again if they were executed before.

For each request, graphql-core finds the operation, its declared variables and its selected fields.
These depend on the document alone, so here they are stored with it. An operation with a single root
field, as most are, is then executed by one coroutine instead of four.
"""

from collections.abc import Sequence
from inspect import iscoroutinefunction
from typing import Any, ClassVar, cast

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationType,
    default_field_resolver,
    default_type_resolver,
    get_operation_ast,
)
from graphql.execution import get_argument_values
from graphql.pyutils import Path

from schema.engine.graphql_core_internals import CollectedFields, FieldDetails, to_nodes
from schema.engine.plan.arguments import prepare_arguments
from schema.engine.plan.selection import (
    Memory,
    Only,
    Prepared,
    Request,
    Selected,
    memory_of,
    selection,
)
from schema.engine.plan.stand_ins import has_stand_ins, mark_stand_ins, with_raw_stand_ins
from schema.engine.plan.variable_faults import as_error, find_variable_faults, with_names
from schema.engine.plan.variables import Variables
from schema.engine.strawberry_internals import StrawberryExecution

INCREMENTAL = ("defer", "stream")
USUALLY_GIVEN = 4
MAX_COERCION_ERRORS = 1
"""Maximum errors of variables that graphql-core finds, as `variable_faults` finds them again."""
USUAL_SETTINGS = frozenset({"is_awaitable", "operation_extensions"})
"""A request with other settings than these cannot use what an earlier request prepared."""


class RememberingExecution(StrawberryExecution):
    """The execution of one operation, which reuses preparations of earlier executions."""

    hides_names: ClassVar[bool] = False
    """Whether errors tell no names of the schema that the client did not send."""

    _memory: Memory | None = None
    """What was stored with the document (`selection`); None if this operation has no plans."""

    @classmethod
    def build(
        cls, schema: GraphQLSchema, document: DocumentNode, *given: Any, **settings: Any
    ) -> Any:
        """Return the executor of a request, or a list of errors.

        Only if `given` are the root value, the context, the values of variables and the operation's
        name, a preparation of an earlier request can be used.
        """
        memory = memory_of(document)
        is_usual = len(given) == USUALLY_GIVEN and settings.keys() <= USUAL_SETTINGS
        if is_usual:
            executor = cls._build_again(memory, schema, *given, **settings)
            if executor is not None:
                return executor
        if is_usual:
            settings["max_coercion_errors"] = MAX_COERCION_ERRORS
        made: Any = super().build(schema, document, *given, **settings)
        if is_usual and isinstance(made, list):
            return cls._build_with_stand_ins(made, schema, document, *given, **settings)
        if isinstance(made, cls) and made._is_plannable():
            made._memory = memory
            if is_usual:
                memory.prepared[schema, given[-1]] = Prepared(
                    made.operation,
                    made.fragment_definitions,
                    made.fragments,
                    Variables(schema, made.operation),
                )
        return made

    @classmethod
    def _build_with_stand_ins(
        cls,
        errors: list[GraphQLError],
        schema: GraphQLSchema,
        document: DocumentNode,
        root_value: Any,
        context: Any,
        values: dict[str, Any] | None,
        operation_name: str | None,
        **settings: Any,
    ) -> Any:
        """Return the executor of an operation some of whose variables have wrong values.

        If these have no stand-ins, returns one error that lists them. `errors` are graphql-core's,
        which are returned if variables are not what is wrong.
        """
        operation = get_operation_ast(document, operation_name)
        found = find_variable_faults(schema, operation, values or {}) if operation else []
        if operation is None or not found:
            return errors
        if not cls.hides_names:
            found = with_names(found)
        if not has_stand_ins(schema, operation, found):
            return [as_error(found, hides_names=cls.hides_names)]
        replaced = with_raw_stand_ins(values or {}, found)
        executor = super().build(
            schema, document, root_value, context, replaced, operation_name, **settings
        )
        if not isinstance(executor, list):
            mark_stand_ins(executor.variable_values, found, hides_names=cls.hides_names)
        return executor

    @classmethod
    def _build_again(
        cls,
        memory: Memory,
        schema: GraphQLSchema,
        root_value: Any,
        context: Any,
        values: dict[str, Any] | None,
        operation_name: str | None,
        **settings: Any,
    ) -> Any:
        """Return the executor of an operation that was prepared before.

        None if it was not prepared, or if the value of a variable is wrong, which graphql-core must
        report.
        """
        prepared = memory.prepared.get((schema, operation_name))
        variables = None if prepared is None else prepared.variables.values(values or {})
        if prepared is None or variables is None:
            return None
        executor = cls(
            schema,
            prepared.fragment_definitions,
            prepared.fragments,
            root_value,
            context,
            prepared.operation,
            variables,
            default_field_resolver,
            default_type_resolver,
            default_field_resolver,
            **settings,
        )
        executor._memory = memory
        return executor

    def _is_plannable(self) -> bool:
        """Return whether the operation uses only features that plans support."""
        has_middleware = bool(self.middleware_manager and self.middleware_manager.middlewares)
        is_incremental = any(self.schema.get_directive(name) for name in INCREMENTAL)
        has_arguments = any(details.variable_signatures for details in self.fragments.values())
        return not (has_middleware or is_incremental or has_arguments or self.abort_signal)

    def execute_operation(self, serially: bool | None = None) -> Any:
        """Execute the operation, in one coroutine if its only root field has an async resolver."""
        root = None if self._memory is None else self._memory.known_selection(self._request())
        if root is None or len(root) != 1:
            return super().execute_operation(serially)
        ((key, selected),) = root.items()
        if selected.only is None:
            selected.only = self._only(selected)
        if not selected.only.is_async:
            return super().execute_operation(serially)
        return self._execute_only(selected.only, key, selected)

    def _only(self, selected: Selected) -> Only:
        """Return those facts about the only root field that do not depend on the request."""
        kind = self.operation.operation
        parent = cast("GraphQLObjectType", self.schema.get_root_type(kind))
        field = self.schema.get_field(parent, selected[0].node.name.value)
        is_async = field is not None and iscoroutinefunction(field.resolve)
        is_async = is_async and kind is not OperationType.SUBSCRIPTION
        arguments = prepare_arguments(field, selected[0].node) if field and is_async else None
        return Only(parent, field, is_async, arguments)

    async def _execute_only(self, only: Only, key: str, selected: Selected) -> ExecutionResult:
        """Execute an operation's only root field, with the result that graphql-core would have."""
        parent, field = only.parent, cast("GraphQLField", only.field)
        node, fragment_variables = selected[0].node, selected[0].fragment_variable_values
        path = Path(None, key, parent.name)
        info = self.build_resolve_info(field, to_nodes(selected), parent, path)
        data: dict[str, Any] | None
        try:
            known = only.arguments
            arguments = known.of(self.variable_values) if known else None
            if arguments is None:
                arguments = get_argument_values(
                    field, node, self.variable_values, fragment_variables, self.hide_suggestions
                )
            value = await cast("Any", field.resolve)(self.root_value, info, **arguments)
            answer = self.complete_value(field.type, selected, info, path, value, None)
            data = {key: await answer if self.is_awaitable(answer) else answer}
        except Exception as raised:
            try:
                self.handle_field_error(raised, field.type, selected, path)
                data = {key: None}
            except GraphQLError as error:  # the field is non-null, so that all data become null
                self.collected_errors.add(error, None)
                data = None
        return cast("ExecutionResult", self.build_response(data))

    def _request(self) -> Request:
        return self.schema, self.operation, self.variable_values.coerced

    def execute_collected_root_fields(
        self,
        root_type: GraphQLObjectType,
        root_value: Any,
        grouped_field_set: dict[str, list[FieldDetails]],
        serially: bool,
        new_defer_usages: Sequence[Any],
    ) -> Any:
        """Execute the root fields as an earlier request collected them, since these have plans."""
        fields: Any = grouped_field_set
        if self._memory is not None:
            fields = self._memory.selection(self._request(), grouped_field_set)
        return super().execute_collected_root_fields(
            root_type, root_value, fields, serially, new_defer_usages
        )

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: list[FieldDetails]
    ) -> CollectedFields:
        """Return the fields that nodes select on a type; they are stored when first collected.

        They are not stored if the document's memory is full.
        """
        if not isinstance(field_details_list, Selected):
            return super().collect_subfields(return_type, field_details_list)
        known = field_details_list.collected.get(return_type)
        if known is None:
            collected = super().collect_subfields(return_type, field_details_list)
            memory = self._memory
            if memory is None or not memory.has_room(len(collected.grouped_field_set)):
                return collected
            fields: Any = selection(collected.grouped_field_set)
            known = collected._replace(grouped_field_set=fields)
            field_details_list.collected[return_type] = known
        return known
