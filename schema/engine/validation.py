"""Validates documents by graphql-core's rules, but faster than graphql-core's `validate`.

At each node of a document, `validate` asks each of some thirty rules whether it handles such nodes,
which most rules do not. As the answer depends only on the kind of node, this module finds it once
per kind. Errors and their order are the same. The first request with a document takes three
quarters of the time, and that with a hostile document half the time or less (docs/adr/0039).

Visitors contain reference cycles, which this module breaks. Otherwise each document would leave a
thousand objects or more to the garbage collector, which delays all requests.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from graphql import (
    BREAK,
    SKIP,
    ASTValidationRule,
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLSchema,
    Node,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    assert_valid_schema,
    visit,
)

from schema.base.errors import ErrorCode, RequestRefused
from schema.engine.graphql_core_internals import (
    MAX_NESTING_DEPTH,
    EnterLeaveVisitor,
    FragmentNestingVisitor,
    SuggestingContext,
    ValidationAbortedError,
    forget_visits,
    has_spent_comparisons,
    limit_comparisons,
    query_document_keys_to_validate,
)
from schema.engine.strawberry_internals import STRAWBERRY_RULES

Visit = Callable[..., Any]

MAX_COMPARISONS = 50_000
"""The maximum number of comparisons to check whether fields with one response key can be merged.

Each comparison is of a pair of fields or fragments.
"""


def faults_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    rules: Sequence[type[ASTValidationRule]],
    *,
    max_errors: int = 100,
    max_suggestions: int | None = None,
    hide_suggestions: bool = False,
) -> list[GraphQLError]:
    """Return the errors of validating a document by `rules` and by the rules that Strawberry adds.

    Validation ends after `max_errors` errors. Only the first `max_suggestions` errors suggest
    similar names; none does if `hide_suggestions`.
    """
    assert_valid_schema(schema)
    errors: list[GraphQLError] = []

    def on_error(error: GraphQLError) -> None:
        if len(errors) >= max_errors:
            raise ValidationAbortedError(
                "Too many validation errors, error limit reached. Validation aborted."
            )
        errors.append(error)

    type_info = TypeInfo(schema)
    context = SuggestingContext(schema, document, type_info, on_error, hide_suggestions)
    context.found, context.max_suggestions = errors, max_suggestions
    visitors: list[Visitor] = [rule(context) for rule in (*rules, *STRAWBERRY_RULES)]
    for visitor in visitors:
        limit_comparisons(visitor, MAX_COMPARISONS)
    fragments = {
        one.name.value: one
        for one in document.definitions
        if isinstance(one, FragmentDefinitionNode)
    }
    if fragments:
        visitors.insert(0, FragmentNestingVisitor(fragments))
    together = _Together(visitors)
    typed = TypeInfoVisitor(type_info, together)
    try:
        visit(document, typed, query_document_keys_to_validate)
    except ValidationAbortedError as error:
        if any(map(has_spent_comparisons, visitors)):
            return [_too_many_comparisons()]
        error.__context__ = None
        errors.append(error.with_traceback(None))
    except RecursionError:
        return [_nested_too_deeply()]
    finally:
        forget_visits(typed, together, *visitors)
    return errors


def _too_many_comparisons() -> RequestRefused:
    message = (
        f"The request selects too many fields under the same name: at most {MAX_COMPARISONS:,}"
        " pairs of such fields are compared to see whether they can be merged. Select each field"
        " once."
    )
    return RequestRefused(ErrorCode.TOO_MANY_COMPARISONS, message, limit=MAX_COMPARISONS)


def _nested_too_deeply() -> RequestRefused:
    message = (
        f"A request may have at most {MAX_NESTING_DEPTH} levels of nested selections, those of"
        " fragments included; this one has more."
    )
    return RequestRefused(ErrorCode.QUERY_TOO_DEEP, message, limit=MAX_NESTING_DEPTH)


class _Together(Visitor):
    def __init__(self, visitors: Sequence[Visitor]) -> None:
        super().__init__()
        self._visitors = visitors
        self._kinds = tuple(type(visitor) for visitor in visitors)
        self._skipping: list[object] = [None] * len(visitors)
        """For each visitor: None, or the node whose children it skips, or BREAK if it has ended."""

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        """Return the functions to call when entering and leaving nodes of a kind."""
        found = self.enter_leave_map.get(kind)
        if found is None:
            visits = [
                (place, *self._visitors[place].get_enter_leave_for_kind(kind))
                for place in _looking_at(kind, self._kinds)
            ]
            found = EnterLeaveVisitor(None, None)
            if visits:
                found = EnterLeaveVisitor(self._enter(visits), self._leave(visits))
            self.enter_leave_map[kind] = found
        return found

    def _enter(self, visits: list[tuple[int, Visit | None, Visit | None]]) -> Visit:
        skipping = self._skipping
        entering = [(place, enter) for place, enter, _ in visits if enter]

        def enter_all(node: Node, *args: Any) -> None:
            for place, enter in entering:
                if skipping[place] is None:
                    action = enter(node, *args)
                    if action is SKIP or action is False:
                        skipping[place] = node
                    elif action is BREAK or action is True:
                        skipping[place] = BREAK

        return enter_all

    def _leave(self, visits: list[tuple[int, Visit | None, Visit | None]]) -> Visit:
        skipping = self._skipping

        def leave_all(node: Node, *args: Any) -> None:
            for place, _, leave in visits:
                if skipping[place] is None:
                    action = leave(node, *args) if leave else None
                    if action is BREAK or action is True:
                        skipping[place] = BREAK
                elif skipping[place] is node:
                    skipping[place] = None

        return leave_all


@lru_cache(500)
def _looking_at(kind: str, visitors: tuple[type[Visitor], ...]) -> tuple[int, ...]:
    """Return the indexes of the classes in `visitors` that have methods for nodes of a kind."""
    return tuple(
        place
        for place, visitor in enumerate(visitors)
        if any(
            hasattr(visitor, name) for name in (f"enter_{kind}", f"leave_{kind}", "enter", "leave")
        )
    )
