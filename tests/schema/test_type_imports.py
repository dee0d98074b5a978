"""Packages below the GraphQL types have no imports for type checkers only."""

import ast
from pathlib import Path

SCHEMA = Path(__file__).parent.parent.parent / "schema"


def test_foundation_and_engine_import_nothing_for_type_checkers_alone() -> None:
    """Such an import would hide a cycle from `test_no_modules_import_each_other`."""
    found = [
        path.relative_to(SCHEMA).as_posix()
        for room in ("base", "engine")
        for path in sorted((SCHEMA / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Name) and node.id == "TYPE_CHECKING"
    ]
    assert found == []
