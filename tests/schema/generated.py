"""Writes random operations for any schema; the same seed returns the same document.

They contain features that are difficult for an executor: aliases, repeated fields that merge,
inline and named fragments on every applicable type, `@skip` and `@include` with constants and
variables, arguments as literals and as variables, `__typename`, and several operations per
document.
"""

from collections import defaultdict
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_interface_type,
    is_object_type,
)

CONDITIONS = ("$yes", "$no", "true", "false")
DEFAULTS = {"$yes": "Boolean!", "$no": "Boolean! = false"}
TURNS: tuple[dict[str, Any], ...] = ({"yes": True}, {"yes": False, "no": True}, {"yes": True})

Choose = Callable[[Random, str, GraphQLArgument], Any]
"""Returns a value for an argument: as JSON, with enum values as `Name`; `ABSENT` omits it."""

ABSENT = object()


class Name(str):
    """An enum value, which is written without quotes."""

    __slots__ = ()


class Asked(NamedTuple):
    """A document, its operations, and sets of variables to run them with."""

    text: str
    operations: tuple[str | None, ...]
    variables: list[dict[str, Any]]


class Writer:
    """Writes a random document."""

    def __init__(self, schema: GraphQLSchema, choose: Choose, seed: int) -> None:
        self.schema = schema
        self.choose = choose
        self.random = Random(seed)  # noqa: S311  # no secret
        self.fragments: dict[tuple[str, Any], str] = {}
        self.variables = dict(DEFAULTS)
        self.turns: list[dict[str, Any]] = [dict(turn) for turn in TURNS]
        self.arguments: dict[str, list[str]] = defaultdict(list)
        self.keys: dict[tuple[str, str, str], str] = {}

    def document(self) -> Asked:
        """Return a document with one query, or sometimes two that share a fragment."""
        query, random = self.schema.query_type, self.random
        body = self.selection(query, random.randint(3, 6))
        body += " k: __typename @include(if: $yes) @skip(if: $no)"
        if random.random() < 0.8:
            operations = {"One": f"{{ {body} }}"}
        else:
            self.fragments["Shared", query] = f"fragment Shared on Query {{ {body} }}"
            more = "{ last: __typename ...Shared ... on Query { ...Shared } }"
            operations = {"One": "{ ...Shared }", "Two": more}
        head = ", ".join(f"{name}: {kind}" for name, kind in self.variables.items())
        parts = [f"query {name}({head}) {text}" for name, text in operations.items()]
        return Asked(" ".join([*parts, *self.fragments.values()]), tuple(operations), self.turns)

    def selection(self, parent: Any, depth: int) -> str:
        """Return the content of a selection set for a type."""
        random, fields = self.random, getattr(parent, "fields", {})
        names = [
            name
            for name, asked in fields.items()
            if depth > 1 or not is_composite_type(get_named_type(asked.type))
        ]
        chosen = random.choices(names, k=random.randint(1, 6)) if names else []
        parts = [self.field(parent, name, depth) for name in chosen]
        if not parts or random.random() < 0.2:
            parts.append(f"__typename{self.condition()}")
        if random.random() < 0.25 or is_abstract_type(parent):
            for _ in range(random.choice((1, 1, 2))):
                parts.insert(random.randrange(len(parts) + 1), self.fragment(parent, depth))
        return " ".join(parts)

    def field(self, parent: Any, name: str, depth: int) -> str:
        """Return a field; equal response keys always name equal fields, so that they can merge."""
        asked = parent.fields[name]
        given = self.given(parent, name)
        wanted = get_named_type(asked.type)
        again = self.random.choice(("", "", "", "", "again"))
        key = self.keys.setdefault((f"{name} {asked.type}", given, again), f"k{len(self.keys)}")
        if not given and not again and self._is_alike_everywhere(name):
            key = name
        below = f" {{ {self.selection(wanted, depth - 1)} }}" if is_composite_type(wanted) else ""
        return f"{key}: {name}{given}{self.condition()}{below}"

    def given(self, parent: Any, name: str) -> str:
        """Return the arguments of a field, sometimes repeating those of an earlier occurrence."""
        place = f"{parent.name}.{name}"
        if self.arguments[place] and self.random.random() < 0.4:
            return self.random.choice(self.arguments[place])
        parts = []
        for argument, declared in parent.fields[name].args.items():
            value = self.choose(self.random, argument, declared)
            if value is ABSENT:
                continue
            if self.random.random() < 0.3:
                parts.append(f"{argument}: {self.variable(argument, declared)}")
            else:
                parts.append(f"{argument}: {literal(value)}")
        self.arguments[place].append(f"({', '.join(parts)})" if parts else "")
        return self.arguments[place][-1]

    def variable(self, argument: str, declared: GraphQLArgument) -> str:
        """Declare a variable for an argument, with a new value for each set; return its name."""
        name = f"v{len(self.variables)}"
        self.variables[f"${name}"] = str(declared.type)
        for turn in self.turns:
            value = self.choose(self.random, argument, declared)
            if value is not ABSENT:
                turn[name] = value
        return f"${name}"

    def fragment(self, parent: Any, depth: int) -> str:
        """Return a fragment on the type, an interface of it, or a possible type."""
        random = self.random
        known = [name for name, on in self.fragments if on is parent]
        if known and random.random() < 0.3:
            return f"...{random.choice(known)}{self.condition()}"
        possible = [parent]
        if is_abstract_type(parent):
            possible += self.schema.get_possible_types(parent)
        if is_object_type(parent) or is_interface_type(parent):
            possible += parent.interfaces
        wanted = random.choice(possible)
        below = self.selection(wanted, depth - 1 if wanted is not parent else depth - 2)
        if random.random() < 0.5:
            on = f" on {wanted.name}" if wanted is not parent or random.random() < 0.5 else ""
            return f"...{on}{self.condition()} {{ {below} }}"
        name = f"Part{len(self.fragments)}"
        self.fragments[name, wanted] = f"fragment {name} on {wanted.name} {{ {below} }}"
        return f"...{name}{self.condition()}"

    def condition(self) -> str:
        """Return a directive, or an empty text."""
        if self.random.random() < 0.85:
            return ""
        kind = self.random.choice(("skip", "include"))
        return f" @{kind}(if: {self.random.choice(CONDITIONS)})"

    def _is_alike_everywhere(self, name: str) -> bool:
        kinds = {
            str(kind.fields[name].type)
            for kind in self.schema.type_map.values()
            if (is_object_type(kind) or is_interface_type(kind)) and name in kind.fields
        }
        return len(kinds) == 1


def literal(value: Any) -> str:
    """Return a value as a GraphQL literal."""
    if isinstance(value, Name):
        return str(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name}: {literal(part)}' for name, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if isinstance(value, str):
        return f'"{value}"'
    return "null" if value is None else str(value).lower()
