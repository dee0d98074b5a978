"""Stores the selected fields of a document, and their plans, for later requests.

graphql-core collects the fields of a selection again for each request. The result depends only on
the document, the schema, the operation and the variables in `@skip` and `@include`. For each
combination of these, `Memory` stores the fields that the first request collected. `Selected` is the
list of nodes of one response key; it also holds the collected fields below it, and the plans
compiled for it. Everything is freed together with the document.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from graphql import (
    DefinitionNode,
    DocumentNode,
    ExecutableDefinitionNode,
    FragmentDefinitionNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    VariableNode,
)

from schema.engine.graphql_core_internals import (
    CollectedFields,
    FieldDetails,
    FragmentDetails,
    attachments,
)
from schema.engine.plan.arguments import PreparedArguments
from schema.engine.plan.variables import Variables

ATTRIBUTE = "memory"
"""The key, in the dictionary attached to a document, of its `Memory`."""

MAX_COMBINATIONS = 16
MAX_PER_FIELD = 8
"""Response keys stored for a document: at most this number per field or fragment in its text."""

CONDITIONS = ("skip", "include")


class Only(NamedTuple):
    """The root field of an operation with a single root field.

    `parent` is the root type. `field` is None if the schema has no such field. `arguments` are
    None if graphql-core must convert them.
    """

    parent: GraphQLObjectType
    field: GraphQLField | None
    is_async: bool
    """Whether the resolver is a coroutine function, and the operation is not a subscription."""
    arguments: PreparedArguments | None


class Selected(list[FieldDetails]):
    """The field nodes of one response key.

    `collected` are the fields selected below them, by type; `plans` are plans for their values, by
    type; and `seen` are the types of values that were completed once without a plan.
    """

    __slots__ = ("collected", "only", "plans", "seen")

    def __init__(self, details: list[FieldDetails]) -> None:
        super().__init__(details)
        self.collected: dict[GraphQLObjectType, CollectedFields] = {}
        self.plans: dict[GraphQLOutputType, Plan | None] = {}
        self.seen: tuple[GraphQLOutputType, ...] = ()
        self.only: Only | None = None


Selection = dict[str, Selected]
"""Selected fields by response key, in the order of the answer."""


class Plan(NamedTuple):
    """A function that completes a value, except for the fields in `rest`.

    graphql-core executes the fields in `rest`.
    """

    complete: Callable[[Any], Any]
    rest: Selection


Request = tuple[GraphQLSchema, OperationDefinitionNode, dict[str, Any]]
"""What decides which root fields a request selects: schema, operation and values of variables."""


class Prepared(NamedTuple):
    """The parts of an executor that are the same in all requests that execute an operation."""

    operation: OperationDefinitionNode
    fragment_definitions: dict[str, FragmentDefinitionNode]
    fragments: dict[str, FragmentDetails]
    variables: Variables


class Memory:
    """The selected fields and prepared operations that are stored with one document."""

    __slots__ = ("_conditions", "_most", "_room", "_selections", "prepared")

    def __init__(self, document: DocumentNode) -> None:
        nodes = list(_nodes(document.definitions))
        self._conditions = _conditions_of(nodes)
        self._most = self._room = MAX_PER_FIELD * len(nodes)
        self._selections: dict[tuple[Any, ...], Selection] = {}
        self.prepared: dict[tuple[GraphQLSchema, str | None], Prepared] = {}

    def has_room(self, fields: int) -> bool:
        """Reserve room for a number of fields; return whether there is enough."""
        self._room -= fields
        return self._room >= 0

    def known_selection(self, request: Request) -> Selection | None:
        """Return the root fields that are stored for requests like this one; None if none are.

        Requests are alike if they have the same schema and operation, and the same values of
        variables in `@skip` and `@include`.
        """
        return self._selections.get(self._key(request))

    def selection(self, request: Request, collected: dict[str, list[FieldDetails]]) -> Selection:
        """Return the root fields that are stored for requests like this one.

        If there are none, those in `collected` are stored and returned.
        """
        key = self._key(request)
        known = self._selections.get(key)
        if known is None:
            if len(self._selections) >= MAX_COMBINATIONS:
                self._selections.clear()
                self._room = self._most
            known = self._selections[key] = selection(collected)
        return known

    def _key(self, request: Request) -> tuple[Any, ...]:
        schema, operation, variables = request
        name = operation.name.value if operation.name else None
        return (schema, name, *(variables.get(condition, ...) for condition in self._conditions))


def memory_of(document: DocumentNode) -> Memory:
    """Return what is stored with a document; the first call creates an empty `Memory`."""
    kept = attachments(document)
    memory: Memory | None = kept.get(ATTRIBUTE)
    if memory is None:
        memory = kept[ATTRIBUTE] = Memory(document)
    return memory


def selection(collected: dict[str, list[FieldDetails]]) -> Selection:
    """Return collected fields in a form in which plans can be stored."""
    return {key: Selected(details) for key, details in collected.items()}


def conditions(definitions: Iterable[DefinitionNode]) -> tuple[str, ...]:
    """Return the sorted names of the variables in all `@skip` and `@include` of definitions."""
    return _conditions_of(_nodes(definitions))


def _nodes(definitions: Iterable[DefinitionNode]) -> Iterator[Any]:
    """Yield each definition, and all fields, fragment spreads and inline fragments within it."""
    waiting: list[Any] = [one for one in definitions if isinstance(one, ExecutableDefinitionNode)]
    while waiting:
        node = waiting.pop()
        yield node
        if selections := getattr(node, "selection_set", None):
            waiting.extend(selections.selections)


def _conditions_of(nodes: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({name for node in nodes for name in _conditions_on(node)}))


def _conditions_on(node: Any) -> Iterator[str]:
    """Yield the names of the variables in `@skip` and `@include` of a node."""
    for directive in node.directives or ():
        if directive.name.value in CONDITIONS:
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield argument.value.name.value
