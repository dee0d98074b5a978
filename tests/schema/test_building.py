"""Building the schema repeatedly, and after any imports, gives the same schema."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from random import Random
from typing import Any

import pytest
import strawberry
from strawberry.schema.schema_converter import GraphQLCoreConverter

from schema.engine import cost_weights
from schema.engine.cost_compiler import UnweightedError, refuse_unweighted
from schema.engine.served_schema import CustomerClassesSchema
from schema.root import build_schema

ROOT = Path(__file__).resolve().parents[2]
COMMITTED = (ROOT / "schema" / "schema.graphql").read_text()

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("schema", "resolvers")
    for path in (ROOT / folder).rglob("*.py")
)
ORDERS = {
    "forwards": MODULES,
    "backwards": MODULES[::-1],
    **{f"shuffled-{seed}": Random(seed).sample(MODULES, len(MODULES)) for seed in (1, 2)},  # noqa: S311  # no secret
}

TWICE = """
import sys
from importlib import import_module

for name in sys.argv[1:]:
    import_module(name)
build_schema = import_module("schema.root").build_schema
build_schema()
print(build_schema().as_str())
"""


@pytest.mark.parametrize("names", ORDERS.values(), ids=ORDERS)
async def test_the_printed_schema_does_not_depend_on_what_was_imported_or_built_before(
    names: list[str],
) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", TWICE, *names, cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    printed, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert printed.decode() == COMMITTED


def test_building_leaves_the_fields_as_they_were() -> None:
    """Applying extensions repeatedly does not replace the resolvers of fields."""
    assert get_results(build_schema()) == {}
    assert get_results(build_schema()) == {}


def get_results(built: CustomerClassesSchema) -> dict[str, object]:
    """Return, by field with wrapping extensions, the function that calls its resolver."""
    found = {}
    for kind in built._schema.type_map.values():
        for name, field in getattr(kind, "fields", {}).items():
            definition = field.extensions.get(GraphQLCoreConverter.DEFINITION_BACKREF)
            if definition is not None and "get_result" in vars(definition):
                found[f"{kind.name}.{name}"] = definition.get_result
    return found


@pytest.mark.parametrize("root", ["query", "mutation", "subscription"])
def test_a_root_field_without_a_weight_is_refused(root: str) -> None:
    @strawberry.type(name=root.title())
    class Root:
        fresh: str

    @strawberry.type
    class Query:
        viewer: str

    roots: dict[str, Any] = {"query": Query, root: Root}
    made = strawberry.Schema(**roots)
    with pytest.raises(UnweightedError, match=rf"lacks a weight for \['{root.title()}.fresh'\]"):
        refuse_unweighted(made._schema)


@pytest.mark.parametrize("table", ["WEIGHTS", "SIZES"])
def test_a_weight_of_a_field_that_is_gone_is_refused(
    table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(getattr(cost_weights, table), "Customer.renamed", 5)
    with pytest.raises(UnweightedError, match=r"'Customer\.renamed'"):
        build_schema()


@pytest.mark.parametrize(
    "place", ["Query.customers", "Mutation.saveCustomer", "Query.companySearch"]
)
def test_the_schema_is_not_built_without_the_weight_of_a_root_field(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(cost_weights.WEIGHTS, place)
    with pytest.raises(UnweightedError, match=f"lacks a weight for \\['{place}'\\]"):
        build_schema()


def test_a_schema_prints_the_same_after_another_could_not_be_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All schemas of a process share the fields, whose directives are declared before building."""
    built = build_schema()
    monkeypatch.delitem(cost_weights.WEIGHTS, "Query.customers")
    with pytest.raises(UnweightedError):
        build_schema()
    assert built.as_str() == COMMITTED.removesuffix("\n")
