"""Uses parts of graphql-core that are not in its documented interface; says why each is needed.

In `schema`, only this module uses private names of graphql-core, and names that none of its
packages exports. A test fails if another version of graphql-core is installed than VERSIONS; then
check each function here. The methods of the executor that plans override are public, and are
documented in `schema.engine.plan`.
"""

from collections.abc import Sequence
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    Node,
    OverlappingFieldsCanBeMergedRule,
    Token,
    TypeInfoVisitor,
    ValidationContext,
    Visitor,
    visit,
)
from graphql.execution.collect_fields import CollectedFields, FieldDetails, FragmentDetails
from graphql.execution.executor import to_nodes
from graphql.execution.get_variable_signature import (
    GraphQLVariableSignature,
    get_variable_signature,
)
from graphql.execution.values import VariableValueSource
from graphql.language.parser import MAX_NESTING_DEPTH
from graphql.language.visitor import EnterLeaveVisitor
from graphql.utilities.coerce_input_value import coerce_default_value
from graphql.validation.validate import (
    FragmentNestingVisitor,
    ValidationAbortedError,
    query_document_keys_to_validate,
)
from graphql.validation.validation_context import (
    NodeWithSelectionSet,
    VariableUsage,
    VariableUsageVisitor,
)

VERSIONS = ">=3.3.2,<3.4"
"""The versions of graphql-core that this module was checked against."""

__all__ = [
    "MAX_NESTING_DEPTH",
    "VERSIONS",
    "CollectedFields",
    "EnterLeaveVisitor",
    "FieldDetails",
    "FragmentDetails",
    "FragmentNestingVisitor",
    "GraphQLVariableSignature",
    "SuggestingContext",
    "ValidationAbortedError",
    "VariableValueSource",
    "attachments",
    "coerce_default_value",
    "forget_tokens",
    "forget_visits",
    "get_variable_signature",
    "has_spent_comparisons",
    "limit_comparisons",
    "query_document_keys_to_validate",
    "to_nodes",
]


def attachments(node: Node) -> dict[str, Any]:
    """Return the dictionary that is attached to a node, and freed together with its document.

    It is for data that are found once per document: otherwise each request would prepare its
    operation again. The data refer to nodes of the document, so a dictionary elsewhere with weak
    keys would never free them.
    """
    return vars(node)


def forget_tokens(document: DocumentNode) -> None:
    """Remove the tokens from a newly parsed document, which are half of its memory.

    Nodes keep their positions, which the locations of errors need. Tokens refer to each other in
    cycles, so with them only the garbage collector could free the document.
    """
    token: Token | None = document.loc.start_token if document.loc else None
    while token is not None:
        token.prev, token = None, token.next
    waiting: list[Node] = [document]
    while waiting:
        node = waiting.pop()
        if node.loc is not None:
            del node.loc.start_token, node.loc.end_token
        for key in node.keys:
            below = getattr(node, key, None)
            if isinstance(below, Node):
                waiting.append(below)
            elif isinstance(below, (list, tuple)):
                waiting += (part for part in below if isinstance(part, Node))


def forget_visits(*visitors: Visitor) -> None:
    """Clear the bound methods that visitors cache, because they form reference cycles.

    Otherwise validating a document leaves some 1,000 objects to the garbage collector, or 45,000 if
    the document has hundreds of fragments.
    """
    for visitor in visitors:
        visitor.enter_leave_map.clear()


def limit_comparisons(visitor: Visitor, pairs: int) -> None:
    """If a visitor is the rule about merging fields, limit how many pairs of fields it compares.

    graphql-core's own limit is five times as high, and can only be set for the whole process.
    """
    if isinstance(visitor, OverlappingFieldsCanBeMergedRule):
        visitor.rule_context.remaining_complexity_budget = pairs * COMPARISON


COMPARISON = 2
"""What the comparison of one pair costs of graphql-core's budget for comparisons."""


def has_spent_comparisons(visitor: Visitor) -> bool:
    """Return whether the visitor has exceeded the limit that `limit_comparisons` set."""
    if isinstance(visitor, OverlappingFieldsCanBeMergedRule):
        return visitor.rule_context.remaining_complexity_budget < 0
    return False


class SuggestingContext(ValidationContext):
    """A validation context in which only the first `max_suggestions` errors suggest names.

    `found` is the list of errors so far; without a maximum, all errors suggest names.
    """

    found: Sequence[GraphQLError] = ()
    max_suggestions: int | None = None

    @property
    def hide_suggestions(self) -> bool:
        """Return whether the next error must not suggest similar names.

        Finding similar names takes longer than all other validation.
        """
        limit = self.max_suggestions
        return self._hide_suggestions or (limit is not None and len(self.found) >= limit)

    def get_variable_usages(self, node: NodeWithSelectionSet) -> list[VariableUsage]:
        """Return the uses of variables in an operation or a fragment, without spread fragments.

        Differs from graphql-core's method only in calling `forget_visits`.
        """
        usages = self._variable_usages.get(node)
        if usages is None:
            fragment = node if isinstance(node, FragmentDefinitionNode) else None
            visitor = VariableUsageVisitor(self._type_info, fragment)
            typed = TypeInfoVisitor(self._type_info, visitor)
            visit(node, typed)
            forget_visits(typed, visitor)
            usages = self._variable_usages[node] = visitor.usages
        return usages
