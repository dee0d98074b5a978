"""Prepares the arguments of a field once for all requests, except for the values of variables.

graphql-core converts the arguments of a field's node again for each request. This module makes it
convert them once, with placeholders in place of variables, which graphql-core leaves unchanged. For
each request, only the placeholders are replaced by values. If a variable has no value, or the
value null, graphql-core converts the arguments of that request.
"""

from collections.abc import Iterator
from typing import Any

from graphql import FieldNode, GraphQLField, Node, VariableNode
from graphql.execution import VariableValues, get_argument_values


class _Placeholder:
    """Stands for the value of a variable."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class PreparedArguments:
    """The arguments of a node, with placeholders for the values of variables."""

    __slots__ = ("_fixed", "_names", "_varying")

    def __init__(self, fixed: dict[str, Any], varying: dict[str, Any], names: set[str]) -> None:
        self._fixed = fixed
        self._varying = varying
        self._names = names

    def of(self, variables: VariableValues) -> dict[str, Any] | None:
        """Return the arguments for these variables, in new dictionaries and lists.

        None if a variable has no value, so that graphql-core must convert the arguments.
        """
        given = variables.coerced
        for name in self._names:
            if given.get(name) is None:
                return None
        arguments = self._fixed.copy()
        for name, part in self._varying.items():
            arguments[name] = _filled(part, given)
        return arguments


def prepare_arguments(field: GraphQLField, node: FieldNode) -> PreparedArguments | None:
    """Prepare the arguments of a valid node; None if graphql-core must convert them each time."""
    marks = [_Placeholder(name) for name in _variables(node.arguments)]
    values = VariableValues({}, {mark.name: mark for mark in marks})
    try:
        made = get_argument_values(field, node, values)
    except Exception:  # graphql-core reports the error when it converts them
        return None
    if sum(isinstance(part, _Placeholder) for part in _parts(made)) != len(marks):
        return None  # An argument's type has converted a placeholder, so it cannot be replaced.
    fixed = {name: part for name, part in made.items() if not _varies(part)}
    varying = {name: part for name, part in made.items() if name not in fixed}
    return PreparedArguments(fixed, varying, {mark.name for mark in marks})


def _varies(part: Any) -> bool:
    """Return whether a part of the arguments must be made anew for each request."""
    return isinstance(part, dict | list | _Placeholder)


def _filled(part: Any, given: dict[str, Any]) -> Any:
    kind = type(part)
    if kind is _Placeholder:
        return given[part.name]
    if kind is dict:
        return {key: _filled(inner, given) for key, inner in part.items()}
    if kind is list:
        return [_filled(inner, given) for inner in part]
    return part


def _parts(part: Any) -> Iterator[Any]:
    """Yield the values in nested dictionaries and lists."""
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _parts(inner)
    else:
        yield part


def _variables(nodes: Any) -> Iterator[str]:
    """Yield the names of the variables in nodes, as often as they are used."""
    for node in nodes or ():
        if isinstance(node, VariableNode):
            yield node.name.value
        elif isinstance(node, Node):
            yield from _variables(getattr(node, key) for key in node.keys)
        elif isinstance(node, list | tuple):
            yield from _variables(node)
