"""Private names of GraphQL libraries are used in one module per library."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from graphql import parse
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from schema.engine import graphql_core_internals, strawberry_internals
from schema.engine.strawberry_internals import core_schema, definition_of, is_default_resolver
from tests.graphql_client import the_schema

ROOT = Path(__file__).parent.parent.parent.parent
INTERNALS = {
    "strawberry-graphql": (strawberry_internals, "strawberry_internals.py"),
    "graphql-core": (graphql_core_internals, "graphql_core_internals.py"),
}
MODULES = [
    path
    for path in sorted((ROOT / "schema").rglob("*.py"))
    if path.name not in {name for _, name in INTERNALS.values()}
]
PRIVATE = re.compile(
    r"\._(raw_info|strawberry_schema|provided_operation_name|is_default"
    r"|hide_suggestions|variable_usages|type_info|remaining_fragment_work)\b"
    r"|(?<!self)\._(schema|field)\b|\"_is_default\"|DEFINITION_BACKREF"
)
EXPORTING = {
    *("graphql", "graphql.execution", "graphql.language", "graphql.pyutils", "graphql.type"),
    *("graphql.utilities", "graphql.validation"),
}
"""The packages of graphql-core whose exported names are public."""


@pytest.mark.parametrize("library", INTERNALS)
def test_the_internals_of_the_installed_version_were_read(library: str) -> None:
    """After an upgrade, check each entry of the module, and then extend its version range."""
    module, _ = INTERNALS[library]
    assert version(library) in SpecifierSet(module.VERSIONS)


@pytest.mark.parametrize("library", INTERNALS)
def test_the_project_names_the_library_as_its_own_dependency(library: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [Requirement(one) for one in project["dependencies"]]
    (specifier,) = [one.specifier for one in named if one.name == library]
    assert version(library) in specifier


def imported(path: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from ((node.module or "", alias.name) for alias in node.names)


def test_no_other_module_of_the_schema_uses_a_private_name_of_a_library() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in MODULES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if PRIVATE.search(line)
    ]
    found += [
        f"{path.relative_to(ROOT)}: {module}.{name}"
        for path in MODULES
        for module, name in imported(path)
        if module.startswith(("graphql", "strawberry")) and (name[0] == "_" or "._" in module)
    ]
    assert found == []


def test_no_other_module_imports_what_graphql_core_does_not_export() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {module}.{name}"
        for path in MODULES
        for module, name in imported(path)
        if module.partition(".")[0] == "graphql" and module not in EXPORTING
    ]
    assert found == []


def test_fields_lead_to_their_definitions_and_tell_their_own_resolvers() -> None:
    customer = core_schema(the_schema()).type_map["Customer"]
    fields = getattr(customer, "fields")  # noqa: B009  # of any kind of type
    assert definition_of(fields["accountNumber"]).python_name == "account_number"
    assert definition_of(core_schema(the_schema()).type_map["String"]) is None
    reference = core_schema(the_schema()).type_map["PageInfo"]
    assert is_default_resolver(getattr(reference, "fields")["hasNextPage"].resolve)  # noqa: B009
    assert not is_default_resolver(core_schema(the_schema()).query_type)


def test_what_is_attached_to_a_node_stays_with_it() -> None:
    document = parse("{ a }")
    graphql_core_internals.attachments(document)["kept"] = 1
    assert graphql_core_internals.attachments(document)["kept"] == 1
    assert "kept" not in graphql_core_internals.attachments(parse("{ a }"))
