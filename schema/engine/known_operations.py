"""What is known of an operation of a document, worked out when it is first asked for."""

from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from graphql import DocumentNode, FieldNode, OperationDefinitionNode
from strawberry.types.graphql import OperationType

from schema.engine.cost import Cost
from schema.engine.document_measure import INTROSPECTING
from schema.engine.graphql_core_internals import attachments

OPERATIONS = "operations"
"""The attribute of a document that holds what is known of them, by the name asked for."""

MAX_NAME = 80


class Label(NamedTuple):
    """What an operation is called in logs."""

    name: str | None
    type: str
    document: str
    """The SHA-256 of the document's text, as persisted documents are named."""


class KnownOperation:
    """An operation of a document with that text."""

    def __init__(self, node: OperationDefinitionNode, text: str, *, is_ambiguous: bool) -> None:
        self.node = node
        self.is_ambiguous = is_ambiguous
        """Whether there are others, and none was asked for by name."""
        self.type = OperationType(self.node.operation.value)
        self.is_about_schema = all(
            isinstance(one, FieldNode) and one.name.value in INTROSPECTING
            for one in self.node.selection_set.selections
        )
        self.cost: Cost | None = None
        """Worked out by whoever meters it."""
        self._text = text

    @cached_property
    def label(self) -> Label:
        """Give what it is called in logs."""
        name = self.node.name.value[:MAX_NAME] if self.node.name else None
        digest = sha256(self._text.encode(errors="surrogatepass")).hexdigest()
        return Label(name, self.type.value, f"sha256:{digest}")


def known_operation(document: DocumentNode, text: str, name: str | None) -> KnownOperation | None:
    """Give what is known of the operation of a name, or else of the first, if there is one."""
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
