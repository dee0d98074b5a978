"""Rules of the code base: directions of imports, module docstrings, and sizes of modules."""

import ast
import re
import sys
from functools import cache

from tests.source_modules import ENTRIES, MODULES, PACKAGES

OURS = {*PACKAGES, *ENTRIES}
MAX_LINES = 400

RULES = {"models.rules"}
STORAGE = RULES | {"models.storage"}
TABLES = STORAGE | {"models", "models.tables"}
JOBS = TABLES | {"models.jobs"}
LISTS = JOBS | {"models.lists"}
CHANGES = LISTS | {"models.changes"}
TYPES = CHANGES | {"schema.base", "schema.types"}

MAY_IMPORT = {
    "models": TABLES | {"models.jobs"},
    "models.rules": RULES,
    "models.storage": STORAGE,
    "models.tables": TABLES,
    "models.jobs": JOBS,
    "models.lists": LISTS,
    "models.changes": CHANGES,
    "enrichment": CHANGES | {"enrichment"},
    "notifications": CHANGES | {"notifications"},
    "identity": CHANGES | {"identity"},
    "schema": set[str](),
    "schema.base": CHANGES | {"schema.base", "schema.engine"},
    "schema.engine": CHANGES | {"schema.base", "schema.engine"},
    "schema.types": TYPES,
    "schema.root": TYPES | {"schema.engine", "schema.root", "resolvers"},
    "resolvers": TYPES | {"resolvers"},
    "web": CHANGES | {"schema.base", "schema.engine", "schema.types", "web"},
    "observability": {"observability"},
    "observability.request_log": CHANGES | {"observability", "schema.base"},
    "observability.outcomes": {"schema.base"},
    "observability.tracing": JOBS | {"observability", "schema.base"},
    "observability.metrics_requests": STORAGE | {"observability", "schema.base", "schema.engine"},
    "observability.metrics_work": JOBS | {"observability"},
    "observability.metrics_gauges": LISTS | {"observability", "schema.base"},
    "observability.metrics_process": STORAGE | {"observability"},
    "commands": CHANGES
    | {"commands", "app", "opening", "settings", "observability", "web", "workers"},
    "commands.outside": {
        *("commands", "opening", "settings", "enrichment", "identity", "notifications"),
    },
    "commands.cross_check": {"commands", "enrichment"},
    "commands.doctor_checks": CHANGES | {"commands", "enrichment", "settings"},
    "commands.jobs": CHANGES | {"commands", "opening", "workers"},
    "setting_values": set[str](),
    "settings": {"setting_values"},
    "opening": CHANGES
    | {"enrichment", "identity", "observability", "schema.base", "settings", "workers"},
    "workers": CHANGES | {"enrichment", "notifications", "observability", "settings"},
}
"""By package or module: what it may import of the project. `app` and `manage` may import all."""

NEVER = {
    "models": {"strawberry", "starlette", "aiohttp"},
    "models.rules": {"tortoise", "strawberry", "starlette", "aiohttp", "asyncpg", "structlog"},
    "enrichment": {"strawberry", "starlette"},
    "notifications": {"strawberry", "starlette"},
    "identity": {"strawberry", "starlette"},
}
PURE_MAY_IMPORT = {*sys.stdlib_module_names, "lxml", "jinja2"}
"""Parsing XML and filling in templates are pure functions of text, so these are allowed."""


def top(name: str) -> str:
    return name.partition(".")[0]


def room(name: str) -> str:
    """Return the package of a module; below `models` and `schema` the subpackage."""
    parts = name.split(".")
    has_rooms = parts[0] in {"models", "schema"}
    return ".".join(parts[:2]) if has_rooms else parts[0]


@cache
def docstring_of(name: str) -> str:
    return ast.get_docstring(ast.parse(MODULES[name].read_text())) or ""


@cache
def imports_of(name: str) -> frozenset[str]:
    """Return the modules that a module imports, at its top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            inner = {f"{base}.{alias.name}" for alias in node.names}
            found |= (inner & MODULES.keys()) or {base}
    return frozenset(found)


@cache
def imports_at_run_time(name: str) -> frozenset[str]:
    """Return the modules that a module imports at its top, except for type checkers only."""
    found: set[str] = set()
    for node in ast.parse(MODULES[name].read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & MODULES.keys()) or {node.module}
    return frozenset(found - {name})


def drawn_in_by(name: str) -> set[str]:
    """Return all modules that a module imports, directly or through the project's modules."""
    seen: set[str] = set()
    ahead = {name}
    while ahead:
        seen |= ahead
        ahead = {each for one in ahead & MODULES.keys() for each in imports_of(one)} - seen
    return seen - {name}


def test_imports_point_one_way() -> None:
    wrong = [
        f"{name} imports {each}"
        for name in MODULES.keys() - {"app", "manage"}
        for each in imports_of(name)
        if (
            top(each) in OURS
            and room(each) not in MAY_IMPORT.get(name, MAY_IMPORT[room(name)])
            and top(each) not in MAY_IMPORT.get(name, MAY_IMPORT[room(name)]) - {"models", "schema"}
        )
        or top(each) in NEVER.get(top(name), ())
        or top(each) in NEVER.get(room(name), ())
        or top(each) in {"", "tests"}
    ]
    assert wrong == []


def test_no_modules_import_each_other() -> None:
    """Types that refer to each other use `strawberry.lazy`; no other import cycle is allowed."""
    circles = {name for name in MODULES if name in _reached_from(name)}
    assert circles == set()


def _reached_from(name: str) -> set[str]:
    seen: set[str] = set()
    ahead: set[str] = set(imports_at_run_time(name) & MODULES.keys())
    while ahead:
        seen |= ahead
        ahead = {e for one in ahead for e in imports_at_run_time(one) & MODULES.keys()} - seen
    return seen


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


def test_no_module_has_more_than_400_lines() -> None:
    lengths = {name: len(path.read_text().splitlines()) for name, path in MODULES.items()}
    long = {name: length for name, length in lengths.items() if length > MAX_LINES}
    assert long == {}, f"These have more than {MAX_LINES} lines; move what is another topic out."


RAW = re.compile(r"\b(get_connection|in_transaction|asyncpg|sqlite3|aiosqlite|RawSQL)\b|\.raw\(")
"""Functions that access the database without the ORM."""


def test_statements_go_out_by_the_ways_that_are_limited() -> None:
    """R99: another way to run statements would bypass the tenant scope."""
    known = {"connection_pool", "tenant_clients", "database", "database_faults", "sqlite_clients"}
    known |= {"locks", "migrate", "point_budget", "pooler", "read_pool", "sql", "savepoint"}
    known |= {"collision", "connection_limit", "pool_use"}
    known |= {"sqlite_epochs", "statement_time", "write_probe", "row_insert", "aiosqlite_internals"}
    found = {name for name, path in MODULES.items() if RAW.search(path.read_text())}
    allowed = {f"models.storage.{name}" for name in known}
    allowed.add("observability.logs")  # it contains the name of a driver's logger
    # They copy whole databases, for an operator at the command line, who has no tenant.
    copying = ("copying", "postgres_tools", "rows", "snapshots", "targets")
    allowed |= {f"commands.data.{name}" for name in copying}
    assert {name for name in found if top(name) in PACKAGES} == allowed
