"""Imports point one way, modules say what they are for, and none grows without bounds."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
LAYERS = (
    *("schema", "resolvers", "models", "enrichment", "notifications", "identity", "commands"),
    *("web", "observability"),
)
ENTRIES = ("app", "manage", "settings")
OURS = {*LAYERS, *ENTRIES}
MOST_LINES = 400

MAY_IMPORT = {
    "models": {"models"},
    "enrichment": {"enrichment", "models"},
    "notifications": {"notifications", "models"},
    "identity": {"identity", "models"},
    "schema": {"schema", "models"},
    "schema.root": {"schema", "resolvers", "models"},
    "schema.administration": {"schema", "resolvers", "models"},
    "resolvers": {"resolvers", "schema", "models"},
    "settings": set[str](),
    "commands": {"commands", "models", "app", "settings", "observability", "web"},
    "commands.outside": {"commands", "app", "settings", "enrichment", "identity", "notifications"},
    "commands.cross_check": {"commands", "enrichment"},
    "web": {"web"},
    "observability": {"observability"},
    "observability.request_log": {"observability", "schema", "models"},
    "app": OURS,
    "manage": OURS,
}
NEVER = {
    "models": {"strawberry", "starlette", "aiohttp"},
    "enrichment": {"strawberry", "starlette"},
    "notifications": {"strawberry", "starlette"},
    "identity": {"strawberry", "starlette"},
}
PURE_MAY_IMPORT = {*sys.stdlib_module_names, "lxml", "jinja2"}
"""Neither reading XML nor filling in a template is input or output: text in, text out."""

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for pattern in (
        *(f"{name}/**/*.py" for name in LAYERS),
        *(f"{name}.py" for name in ENTRIES),
    )
    for path in sorted(ROOT.glob(pattern))
    if path.parent.name != "migrations"
}


def top(name: str) -> str:
    return name.partition(".")[0]


@cache
def docstring_of(name: str) -> str:
    return ast.get_docstring(ast.parse(MODULES[name].read_text())) or ""


@cache
def imports_of(name: str) -> frozenset[str]:
    """Give the modules that a module imports, at its top or anywhere inside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            inner = {f"{base}.{alias.name}" for alias in node.names}
            found |= (inner & MODULES.keys()) or {base}
    return frozenset(found)


def drawn_in_by(name: str) -> set[str]:
    """Give all that a module imports, and what our modules among that import in turn."""
    seen: set[str] = set()
    ahead = {name}
    while ahead:
        seen |= ahead
        ahead = {each for one in ahead & MODULES.keys() for each in imports_of(one)} - seen
    return seen - {name}


def test_imports_point_one_way() -> None:
    wrong = [
        f"{name} imports {each}"
        for name in MODULES
        for each in imports_of(name)
        if (top(each) in OURS and top(each) not in MAY_IMPORT.get(name, MAY_IMPORT[top(name)]))
        or top(each) in NEVER.get(top(name), ())
        or top(each) in {"", "tests"}
        or (each == "schema.root" and name not in ENTRIES)
    ]
    assert wrong == []


def test_pure_modules_draw_in_nothing_but_the_standard_library() -> None:
    pure = [name for name in MODULES if docstring_of(name).partition("\n\n")[0].endswith("PURE.")]
    wrong = [
        f"{name} draws in {each}"
        for name in pure
        for each in drawn_in_by(name)
        if each not in MODULES and top(each) not in PURE_MAY_IMPORT
    ]
    assert wrong == []
    assert len(pure) >= 8


def test_every_module_says_what_it_is_for() -> None:
    empty = {name for name in MODULES if not MODULES[name].read_text().strip()}
    assert [name for name in MODULES.keys() - empty if not docstring_of(name)] == []


def test_no_module_is_longer_than_a_reader_has_patience_for() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > MOST_LINES} == {}


RAW = re.compile(r"\b(get_connection|in_transaction|asyncpg|sqlite3|aiosqlite|RawSQL)\b|\.raw\(")
"""Ways to the database that pass by the ORM."""


def test_statements_go_out_by_the_ways_that_are_limited() -> None:
    """R99: whoever finds another way to the database finds other people's customers."""
    known = {"connection_pool", "connections", "database", "database_faults", "lite_connections"}
    known |= {"locks", "migrate", "point_budget", "pooler", "reading_connections", "sql"}
    known |= {"lite_epochs", "statement_time", "write_probe", "writing"}
    found = {name for name, path in MODULES.items() if RAW.search(path.read_text())}
    allowed = {f"models.{name}" for name in known}
    allowed.add("observability.logs")  # it names the logger of a driver
    assert {name for name in found if top(name) in LAYERS} == allowed
