"""Selected fields that outlive a request: they are kept on the document, with what is made of them.

graphql-core collects the fields of a selection anew for each request. Within a document the outcome
depends only on the schema, the operation and the variables in `@skip` and `@include`; for each
combination of these, `Memory` keeps the fields that the first request collected. `Selected` is one
response key's list of nodes; it carries the collected fields below it, and the plans compiled for
it, so that dropping the document drops everything.
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
"""The key of a document's attachments that holds its `Memory`."""

MAX_COMBINATIONS = 16
MAX_PER_FIELD = 8
"""Response keys that are kept for each field written in a document, on average."""

CONDITIONS = ("skip", "include")


class Only(NamedTuple):
    """The root field of an operation that has no other."""

    parent: GraphQLObjectType
    field: GraphQLField | None
    is_async: bool
    """Whether a coroutine resolves it, once."""
    arguments: PreparedArguments | None


class Selected(list[FieldDetails]):
    """The nodes of one response key, with what was collected and compiled for them."""

    __slots__ = ("collected", "only", "plans", "seen")

    def __init__(self, details: list[FieldDetails]) -> None:
        super().__init__(details)
        self.collected: dict[GraphQLObjectType, CollectedFields] = {}
        self.plans: dict[GraphQLOutputType, Plan | None] = {}
        self.seen: tuple[GraphQLOutputType, ...] = ()
        self.only: Only | None = None


Selection = dict[str, Selected]
"""The selected fields by response key, in the order of the answer."""


class Plan(NamedTuple):
    """Completes a value, except for the fields of `rest`, which are left to graphql-core."""

    complete: Callable[[Any], Any]
    rest: Selection


Request = tuple[GraphQLSchema, OperationDefinitionNode, dict[str, Any]]
"""What the root fields of an operation depend on; the last is the values of its variables."""


class Prepared(NamedTuple):
    """The parts of an executor that are the same for each request of an operation."""

    operation: OperationDefinitionNode
    fragment_definitions: dict[str, FragmentDefinitionNode]
    fragments: dict[str, FragmentDetails]
    variables: Variables


class Memory:
    """What is remembered with one document."""

    __slots__ = ("_conditions", "_most", "_room", "_selections", "prepared")

    def __init__(self, document: DocumentNode) -> None:
        nodes = list(_nodes(document.definitions))
        self._conditions = _conditions_of(nodes)
        self._most = self._room = MAX_PER_FIELD * len(nodes)
        self._selections: dict[tuple[Any, ...], Selection] = {}
        self.prepared: dict[tuple[GraphQLSchema, str | None], Prepared] = {}

    def has_room(self, fields: int) -> bool:
        """Take room for fields; return whether there was enough."""
        self._room -= fields
        return self._room >= 0

    def known_selection(self, request: Request) -> Selection | None:
        """Return the root fields collected for such a request before; None if there were none."""
        return self._selections.get(self._key(request))

    def selection(self, request: Request, collected: dict[str, list[FieldDetails]]) -> Selection:
        """Return the root fields collected first for such a request, or remember these."""
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
    """Return the memory of a document, which lives as long as the document."""
    kept = attachments(document)
    memory: Memory | None = kept.get(ATTRIBUTE)
    if memory is None:
        memory = kept[ATTRIBUTE] = Memory(document)
    return memory


def selection(collected: dict[str, list[FieldDetails]]) -> Selection:
    """Return collected fields in the form that can carry plans."""
    return {key: Selected(details) for key, details in collected.items()}


def conditions(definitions: Iterable[DefinitionNode]) -> tuple[str, ...]:
    """Return the names of the variables in `@skip` and `@include` of definitions."""
    return _conditions_of(_nodes(definitions))


def _nodes(definitions: Iterable[DefinitionNode]) -> Iterator[Any]:
    """Yield operations and fragments, and all nodes that they select."""
    waiting: list[Any] = [one for one in definitions if isinstance(one, ExecutableDefinitionNode)]
    while waiting:
        node = waiting.pop()
        yield node
        if selections := getattr(node, "selection_set", None):
            waiting.extend(selections.selections)


def _conditions_of(nodes: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({name for node in nodes for name in _conditions_on(node)}))


def _conditions_on(node: Any) -> Iterator[str]:
    """Yield the variables in `@skip` and `@include` of a node."""
    for directive in node.directives or ():
        if directive.name.value in CONDITIONS:
            for argument in directive.arguments or ():
                if isinstance(argument.value, VariableNode):
                    yield argument.value.name.value
