"""What the schema uses of graphql-core beyond its documented interface, each with its reason.

Every private name of the library, and every name that none of its packages exports, stands here and
nowhere else in `schema`. A test names the version that this was written for: look at each entry
when it fails. The methods of the executor that plans override are public, and are documented in
`schema.engine.plan`.
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
"""The releases whose internals were read."""

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
    """Return what is kept with a node for as long as its document lives, by name.

    What is kept refers to nodes of the document, so a dictionary with weak keys would keep both for
    ever. Without this, each request would prepare its operation anew.
    """
    return vars(node)


def forget_tokens(document: DocumentNode) -> None:
    """Drop the tokens that a document was just parsed from, half of its memory.

    Its nodes keep their positions, which is what errors are located by. Tokens refer to each other
    in circles, so a document that keeps them is only freed by the garbage collector.
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
    """Clear the methods that visitors remember, by which they keep themselves alive.

    Without this, a new document leaves some 1,000 objects to the garbage collector, and one with
    hundreds of fragments 45,000.
    """
    for visitor in visitors:
        visitor.enter_leave_map.clear()


def limit_comparisons(visitor: Visitor, pairs: int) -> None:
    """Limit how many pairs of fields are compared, if the visitor is the rule that does so.

    graphql-core's own limit is five times as high, and can be set for the whole process only.
    """
    if isinstance(visitor, OverlappingFieldsCanBeMergedRule):
        visitor.rule_context.remaining_complexity_budget = pairs * COMPARISON


COMPARISON = 2
"""What a pair takes of the budget that graphql-core has for comparisons."""


def has_spent_comparisons(visitor: Visitor) -> bool:
    """Return whether validation was aborted for the limit set by `limit_comparisons`."""
    if isinstance(visitor, OverlappingFieldsCanBeMergedRule):
        return visitor.rule_context.remaining_complexity_budget < 0
    return False


class SuggestingContext(ValidationContext):
    """A validation context in which only the first faults suggest names."""

    found: Sequence[GraphQLError] = ()
    max_suggestions: int | None = None

    @property
    def hide_suggestions(self) -> bool:
        """Return whether names that were perhaps meant are no longer looked for.

        Looking for similar names takes longer than all other validation.
        """
        limit = self.max_suggestions
        return self._hide_suggestions or (limit is not None and len(self.found) >= limit)

    def get_variable_usages(self, node: NodeWithSelectionSet) -> list[VariableUsage]:
        """Return the uses of variables directly within an operation or a fragment.

        As in graphql-core, but the visitors leave no garbage: see `forget_visits`.
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
