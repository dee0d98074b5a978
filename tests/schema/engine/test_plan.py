"""Plans change the speed of execution, never the result."""

import asyncio
import gc
import json
import os
import re
import weakref
from collections.abc import AsyncGenerator
from datetime import datetime
from random import Random
from typing import Any

import orjson
import pytest
import strawberry
from graphql import ExecutionResult, execute, parse
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig
from strawberry.types.field import StrawberryField

from schema.engine.plan import PlannedExecution, compiler, executor
from schema.engine.plan.selection import Plan, Selected, memory_of
from tests.schema import odd_world
from tests.schema.engine.planned_answers import answer
from tests.schema.odd_world import Colour, Leaf, Named, World, Writer

DOCUMENTS = int(os.environ.get("PLAN_DOCUMENTS", "200"))
VARIABLES: list[dict[str, Any]] = [{"yes": True}, {"yes": True}, {"yes": False, "no": True}]


def seen(result: ExecutionResult) -> str:
    """Return a text with everything that a client or a log can see of a result."""
    errors = [
        (error.formatted, type(error.original_error).__name__, str(error.original_error))
        for error in result.errors or []
    ]
    spelt = json.dumps([result.data, errors], default=as_written)
    return re.sub(" at 0x[0-9a-f]+", "", spelt)


def as_written(value: Any) -> str:
    """Serialise values that are serialised with the response; else return the type's name."""
    if type(value) is datetime:
        return str(orjson.loads(orjson.dumps(value)))
    return type(value).__name__


class Counts:
    """Counts how often plans were used, and how often they fell back."""

    def __init__(self) -> None:
        self.compiled = 0
        self.completed = 0
        self.gave_up = 0

    def watch(self, plan: Plan | None) -> Plan | None:
        if plan is None:
            return None
        self.compiled += 1

        def complete(value: Any) -> Any:
            try:
                completed = plan.complete(value)
            except Exception:
                self.gave_up += 1
                raise
            self.completed += 1
            return completed

        return plan._replace(complete=complete)


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    counted = Counts()
    compile_plan = compiler.compile_plan
    monkeypatch.setattr(
        executor, "compile_plan", lambda *given: counted.watch(compile_plan(*given))
    )
    return counted


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the plain fields that Strawberry resolves itself."""
    names: list[str] = []
    get_result = StrawberryField.get_result

    def spy(self: StrawberryField, *args: Any, **kwargs: Any) -> Any:
        if self.is_basic_field:
            names.append(self.python_name)
        return get_result(self, *args, **kwargs)

    monkeypatch.setattr(StrawberryField, "get_result", spy)
    return names


@pytest.mark.filterwarnings(
    # If a sibling fails, graphql-core drops coroutines that were not started.
    "ignore:coroutine .* was never awaited:RuntimeWarning",
    "ignore::pytest.PytestUnraisableExceptionWarning",
)
async def test_any_document_over_any_data_is_answered_alike(counts: Counts) -> None:
    schema = odd_world.build(None)
    faulty = 0
    for seed in range(DOCUMENTS):
        text = Writer(Random(seed)).document()  # noqa: S311  # no secret
        document, fresh = parse(text), parse(text)
        for turn, variables in enumerate(VARIABLES):
            oddness = (0.0, 0.01, 0.1)[(seed + turn) % 3]
            results = [
                await answer(
                    schema,
                    asked,
                    is_planned=is_planned,
                    context=World(seed * 10 + turn, oddness),
                    variables=variables,
                )
                for asked, is_planned in ((document, True), (fresh, False))
            ]
            assert seen(results[0]) == seen(results[1]), (seed, turn, text)
            faulty += bool(results[0].errors)
    del results  # its tracebacks reference coroutines that were never awaited
    await asyncio.sleep(0.01)
    gc.collect()
    assert faulty > DOCUMENTS / 4
    assert counts.completed > DOCUMENTS
    assert counts.gave_up > DOCUMENTS / 10


def leaf(**changed: Any) -> Leaf:
    made = World(0, 0.0).instance(odd_world.GRAPHQL.type_map["Leaf"], 2)
    assert isinstance(made, Leaf)
    for name, value in {"text": "a", "whole": 1, "real": 0.5, **changed}.items():
        setattr(made, name, value)
    return made


class Given:
    """A context with a leaf, or a list of leaves."""

    def __init__(self, *leaves: Any) -> None:
        self.leaf = leaves[0]
        self.leaves = list(leaves)


ODD_LEAVES = [
    # Int: an integer of at most 32 bits; bool counts as one
    ({"whole": True}, {"whole": 1}, []),
    ({"whole": 2**31 - 1}, {"whole": 2**31 - 1}, []),
    ({"whole": 2**31}, None, ["Int cannot represent non 32-bit signed integer value: 2147483648"]),
    ({"whole": 2.0}, {"whole": 2}, []),
    ({"whole": "x"}, None, ["Int cannot represent non-integer value: 'x'"]),
    # Float: only finite numbers
    ({"real": float("nan")}, None, ["Float cannot represent non numeric value: nan"]),
    ({"real": float("inf")}, None, ["Float cannot represent non numeric value: inf"]),
    ({"real": 3}, {"real": 3.0}, []),
    # String: any subclass of str; awaitables are awaited
    ({"text": odd_world.Name("n")}, {"text": "n"}, []),
    ({"text": odd_world.Later("late")}, {"text": "late"}, []),
    ({"text": None}, None, ["Cannot return null for non-nullable field Leaf.text."]),
    ({"maybe_text": None}, {"maybeText": None}, []),
    ({"maybe_text": ValueError("no")}, {"maybeText": None}, ["no"]),
    # enums: by member or by value
    ({"colour": Colour.GREEN}, {"colour": "GREEN"}, []),
    ({"colour": 3}, None, ["Enum 'Colour' cannot represent value: 3"]),
    # lists: any iterable, not only lists and tuples
    ({"texts": ("a", "b")}, {"texts": ["a", "b"]}, []),
    ({"texts": {"a": 1}.keys()}, {"texts": ["a"]}, []),
    ({"texts": ["a", None]}, None, ["Cannot return null for non-nullable field Leaf.texts."]),
    ({"texts": 5}, None, ["Expected Iterable, but did not find one for field 'Leaf.texts'."]),
    ({"matrix": [[1, None], []]}, {"matrix": [[1, None], []]}, []),
    ({"matrix": [[1], None]}, {"matrix": None}, None),
    # a custom scalar whose function fails, returns None, or an awaitable
    ({"even": 5}, {"even": 4}, []),
    ({"even": 13}, None, ["13 has no even neighbours."]),
    ({"even": 15}, {"even": 16}, []),
]


@pytest.mark.parametrize(("changed", "expected", "messages"), ODD_LEAVES)
async def test_odd_values_are_graphql_cores_affair(
    changed: dict[str, Any],
    expected: dict[str, Any] | None,
    messages: list[str] | None,
    counts: Counts,
) -> None:
    schema = odd_world.build(None)
    (attribute,) = changed
    name = {"maybe_text": "maybeText"}.get(attribute, attribute)
    document = parse(f"{{ leaf {{ {name} }} }}")
    await answer(schema, document, is_planned=True, context=Given(leaf()))
    for is_planned in (True, True, False):
        given = Given(leaf(**changed))
        result = await answer(schema, document, is_planned=is_planned, context=given)
        assert result.data == {"leaf": expected}
        if messages is not None:
            assert [error.message for error in result.errors or []] == messages
        for error in result.errors or []:
            assert (error.path or [])[:2] == ["leaf", name]
            assert [place.column for place in error.locations or []] == [10]
    assert counts.compiled


async def test_a_plan_reads_attributes_without_strawberrys_help(reads: list[str]) -> None:
    schema = odd_world.build(None)
    document = parse("{ leaves { text whole colour moment } leaf { text } }")
    given = Given(*(leaf() for _ in range(20)))
    first = await answer(schema, document, is_planned=True, context=given)
    assert reads == ["text"]  # the list is long enough for a plan, the object is not
    second = await answer(schema, document, is_planned=True, context=given)
    third = await answer(schema, document, is_planned=True, context=given)
    assert reads == ["text"]
    assert seen(first) == seen(second) == seen(third)
    await answer(schema, document, is_planned=False, context=given)
    assert len(reads) == 1 + 20 * 4 + 1


async def test_one_bad_object_does_not_slow_down_the_others(reads: list[str]) -> None:
    schema = odd_world.build(None)
    document = parse("{ leaves { maybeText } }")
    await answer(schema, document, is_planned=True, context=Given(leaf(), leaf()))
    reads.clear()
    given = Given(*(leaf(maybe_text="x") for _ in range(9)), leaf(maybe_text=object))
    result = await answer(schema, document, is_planned=True, context=given)
    assert result.data == {"leaves": [*([{"maybeText": "x"}] * 9), {"maybeText": None}]}
    assert [error.path for error in result.errors or []] == [["leaves", 9, "maybeText"]]
    assert reads == ["maybe_text"]


async def test_plain_fields_and_others_keep_their_order() -> None:
    schema = odd_world.build(None)
    document = parse("{ branch { size computed name a: atOnce n: name computedLeaf { text } } }")
    for _ in range(3):
        world = World(1, 0.0)
        world.branch.name, world.branch.size = "x", 3
        world.branch.leaf = leaf()
        result = await answer(schema, document, is_planned=True, context=world)
        assert result.errors is None
        assert json.dumps(result.data) == json.dumps(
            {
                "branch": {"size": 3, "computed": "x", "name": "x", "a": "x", "n": "x"}
                | {"computedLeaf": {"text": "a"}}
            }
        )


async def test_each_combination_of_conditions_has_a_plan_of_its_own() -> None:
    schema = odd_world.build(None)
    document = parse(
        "query ($a: Boolean!, $b: Boolean = true) { leaf { text @skip(if: $a) ...P @include(if: $b)"
        " whole } } fragment P on Leaf { real }"
    )
    for _ in range(3):
        for skips in (True, False):
            for includes in (True, False):
                result = await answer(
                    schema,
                    document,
                    is_planned=True,
                    context=Given(leaf()),
                    variables={"a": skips, "b": includes},
                )
                expected: dict[str, Any] = {} if skips else {"text": "a"}
                expected |= ({"real": 0.5} if includes else {}) | {"whole": 1}
                assert json.dumps(result.data) == json.dumps({"leaf": expected})


async def test_a_null_condition_is_refused_where_it_stands() -> None:
    schema = odd_world.build(None)
    document = parse("query ($b: Boolean = true) { leaf { text @include(if: $b) } }")
    results = [
        await answer(
            schema,
            document,
            is_planned=is_planned,
            context=Given(leaf()),
            variables={"b": value},
        )
        for value, is_planned in ((True, True), (True, True), (None, True), (None, False))
    ]
    assert results[1].data == {"leaf": {"text": "a"}}
    assert results[2].errors
    assert seen(results[2]) == seen(results[3])


async def test_combinations_do_not_pile_up() -> None:
    schema = odd_world.build(None)
    names = [f"v{number}" for number in range(8)]
    head = ", ".join(f"${name}: Boolean!" for name in names)
    body = " ".join(f"{name}: text @skip(if: ${name})" for name in names)
    document = parse(f"query ({head}) {{ leaf {{ whole {body} }} }}")
    for number in range(100):
        variables = {name: bool(number >> bit & 1) for bit, name in enumerate(names)}
        result = await answer(
            schema, document, is_planned=True, context=Given(leaf()), variables=variables
        )
        kept = [name for name in names if not variables[name]]
        assert result.data == {"leaf": {"whole": 1, **dict.fromkeys(kept, "a")}}
    assert len(memory_of(document)._selections) <= 16


async def test_fragments_within_fragments_do_not_pile_up() -> None:
    schema = odd_world.build(None)
    branch = World(1, 0.0).branch
    branch.leaf, branch.branches = leaf(), [branch]
    parts = [
        f"fragment F{n} on Branch {{ a: branches {{ ...F{n + 1} }} b: branches {{ ...F{n + 1} }} }}"
        for n in range(8)
    ]
    text = " ".join(["{ branch { ...F0 } }", *parts, "fragment F8 on Branch { leaf { text } }"])
    document, fresh = parse(text), parse(text)
    world = World(1, 0.0)
    world.branch = branch
    expected = await answer(schema, fresh, is_planned=False, context=world)
    assert expected.errors is None
    for _ in range(3):
        result = await answer(schema, document, is_planned=True, context=world)
        assert seen(result) == seen(expected)
    gc.collect()
    waiting: list[Any] = list(memory_of(document)._selections.values())
    kept = 0
    while waiting:
        for selected in waiting.pop().values():
            kept += 1
            collected = selected.collected.values() if isinstance(selected, Selected) else ()
            waiting += [one.grouped_field_set for one in collected]
    assert 8 < kept < 400  # of 767 plans


@strawberry.type
class Item:
    id: strawberry.ID
    code: str


def items_schema(text: str, **settings: Any) -> strawberry.Schema:
    @strawberry.type
    class Query:
        @strawberry.field
        def items(self) -> list[Item]:
            return [Item(id=strawberry.ID("1"), code=text)] * 20

    return strawberry.Schema(Query, **settings)


async def test_schemas_do_not_mix() -> None:
    @strawberry.type(name="Item")
    class Other:
        code: int

    @strawberry.type
    class Query:
        @strawberry.field
        def items(self) -> list[Other]:
            return [Other(code=7)] * 20

    document = parse("{ items { code } }")
    schemas = [items_schema("x"), strawberry.Schema(Query)]
    for _ in range(2):
        for schema, code in zip(schemas, ("x", 7), strict=True):
            result = await answer(schema, document, is_planned=True)
            assert result.data == {"items": [{"code": code}] * 20}


async def test_operations_of_a_document_do_not_mix(counts: Counts) -> None:
    schema = items_schema("x", execution_context_class=PlannedExecution)
    text = "query A { items { code } } query B { items { id } }"
    document = parse(text)
    for _ in range(2):
        for name, expected in (("A", {"code": "x"}), ("B", {"id": "1"})):
            result: Any = execute(
                schema._schema, document, operation_name=name, executor_class=PlannedExecution
            )
            assert result.data == {"items": [expected] * 20}
    assert counts.compiled == 2


async def test_what_a_document_has_gathered_goes_with_it() -> None:
    schema = items_schema("x")
    document = parse("{ items { code } }")
    await answer(schema, document, is_planned=True)
    field = next(iter(memory_of(document)._selections.values()))["items"]
    (plan,) = field.plans.values()
    assert plan is not None
    alive = weakref.ref(plan.complete)
    del field, plan
    gc.collect()
    assert alive() is not None
    del document
    gc.collect()
    assert alive() is None


async def test_what_passes_through_middleware_is_not_planned(counts: Counts) -> None:
    class Shouting(SchemaExtension):
        def resolve(self, _next: Any, root: Any, info: Any, *args: Any, **kwargs: Any) -> Any:
            given = _next(root, info, *args, **kwargs)
            return given.upper() if isinstance(given, str) else given

    schema = items_schema("x", extensions=[Shouting], execution_context_class=PlannedExecution)
    for _ in range(2):
        result = await schema.execute("{ items { code } }")
        assert result.data == {"items": [{"code": "X"}] * 20}
    assert counts.compiled == 0


async def test_a_default_resolver_of_ones_own_is_not_plain(counts: Counts) -> None:
    @strawberry.type
    class Part:
        code: str

    @strawberry.type
    class Query:
        @strawberry.field
        def parts(self) -> list[Part]:
            return [{"code": "x"}] * 20  # type: ignore[list-item]  # what is tested

    config = StrawberryConfig(default_resolver=lambda source, name: source[name])
    schema = strawberry.Schema(Query, config=config, execution_context_class=PlannedExecution)
    result = await schema.execute("{ parts { code } }")
    assert result.data == {"parts": [{"code": "x"}] * 20}
    assert counts.compiled == 0


async def test_a_coroutine_from_a_property_is_made_and_awaited_like_any_other() -> None:
    made = 0

    class Lazy:
        @property
        def code(self) -> Any:
            nonlocal made
            made += 1

            async def give() -> str:
                return "late"

            return give()

    @strawberry.type
    class Part:
        code: str

        @classmethod
        def is_type_of(cls, _value: Any, _info: Any) -> bool:
            return True

    @strawberry.type
    class Query:
        @strawberry.field
        def parts(self) -> list[Part]:
            return [Lazy()] * 10  # type: ignore[list-item]  # what is tested

    schema = strawberry.Schema(Query, execution_context_class=PlannedExecution)
    document = parse("{ parts { code } }")
    for expected in (12, 22):  # one each for the plans of list and object, then none
        result = await answer(schema, document, is_planned=True)
        assert result.errors is None
        assert result.data == {"parts": [{"code": "late"}] * 10}
        gc.collect()
        assert made == expected


async def test_objects_of_another_type_are_refused_as_ever(counts: Counts) -> None:
    @strawberry.type
    class Real(Named):
        pass

    @strawberry.type
    class Other(Named):
        pass

    values: list[Any] = [Real(name="a")]

    @strawberry.type
    class Query:
        @strawberry.field
        def real(self) -> list[Real | None]:
            return values

    schema = strawberry.Schema(Query, types=[Other])
    document = parse("{ real { __typename name } }")
    for value in ([Real(name="a")], [Other(name="o")], [strawberry.cast(Other, Real(name="c"))]):
        values[:] = [Real(name="b")] * 10 + value
        results = [
            await answer(schema, document, is_planned=is_planned) for is_planned in (True, False)
        ]
        assert seen(results[0]) == seen(results[1])
        assert bool(results[0].errors) == (value[0].name == "c")
    assert counts.completed > 0


async def test_a_check_that_needs_the_request_is_given_it() -> None:
    @strawberry.type
    class Picky:
        code: str

        @classmethod
        def is_type_of(cls, _value: Any, info: Any) -> bool:
            return bool(info.context["allowed"])

    @strawberry.type
    class Query:
        @strawberry.field
        def picky(self) -> Picky | None:
            return Picky(code="x")

    schema = strawberry.Schema(Query)
    document = parse("{ picky { code } }")
    for allowed, expected in ((True, {"code": "x"}), (False, None)) * 2:
        result = await answer(schema, document, is_planned=True, context={"allowed": allowed})
        assert result.data == {"picky": expected}


async def test_subscriptions_are_planned_event_by_event(reads: list[str]) -> None:
    @strawberry.type
    class Query:
        nothing: str | None = None

    async def items() -> AsyncGenerator[Item, None]:
        for number in range(4):
            yield Item(id=strawberry.ID(str(number)), code=str(number))

    @strawberry.type
    class Events:
        item: AsyncGenerator[Item, None] = strawberry.subscription(resolver=items)

    schema = strawberry.Schema(Query, subscription=Events, execution_context_class=PlannedExecution)
    stream = await schema.subscribe("subscription { item { id code } }")
    found = [result.data async for result in stream]
    assert found == [{"item": {"id": str(n), "code": str(n)}} for n in range(4)]
    assert reads == ["id", "code"]


async def test_names_in_a_document_never_become_code() -> None:
    schema = odd_world.build(None)
    names = ["class", "None", "value", "v", "a", "item", "known_1", "__builtins__", "exec"]
    document = parse("{ leaf { %s } }" % " ".join(f"{name}: text" for name in names))  # noqa: UP031  # braces
    for _ in range(3):
        result = await answer(schema, document, is_planned=True, context=Given(leaf()))
        assert result.data == {"leaf": dict.fromkeys(names, "a")}


async def test_introspection_is_left_alone(counts: Counts) -> None:
    schema = odd_world.build(PlannedExecution)
    text = '{ __schema { types { name fields { name } } } __type(name: "Leaf") { name } }'
    results = [await schema.execute(text) for _ in range(3)]
    assert results[0].errors is None
    assert results[0].data == results[1].data == results[2].data
    assert counts.compiled == 0
