"""What is known about the operations of a document, found once and kept with the document."""

from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from graphql import DocumentNode, FieldNode, GraphQLSchema, OperationDefinitionNode
from strawberry.types.graphql import OperationType

from schema.engine.cost import Cost
from schema.engine.deprecations import DeprecatedUses
from schema.engine.document_measure import INTROSPECTING
from schema.engine.graphql_core_internals import attachments

OPERATIONS = "operations"
"""The key, in the dictionary attached to a document, of its operations by `operationName`."""

MAX_NAME = 80


class Label(NamedTuple):
    """The identification of an operation in logs."""

    name: str | None
    type: str
    document: str
    """`sha256:` and the hash of the document's text, as in ids of persisted documents."""


class KnownOperation:
    """An operation of a document, which was parsed from `text`."""

    def __init__(self, node: OperationDefinitionNode, text: str, *, is_ambiguous: bool) -> None:
        self.node = node
        self.is_ambiguous = is_ambiguous
        """Whether the document has several operations, and the request does not name one."""
        self.type = OperationType(self.node.operation.value)
        self.is_about_schema = all(
            isinstance(one, FieldNode) and one.name.value in INTROSPECTING
            for one in self.node.selection_set.selections
        )
        self.cost: Cost | None = None
        """The operation's cost; None until `Meter` has compiled it."""
        self.deprecated: DeprecatedUses | None = None
        """The deprecated parts that it uses; None until they were looked for."""
        self._text = text

    @cached_property
    def label(self) -> Label:
        """The operation's identification in logs."""
        name = self.node.name.value[:MAX_NAME] if self.node.name else None
        digest = sha256(self._text.encode(errors="surrogatepass")).hexdigest()
        return Label(name, self.type.value, f"sha256:{digest}")

    @cached_property
    def place(self) -> tuple[str, str | None]:
        """The operation's type, and its only root field; None if it has several, or fragments."""
        selected = self.node.selection_set.selections
        names = {one.name.value if isinstance(one, FieldNode) else None for one in selected}
        return self.type.value, names.pop() if len(names) == 1 else None


def root_field_names(schema: GraphQLSchema) -> frozenset[str]:
    """Return the root fields that `KnownOperation.place` tells of valid operations of a schema."""
    roots = (schema.query_type, schema.mutation_type, schema.subscription_type)
    own = {name for root in roots if root is not None for name in root.fields}
    return frozenset({*own, *INTROSPECTING, "__typename"})


def known_operation(document: DocumentNode, text: str, name: str | None) -> KnownOperation | None:
    """Return the operation called `name`, or the first one if `name` is None; None if not found."""
    known: dict[str | None, KnownOperation] = attachments(document).setdefault(OPERATIONS, {})
    found = known.get(name)
    if found is None:
        nodes = [one for one in document.definitions if isinstance(one, OperationDefinitionNode)]
        for node in nodes:
            if name is None or (node.name is not None and node.name.value == name):
                is_ambiguous = name is None and len(nodes) > 1
                found = known[name] = KnownOperation(node, text, is_ambiguous=is_ambiguous)
                break
    return found
