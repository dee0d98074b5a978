"""Facts about an operation of a document, found when it is first executed."""

from functools import cached_property
from hashlib import sha256
from typing import NamedTuple

from graphql import DocumentNode, FieldNode, OperationDefinitionNode
from strawberry.types.graphql import OperationType

from schema.engine.cost import Cost
from schema.engine.document_measure import INTROSPECTING
from schema.engine.graphql_core_internals import attachments

OPERATIONS = "operations"
"""The key of a document's attachments that holds its operations, by the requested name."""

MAX_NAME = 80


class Label(NamedTuple):
    """The name of an operation in logs."""

    name: str | None
    type: str
    document: str
    """The SHA-256 of the document's text, as persisted documents are named."""


class KnownOperation:
    """An operation of a document with that text."""

    def __init__(self, node: OperationDefinitionNode, text: str, *, is_ambiguous: bool) -> None:
        self.node = node
        self.is_ambiguous = is_ambiguous
        """Whether there are other operations, and the request names none."""
        self.type = OperationType(self.node.operation.value)
        self.is_about_schema = all(
            isinstance(one, FieldNode) and one.name.value in INTROSPECTING
            for one in self.node.selection_set.selections
        )
        self.cost: Cost | None = None
        """Set by `Meter`."""
        self._text = text

    @cached_property
    def label(self) -> Label:
        """The name in logs."""
        name = self.node.name.value[:MAX_NAME] if self.node.name else None
        digest = sha256(self._text.encode(errors="surrogatepass")).hexdigest()
        return Label(name, self.type.value, f"sha256:{digest}")


def known_operation(document: DocumentNode, text: str, name: str | None) -> KnownOperation | None:
    """Return the operation of a name, or the first one without a name; None if there is none."""
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
