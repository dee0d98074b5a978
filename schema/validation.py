"""Validates by graphql-core's rules, each of which sees only the nodes that it looks at.

graphql-core asks each of some thirty rules at each node of a document whether it looks at such
nodes, and most do not. Which do depends on the kind of the node alone, so here it is found out
once. To graphql-core all of them are one rule; what they find, and in which order, stays the same.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any, cast

from graphql import BREAK, SKIP, ASTValidationRule, Node, ValidationContext
from graphql.language.visitor import EnterLeaveVisitor

Rules = tuple[type[ASTValidationRule], ...]
Visit = Callable[..., Any]


@lru_cache(8)
def together(rules: Rules) -> type[ASTValidationRule]:
    """Give a rule that is all of some rules."""
    return cast("type[ASTValidationRule]", type("Together", (_Together,), {"rules": rules}))


class _Together(ASTValidationRule):
    rules: Rules
    context: ValidationContext

    def __init__(self, context: ValidationContext) -> None:
        super().__init__(context)
        self._visitors = [rule(context) for rule in self.rules]
        self._skipping: list[object] = [None] * len(self.rules)
        """Of each rule, the node below which it looks at nothing, or that it has ended."""

    def get_enter_leave_for_kind(self, kind: str) -> EnterLeaveVisitor:
        """Give what is called at nodes of a kind."""
        found = self.enter_leave_map.get(kind)
        if found is None:
            visits = [
                (place, *self._visitors[place].get_enter_leave_for_kind(kind))
                for place in _looking_at(kind, self.rules)
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
def _looking_at(kind: str, rules: Rules) -> tuple[int, ...]:
    """Give the places of the rules that look at nodes of a kind."""
    return tuple(
        place
        for place, rule in enumerate(rules)
        if any(hasattr(rule, name) for name in (f"enter_{kind}", f"leave_{kind}", "enter", "leave"))
    )
