"""Finds what is deprecated in a schema, and removes from its SDL what may be gone by a day."""

from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from graphql import (
    REMOVE,
    DocumentNode,
    GraphQLSchema,
    NamedTypeNode,
    Node,
    StringValueNode,
    Visitor,
    parse,
    print_ast,
    visit,
)

from schema.base.deprecation import removal_day

ROOTS = ("Query", "Mutation", "Subscription")
MEMBERS = ("fields", "values")


def deprecations(schema: GraphQLSchema) -> dict[str, str]:
    """Return the reason of each deprecated part, by coordinate: `Customer.name`, `Query.a(b:)`."""
    found = {}
    for kind in schema.type_map.values():
        members = getattr(kind, "fields", None) or getattr(kind, "values", None) or {}
        for name, member in members.items():
            parts = {f"{kind.name}.{name}": member}
            for key, argument in getattr(member, "args", {}).items():
                parts[f"{kind.name}.{name}({key}:)"] = argument
            for coordinate, part in parts.items():
                if part.deprecation_reason is not None:
                    found[coordinate] = part.deprecation_reason
    return found


def malformed(schema: GraphQLSchema) -> Iterator[str]:
    """Yield the coordinates of deprecations whose reason lacks what to use or the removal's day."""
    for coordinate, reason in deprecations(schema).items():
        if removal_day(reason) is None:
            yield coordinate


def without_expired(sdl: str, today: date) -> str:
    """Return the SDL without the parts whose day of removal has come.

    Types go if nothing else leads to them. A type stays whole if all its members have expired, but
    a field or an argument that stays has it.
    """
    document = parse(sdl)
    whole: set[str] = set()
    while True:
        stripped: DocumentNode = visit(document, _Expired(today, whole))
        empty = {_name(one) for one in stripped.definitions if _is_empty(one)}
        kept = empty & {name for one in stripped.definitions for name in _mentioned(one)}
        if not kept:
            break
        whole |= kept
    before, after = _reached(document), _reached(stripped)
    return print_ast(visit(stripped, _Types(empty | (before - after))))


class _Expired(Visitor):
    """Removes the members and arguments that have expired, except in the types `whole`."""

    def __init__(self, today: date, whole: set[str]) -> None:
        super().__init__()
        self._today, self._whole = today, whole

    def enter(self, node: Any, *_: Any) -> Any:
        if node.kind.endswith("type_definition"):
            return False if node.name.value in self._whole else None
        for directive in getattr(node, "directives", None) or ():
            if directive.name.value != "deprecated":
                continue
            reasons = [one.value for one in directive.arguments or () if one.name.value == "reason"]
            reason = reasons[0].value if reasons and isinstance(reasons[0], StringValueNode) else ""
            day = removal_day(reason)
            if day is not None and day <= self._today:
                return REMOVE
        return None


class _Types(Visitor):
    """Removes types, also from unions and from lists of interfaces."""

    def __init__(self, names: set[str]) -> None:
        super().__init__()
        self._names = names

    def enter(self, node: Any, _: Any, parent: Any, *__: Any) -> Any:
        is_named = node.kind.endswith("type_definition") or (
            isinstance(node, NamedTypeNode) and isinstance(parent, (list, tuple))
        )
        return REMOVE if is_named and node.name.value in self._names else None


def _name(node: Any) -> str:
    return str(node.name.value) if getattr(node, "name", None) else ""


def _is_empty(node: Any) -> bool:
    has_members = "object_type" in node.kind or node.kind.startswith(("interface_t", "enum_t"))
    return has_members and not any(getattr(node, key, None) for key in MEMBERS)


def _mentioned(definition: Any) -> set[str]:
    """Return the types of the fields, arguments and input fields of a definition."""
    found = set()
    for member in (
        *(getattr(definition, "fields", None) or ()),
        *(getattr(definition, "arguments", None) or ()),
    ):
        for part in (member, *(getattr(member, "arguments", None) or ())):
            kind = part.type
            while not isinstance(kind, NamedTypeNode):
                kind = kind.type
            found.add(kind.name.value)
    return found


def _reached(document: DocumentNode) -> set[str]:
    """Return the types that operations and directives lead to."""
    known: dict[str, Any] = {}
    waiting: list[str] = list(ROOTS)
    of_interface: dict[str, list[str]] = {}
    for one in document.definitions:
        if one.kind == "directive_definition":
            waiting += _mentioned(one)
        elif one.kind.endswith("type_definition"):
            known[_name(one)] = one
            for interface in _interfaces(one):
                of_interface.setdefault(interface, []).append(_name(one))
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in reached or name not in known:
            continue
        reached.add(name)
        members: Iterable[Node] = getattr(known[name], "types", None) or ()
        waiting += [*_mentioned(known[name]), *_interfaces(known[name])]
        waiting += [*of_interface.get(name, ()), *(_name(one) for one in members)]
    return reached


def _interfaces(node: Any) -> list[str]:
    return [one.name.value for one in getattr(node, "interfaces", None) or ()]
