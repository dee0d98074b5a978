"""A schema with every kind of field, data that is often invalid, and random documents.

The data and documents follow from a seed, so that two executors can run the same requests.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, StrEnum
from random import Random
from typing import Annotated, Any, NewType
from uuid import UUID

import strawberry
from graphql import (
    GraphQLObjectType,
    GraphQLOutputType,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_object_type,
)
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig


class Later:
    """An awaitable that can be awaited repeatedly."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __await__(self) -> Any:
        yield from ()
        return self.value


class Name(str):
    """A subclass of str."""

    __slots__ = ()


class Anniversary(date):
    """A subclass of date."""


@strawberry.enum
class Colour(Enum):
    RED = 1
    GREEN = 2


@strawberry.enum
class Word(StrEnum):
    YES = "yes"
    NO = "no"


def _even(value: Any) -> Any:
    if value == 13:
        raise ValueError("13 has no even neighbours.")
    return None if value == 14 else Later(16) if value == 15 else value - value % 2


Even = NewType("Even", int)
Thing = Annotated["Leaf | Branch", strawberry.union("Thing")]


@strawberry.interface
class Named:
    name: str


@strawberry.type
class Leaf:
    text: str
    maybe_text: str | None
    whole: int
    maybe_whole: int | None
    real: float
    flag: bool
    key: strawberry.ID
    day: date
    moment: datetime
    clock: time | None
    amount: Decimal
    uid: UUID | None
    colour: Colour
    word: Word | None
    even: Even
    json: JSON
    texts: list[str]
    matrix: list[list[int | None]] | None


@strawberry.type
class Branch(Named):
    size: int | None
    leaf: Leaf
    maybe_leaf: Leaf | None
    leaves: list[Leaf]
    maybe_leaves: list[Leaf | None] | None
    branch: "Branch | None"
    branches: "list[Branch]"
    thing: Thing | None
    named: Named | None

    @strawberry.field
    async def computed(self) -> str:
        """Return the name, or raise an error."""
        if self.name == "b":
            raise RuntimeError("There is no b.")
        return self.name

    @strawberry.field
    def at_once(self, times: int = 1) -> str | None:
        """Return a text without awaiting."""
        return self.name * times

    @strawberry.field
    async def computed_leaf(self) -> Leaf | None:
        """Return a leaf."""
        return self.leaf


@strawberry.type
class Twig(Named):
    size: int | None
    bend: float | None


def _taking(attribute: str) -> Callable[[strawberry.Info], Any]:
    def take(info: strawberry.Info) -> Any:
        return getattr(info.context, attribute)

    return take


def _root(attribute: str) -> Any:
    return strawberry.field(resolver=_taking(attribute))


@strawberry.type
class Query:
    branch: Branch | None = _root("branch")
    branches: list[Branch | None] | None = _root("branches")
    leaf: Leaf | None = _root("leaf")
    leaves: list[Leaf] | None = _root("leaves")
    texts: list[str | None] | None = _root("texts")
    named: list[Named | None] | None = _root("all_named")
    thing: Thing | None = _root("thing")

    @strawberry.field
    async def sure(self, info: strawberry.Info) -> Branch:
        """Return a branch for a non-null field."""
        return info.context.branch  # type: ignore[no-any-return]  # it may be anything


GOOD: dict[str, list[Callable[[], Any]]] = {
    "String": [lambda: "a", lambda: "b", lambda: "ä\n", lambda: Name("n")],
    "Int": [lambda: 0, lambda: -7, lambda: 2**31 - 1, lambda: True, lambda: 2.0],
    "Float": [lambda: 0.5, lambda: -0.0, lambda: 3, lambda: 1e300, lambda: Decimal("0.1")],
    "Boolean": [lambda: True, lambda: False],
    "ID": [lambda: "id", lambda: 5, lambda: strawberry.ID("x")],
    "Date": [lambda: date(2026, 1, 2), lambda: Anniversary(2026, 1, 2)],
    "DateTime": [lambda: datetime(2026, 1, 2, 3, tzinfo=UTC), lambda: date(2026, 1, 2)],
    "Time": [lambda: time(1, 2)],
    "Decimal": [lambda: Decimal("1.50"), lambda: 3],
    "UUID": [lambda: UUID(int=7)],
    "Colour": [lambda: Colour.RED, lambda: Colour.GREEN],
    "Word": [lambda: Word.YES, lambda: Word.NO],
    "Even": [lambda: 4, lambda: 5],
    "JSON": [lambda: {"a": [1, None]}, lambda: [1], lambda: "text", lambda: 2.5],
}
ABSENT = object()
ODD: list[Callable[[], Any]] = [
    lambda: ABSENT,
    lambda: None,
    lambda: float("nan"),
    lambda: float("inf"),
    lambda: 2**31,
    lambda: 10**400,
    lambda: True,
    lambda: 1,
    lambda: 13,
    lambda: 14,
    lambda: 15,
    lambda: 1.5,
    lambda: "yes",
    lambda: "text",
    lambda: b"bytes",
    lambda: object,
    lambda: ValueError("An error as a value."),
    lambda: Later("late"),
    lambda: Later(1),
    lambda: Later(None),
    lambda: Later(Colour.RED),
    lambda: {"text": "a dictionary"},
    lambda: strawberry.UNSET,
    lambda: Colour.RED,
    lambda: len,
]
VALUES = ("$yes", "$no", "true", "false")


class World:
    """The values of the root fields, generated when a field is first read."""

    branch: Any
    leaf: Any

    def __init__(self, seed: int, oddness: float) -> None:
        self.random = Random(seed)  # noqa: S311  # no secret
        self.oddness = oddness

    def __getattr__(self, name: str) -> Any:
        field = GRAPHQL.query_type.fields["named" if name == "all_named" else name]
        made = self.value(field.type, 3)
        setattr(self, name, made)
        return made

    def value(self, wanted: GraphQLOutputType, depth: int) -> Any:
        """Return a random value for the type `wanted`, sometimes an invalid one."""
        random = self.random
        if random.random() < self.oddness:
            return random.choice(ODD)()
        if hasattr(wanted, "of_type"):
            if not str(wanted).endswith("]"):
                return self.value(wanted.of_type, depth)
            items = [self.value(wanted.of_type, depth - 1) for _ in range(random.choice((0, 2, 3)))]
            kind = list if random.random() < 0.9 else random.choice((tuple, iter))
            made: Any = kind(None if item is ABSENT else item for item in items)
            return made
        if not is_composite_type(wanted):
            return random.choice(GOOD[str(wanted)])()
        if depth <= 0:
            return None
        if is_abstract_type(wanted):
            wanted = random.choice(GRAPHQL.get_possible_types(wanted))
        assert is_object_type(wanted)
        return self.instance(wanted, depth)

    def instance(self, wanted: GraphQLObjectType, depth: int) -> Any:
        """Return a random object of the type `wanted`, sometimes without some attributes."""
        cls: Any = {"Leaf": Leaf, "Branch": Branch, "Twig": Twig}[wanted.name]
        made = cls.__new__(cls)
        for asked in wanted.fields.values():
            definition = asked.extensions["strawberry-definition"]
            if definition.is_basic_field:
                value = self.value(asked.type, depth - 1)
                if value is not ABSENT:
                    setattr(made, definition.python_name, value)
        if self.random.random() < self.oddness:
            strawberry.cast(self.random.choice((Twig, Branch, Leaf)), made)
        return made


def build(execution_context_class: type[Any] | None) -> strawberry.Schema:
    """Return the schema, executed by the given class."""
    even = strawberry.scalar(name="Even", serialize=_even, parse_value=int)
    return strawberry.Schema(
        Query,
        types=[Twig],
        execution_context_class=execution_context_class,
        config=StrawberryConfig(scalar_map={Even: even}),
    )


GRAPHQL: Any = build(None)._schema


class Writer:
    """Writes a random document."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.fragments: list[str] = []

    def document(self) -> str:
        """Return a query with two variables."""
        selection = self.selection(GRAPHQL.query_type, 5)
        head = "query Asked($yes: Boolean!, $no: Boolean! = false)"
        return " ".join([head, selection, *self.fragments])

    def selection(self, parent: Any, depth: int) -> str:
        """Return a random selection set for a type."""
        random, names = self.random, ["__typename"]
        names += [
            name
            for name, asked in getattr(parent, "fields", {}).items()
            if depth > 1 or not is_composite_type(get_named_type(asked.type))
        ]
        chosen = [random.choice(names) for _ in range(random.randint(1, 6))]
        parts = [self.field(parent, name, depth) for name in chosen]
        if random.random() < 0.25 or is_abstract_type(parent):
            parts.insert(random.randrange(len(parts) + 1), self.fragment(parent, depth))
        return "{ " + " ".join(parts) + " }"

    def field(self, parent: Any, name: str, depth: int) -> str:
        """Return a field, sometimes with an alias and a directive."""
        random = self.random
        alias = f"{name}_{random.randint(1, 2)}: " if random.random() < 0.2 else ""
        if name == "__typename":
            return alias + name + self.condition()
        if name == "atOnce":
            alias, name = "atOnce: ", "atOnce(times: 2)"
            return alias + name + self.condition()
        wanted = get_named_type(parent.fields[name].type)
        below = self.selection(wanted, depth - 1) if is_composite_type(wanted) else ""
        return f"{alias}{name}{self.condition()} {below}"

    def fragment(self, parent: Any, depth: int) -> str:
        """Return a fragment on the type itself or on one of its possible types."""
        random = self.random
        possible = [*GRAPHQL.get_possible_types(parent)] if is_abstract_type(parent) else []
        wanted = random.choice([parent, *possible])
        below = self.selection(wanted, depth - 1)
        if random.random() < 0.5:
            on = f" on {wanted.name}" if wanted is not parent or random.random() < 0.5 else ""
            return f"...{on}{self.condition()} {below}"
        name = f"Part{len(self.fragments)}"
        self.fragments.append(f"fragment {name} on {wanted.name} {below}")
        return f"...{name}{self.condition()}"

    def condition(self) -> str:
        """Return a directive, or an empty text."""
        if self.random.random() < 0.85:
            return ""
        ways = [f"@{kind}(if: {value})" for kind in ("skip", "include") for value in VALUES]
        return " " + self.random.choice(ways)
