"""Finds the idempotency keys of an operation's fields, and refuses keys that cannot work.

The directive is found once for each operation, and kept with it. A rule for validation refuses what
the document alone shows; the rest depends on variables and on the header.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, cast

from graphql import (
    ASTValidationRule,
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    print_ast,
)

from models.rules.idempotency import is_key
from schema.base.context import Context
from schema.base.errors import ErrorCode, RequestRefused
from schema.base.idempotent import HEADER, KEY, NAME, checked_key, invalid_key
from schema.engine.graphql_core_internals import attachments

KEYED = "idempotency keys"
"""The key, in the dictionary attached to an operation, of its `_Keyed`."""

ARGUMENT = f"`key` of `@{NAME}`"

Fragments = Mapping[str, FragmentDefinitionNode]


class _Keyed(NamedTuple):
    """The root fields of a mutation: all response keys, and the nodes of their idempotency keys."""

    names: tuple[str, ...]
    keys: tuple[tuple[str, ValueNode], ...]


def note_keys(
    context: Context,
    operation: OperationDefinitionNode,
    fragments: Fragments,
    variables: Mapping[str, Any],
) -> list[GraphQLError]:
    """Note the idempotency keys of a mutation in the context; return what is wrong about them."""
    try:
        keys = keys_of(operation, fragments, variables, context.idempotency_key)
    except RequestRefused as error:
        return [error.with_traceback(None)]
    context.idempotency_keys = keys
    return []


def keys_of(
    operation: OperationDefinitionNode,
    fragments: Fragments,
    variables: Mapping[str, Any],
    header: str | None,
) -> dict[str, str]:
    """Return the idempotency keys of a mutation's root fields, by response key.

    `header` is the key that the request has as a header. Raises RequestRefused if a key has a wrong
    form or is used twice, or if the header does not fit.
    """
    keyed: _Keyed | None = attachments(operation).get(KEYED)
    if keyed is None:
        keyed = attachments(operation)[KEYED] = _keyed(operation, fragments)
    if not keyed.keys and header is None:
        return {}
    keys = {name: checked_key(_value(node, variables), ARGUMENT) for name, node in keyed.keys}
    if header is not None:
        if len(keyed.names) != 1:
            raise misplaced_header()
        (name,) = keyed.names
        if keys.setdefault(name, header) != header:
            raise _conflict(f"The header {HEADER} and `@{NAME}` have different keys. Send one key.")
    if len(set(keys.values())) < len(keys):
        raise _used_twice()
    return keys


def misplaced_header() -> RequestRefused:
    """Return the error for the header in a request that does not have exactly one mutation."""
    return RequestRefused(
        ErrorCode.IDEMPOTENCY_KEY_MISPLACED,
        f"The header {HEADER} is only for a request with exactly one mutation. For several, put"
        f" `@{NAME}` on each.",
    )


class IdempotentFieldsRule(ASTValidationRule):
    """Allows `@idempotent` only on the root fields of mutations, with one key for each field."""

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self._found: list[tuple[DirectiveNode, FieldNode]] = []

    def enter_directive(
        self, node: DirectiveNode, _key: Any, _parent: Any, _path: Any, ancestors: list[Any]
    ) -> None:
        """Collect the fields with the directive; elsewhere, another rule refuses it."""
        holder = next(one for one in reversed(ancestors) if not isinstance(one, list | tuple))
        if node.name.value == NAME and isinstance(holder, FieldNode):
            self._found.append((node, holder))

    def leave_document(self, document: DocumentNode, *_: Any) -> None:
        """Report what is wrong about the directives that were found."""
        found, self._found = self._found, []
        if not found:
            return
        fragments = {
            one.name.value: one
            for one in document.definitions
            if isinstance(one, FragmentDefinitionNode)
        }
        roots: set[int] = set()
        for one in document.definitions:
            if isinstance(one, OperationDefinitionNode) and _is_mutation(one):
                nodes = list(_fields(one.selection_set, fragments, set()))
                roots.update(map(id, nodes))
                self._check(nodes)
        for directive, field in found:
            if id(field) not in roots:
                self.report_error(_misplaced(directive))

    def _check(self, nodes: list[FieldNode]) -> None:
        """Report keys of a wrong form, two keys on one field, and one key on two fields."""
        by_name: dict[str, ValueNode] = {}
        by_key: dict[str, str] = {}
        for node in nodes:
            value = _key_node(node)
            if value is None:
                continue
            if isinstance(value, StringValueNode) and not is_key(value.value):
                self.report_error(invalid_key(ARGUMENT))
                return
            name, text = _response_key(node), print_ast(value)
            if print_ast(by_name.setdefault(name, value)) != text:
                message = f"`{name}` is one field of the answer, so it can have only one key."
                self.report_error(_conflict(message, node))
                return
            if by_key.setdefault(text, name) != name:
                self.report_error(_used_twice(node))
                return


def _keyed(operation: OperationDefinitionNode, fragments: Fragments) -> _Keyed:
    names: dict[str, None] = {}
    keys: dict[str, ValueNode] = {}
    for node in _fields(operation.selection_set, fragments, set()):
        if node.name.value == "__typename":
            continue
        name, value = _response_key(node), _key_node(node)
        names[name] = None
        if value is not None:
            keys[name] = value
    return _Keyed(tuple(names), tuple(keys.items()))


def _fields(
    selected: SelectionSetNode, fragments: Fragments, seen: set[str]
) -> Iterator[FieldNode]:
    """Yield the fields of a selection set, and of the fragments in it."""
    for node in selected.selections:
        if isinstance(node, FieldNode):
            yield node
            continue
        about: Any = node
        if isinstance(node, FragmentSpreadNode):
            name = node.name.value
            if name in seen or name not in fragments:
                continue
            seen.add(name)
            about = fragments[name]
        yield from _fields(about.selection_set, fragments, seen)


def _key_node(node: FieldNode) -> ValueNode | None:
    """Return the argument of a field's `@idempotent`; None if it has none."""
    for directive in node.directives or ():
        if directive.name.value == NAME:
            for argument in directive.arguments or ():
                if argument.name.value == KEY:
                    return argument.value
    return None


def _value(node: ValueNode, variables: Mapping[str, Any]) -> str:
    if isinstance(node, VariableNode):
        value = variables.get(node.name.value)
        return value if isinstance(value, str) else ""
    return cast("StringValueNode", node).value


def _response_key(node: FieldNode) -> str:
    return (node.alias or node.name).value


def _is_mutation(operation: OperationDefinitionNode) -> bool:
    return operation.operation is OperationType.MUTATION


def _misplaced(node: DirectiveNode) -> RequestRefused:
    return RequestRefused(
        ErrorCode.IDEMPOTENCY_KEY_MISPLACED,
        f"`@{NAME}` is only for the fields of `Mutation`; here it would do nothing.",
        node,
    )


def _conflict(message: str, node: FieldNode | None = None) -> RequestRefused:
    return RequestRefused(ErrorCode.IDEMPOTENCY_KEY_CONFLICT, message, node)


def _used_twice(node: FieldNode | None = None) -> RequestRefused:
    return _conflict(
        "Two mutations of the request have the same idempotency key. Use a key for each.", node
    )
