"""The docs match the code: generated pages, links, and names of code and settings."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from graphql import build_schema
from pydantic.fields import FieldInfo

from commands.documentation import generated_pages
from commands.documentation.configuration import configuration_page
from commands.documentation.error_codes import error_codes_page
from schema.base.errors import ErrorCode
from settings import Settings
from tests.documentation import documentation_sources

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
MAX_README_BYTES = 8_000

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
FILE = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.(?:py|md|graphql|json|toml|lock|yml)|(?:[\w.-]+/)+")
WORD = re.compile(r"\b[A-Za-z_]\w+\b")
NAME = re.compile(r"[A-Z]+(?:_[A-Z0-9]+)+")

FOREIGN_FILES = {"var/", "build/", "schema.graphql"}
"""Files and folders that the docs mention and that a checkout need not contain."""


def without_fences(page: Path) -> str:
    return FENCE.sub("", page.read_text())


@cache
def anchors_of(page: Path) -> frozenset[str]:
    headings = HEADING.findall(without_fences(page))
    kept = (re.sub(r"[^\w\s-]", "", heading.replace("`", "")) for heading in headings)
    return frozenset(re.sub(r"[\s]+", "-", heading.strip().lower()) for heading in kept)


@cache
def names_in(path: Path) -> frozenset[str]:
    """Return the names that a module defines: top-level names, class members and attributes."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Assign):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.add(node.target.id)
    return frozenset(found)


@cache
def words_of_the_code() -> frozenset[str]:
    sources = [
        path
        for path in (*ROOT.rglob("*.py"), ROOT / ".ci" / "run", ROOT / "Makefile")
        if not {".venv", "build", "node_modules"} & set(path.parts)
    ]
    words = {word for path in sources for word in WORD.findall(path.read_text())}
    return frozenset(words | {name.upper() for name in Settings.model_fields})


@cache
def pages_of_now() -> Mapping[str, str]:
    """Return the generated pages as the current sources produce them."""
    return generated_pages(documentation_sources())


def told(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("path", pages_of_now())
def test_a_generated_page_is_what_its_source_gives(path: str) -> None:
    assert (DOCS / path).read_text() == pages_of_now()[path], (
        f"docs/{path} is out of date: run make docs-generate"
    )


def test_a_setting_without_a_description_is_named_with_the_file_to_edit() -> None:
    fields = {**Settings.model_fields, "new_one": FieldInfo(annotation=int, default=1)}
    with pytest.raises(ValueError, match=r"settings\.py: describe \['new_one'\]"):
        configuration_page(fields)


def test_an_error_code_without_advice_is_named_with_the_file_to_edit() -> None:
    schema = build_schema(documentation_sources().schema.as_str())
    codes = [*(code.value for code in ErrorCode), "NEW_CODE"]
    with pytest.raises(ValueError, match=r"TOP_LEVEL in .*error_advice\.py .*: \['NEW_CODE'\]"):
        error_codes_page(codes, schema)


def links() -> Iterator[tuple[Path, str]]:
    for page in PAGES:
        for target in LINK.findall(without_fences(page)):
            if "://" not in target:
                yield page, target


def test_every_relative_link_leads_to_a_file_and_a_heading() -> None:
    broken = []
    for page, target in links():
        name, _, anchor = target.partition("#")
        there = (page.parent / name).resolve() if name else page
        is_found = there.exists() and (
            not anchor or there.suffix != ".md" or anchor in anchors_of(there)
        )
        broken += [] if is_found else [f"{told(page)}: {target}"]
    assert broken == []


def test_the_site_holds_every_page_that_its_pages_link_to() -> None:
    """Links to files outside docs/ work in a checkout, but not on the site."""
    outside = [
        f"{told(page)}: {target}"
        for page, target in links()
        if page.is_relative_to(DOCS)
        and not (page.parent / target.partition("#")[0]).resolve().is_relative_to(DOCS)
    ]
    assert outside == []


def test_every_file_that_is_named_exists() -> None:
    """Decision records are excluded, because they describe the files of their time."""
    missing = []
    for page in PAGES:
        for code in CODE.findall(without_fences(page)):
            if not FILE.fullmatch(code) or code.startswith("/") or page.parent.name == "adr":
                continue
            places = (ROOT / code, DOCS / code, ROOT / "tests" / code)
            if not any(place.exists() for place in places) and code not in FOREIGN_FILES:
                missing.append(f"{told(page)}: {code}")
    assert missing == []


def test_every_name_that_requirements_point_to_is_defined_in_its_file() -> None:
    stale = []
    requirements = DOCS / "requirements.md"
    for line in requirements.read_text().splitlines():
        if not line.startswith("| R"):
            continue
        where = line.split(" | ")[2]
        for path, names in re.findall(r"`([^`]+\.py)`([^`]*)", where):
            known = names_in(ROOT / path) if (ROOT / path).exists() else ()
            stale += [f"{path} {name}" for name in re.findall(r"\w+", names) if name not in known]
    assert stale == [], "docs/requirements.md names what is not defined there"


def test_every_test_that_requirements_point_to_exists() -> None:
    named = re.findall(r"`([\w/]+\.py)`", (DOCS / "requirements.md").read_text())
    missing = [
        one for one in named if not (ROOT / one).exists() and not (ROOT / "tests" / one).exists()
    ]
    assert missing == []


def cited_in(path: Path) -> set[str]:
    """Return the requirements that the docstrings of a module cite."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [one for one in ast.walk(ast.parse(path.read_text())) if isinstance(one, documented)]
    docstrings = " ".join(ast.get_docstring(node) or "" for node in nodes)
    return set(re.findall(r"\bR\d{1,3}\b", docstrings))


def test_every_test_that_cites_a_requirement_is_named_in_its_row() -> None:
    rows = {
        line.split(" | ")[0].removeprefix("| "): line.split(" | ")[3]
        for line in (DOCS / "requirements.md").read_text().splitlines()
        if line.startswith("| R")
    }
    tests = ROOT / "tests"
    missing = [
        f"{cited}: `{path.relative_to(tests)}`"
        for path in sorted(tests.rglob("test_*.py"))
        for cited in sorted(cited_in(path))
        if f"`{path.relative_to(tests)}`" not in rows.get(cited, "")
    ]
    assert missing == [], "Add each test to the row of the requirement in docs/requirements.md."


def test_every_name_in_capitals_is_one_of_the_code_or_a_setting() -> None:
    """Finds pages that still use the old name of a setting, code or constant."""
    unknown = [
        f"{told(page)}: {word}"
        for page in PAGES
        if page.name != "CHANGELOG.md" and "adr" not in page.parts
        for code in CODE.findall(without_fences(page))
        for word in NAME.findall(code)
        if word not in words_of_the_code()
    ]
    assert unknown == []


def test_the_readme_is_a_front_page() -> None:
    assert (ROOT / "README.md").stat().st_size <= MAX_README_BYTES


def test_every_page_is_reached_from_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text()
    missing = [
        str(page.relative_to(DOCS))
        for page in DOCS.rglob("*.md")
        if str(page.relative_to(DOCS)) not in navigation and page.parent.name != "adr"
    ]
    assert missing == []


def test_every_decision_is_listed() -> None:
    listed = (DOCS / "adr" / "README.md").read_text()
    missing = [page.name for page in (DOCS / "adr").glob("0*.md") if page.name not in listed]
    assert missing == []
