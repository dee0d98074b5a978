"""The example front end without a browser: its documents fit the schema, and it stays small."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    build_schema,
    get_named_type,
    is_abstract_type,
    is_object_type,
    parse,
    validate,
)

ROOT = Path(__file__).resolve().parent.parent.parent
WEB = ROOT / "examples" / "web"
SDL = ROOT / "schema" / "schema.graphql"
APOLLO_CACHE = Path(__file__).with_name("apollo_cache.mjs")
URQL_CACHE = Path(__file__).with_name("urql_cache.mjs")
MAX_LINES = 3_300

needs_packages = pytest.mark.skipif(
    shutil.which("node") is None or not (WEB / "node_modules" / "graphql").is_dir(),
    reason="no Node.js, or examples/web has no packages: make web",
)


def test_each_document_of_the_example_is_valid() -> None:
    text = "\n".join(path.read_text() for path in sorted(WEB.glob("src/graphql/*.graphql")))
    faults = validate(build_schema(SDL.read_text()), parse(text))
    assert [fault.message for fault in faults] == []


def test_the_example_stays_small_enough_to_be_read() -> None:
    sources = [
        path
        for pattern in ("*.ts", "src/*.*", "src/parts/*", "src/pages/*")
        for path in WEB.glob(pattern)
    ]
    assert sum(path.read_text().count("\n") for path in sources) <= MAX_LINES


def test_the_lock_file_holds_no_download_addresses() -> None:
    packages = json.loads((WEB / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


@needs_packages
@pytest.mark.parametrize(
    ("cache", "expected"),
    [
        (
            "urql",
            [
                '"Node": [',
                "  UserError: () => null,\n",
                "customers: relayPagination()",
            ],
        ),
        (
            "apollo",
            [
                '"Node": [',
                "  UserError: { merge: true },\n",
                "  CountValue: { merge: false },\n",
                'customers: connection(["first","last","filter","sort"])',
                "userErrors: { merge: false }",
            ],
        ),
    ],
)
def test_the_configuration_of_a_cache_is_generated_from_the_schema(
    tmp_path: Path, cache: str, expected: list[str]
) -> None:
    written = tmp_path / "cache.ts"
    command = ["node", "cache-config.mjs", cache, str(SDL), str(written)]
    subprocess.run(command, cwd=WEB, check=True)
    text = written.read_text()
    assert [part for part in expected if part not in text] == []


@needs_packages
@pytest.mark.parametrize("arguments", [[], ["urql"], ["relay", str(SDL), "cache.ts"]])
def test_wrong_arguments_get_the_usage(arguments: list[str]) -> None:
    command = ["node", "cache-config.mjs", *arguments]
    ran = subprocess.run(command, cwd=WEB, check=False, capture_output=True, text=True)
    assert ran.returncode == 2
    assert ran.stderr.startswith("Usage: node cache-config.mjs urql|urql-schema|apollo")


def generated(cache: str, folder: Path) -> str:
    written = folder / f"{cache}.ts"
    subprocess.run(["node", "cache-config.mjs", cache, SDL, written], cwd=WEB, check=True)
    return written.read_text()


@needs_packages
def test_a_configuration_has_each_type_of_the_schema(tmp_path: Path) -> None:
    """Types that no cache could tell apart, types behind interfaces, and all connections."""
    schema = build_schema(SDL.read_text())
    roots = {"Query", "Mutation", "Subscription"}
    objects: dict[str, Any] = {
        name: kind
        for name, kind in schema.type_map.items()
        if is_object_type(kind) and not name.startswith("__")
    }
    keyless = {name for name, kind in objects.items() if "id" not in kind.fields} - roots
    abstract = {
        name: {one.name for one in schema.get_possible_types(kind)}
        for name, kind in schema.type_map.items()
        if is_abstract_type(kind)
    }
    connections = {
        (name, field)
        for name, kind in objects.items()
        for field, one in kind.fields.items()
        if get_named_type(one.type).name.endswith("Connection")
    }
    for cache, call in (("urql", "relayPagination"), ("apollo", "connection")):
        text = generated(cache, tmp_path)
        possible = json.loads(
            re.findall(r"export const possibleTypes = (\{.*?\n\})", text, re.DOTALL)[0]
        )
        assert {name: set(types) for name, types in possible.items()} == abstract
        if cache == "urql":
            assert set(re.findall(r"^  (\w+): \(\) => null,$", text, re.MULTILINE)) == keyless
        else:
            assert set(re.findall(r"^  (\w+): \{ merge: ", text, re.MULTILINE)) == keyless
        listed = {
            (name, field)
            for name, fields in re.findall(r"^  (\w+): \{ (.*) \},$", text, re.MULTILINE)
            for field in re.findall(rf"(\w+): {call}\(", fields)
        }
        assert listed == connections
    text = generated("urql-schema", tmp_path)
    data = json.loads(text.partition("export const schema")[2].partition(" = ")[2])
    told = {one["name"]: one for one in data["__schema"]["types"]}
    assert told.keys() == objects.keys() | abstract.keys() | {"Any"}
    for name, kind in objects.items():
        assert [one["name"] for one in told[name]["fields"]] == list(kind.fields)
        assert [one["name"] for one in told[name]["interfaces"]] == [
            one.name for one in kind.interfaces
        ]


@needs_packages
@pytest.mark.parametrize(
    ("cache", "check"),
    [
        ("apollo", APOLLO_CACHE),
        ("apollo-pages", APOLLO_CACHE),
        ("urql", URQL_CACHE),
        ("urql-schema", URQL_CACHE),
    ],
)
def test_a_configuration_works_in_its_cache(tmp_path: Path, cache: str, check: Path) -> None:
    """It joins pages, forgets what a mutation made stale, and the cache warns of nothing."""
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    config = {"extends": str(WEB / "tsconfig.json"), "include": ["*.ts"]}
    compiled = {"noEmit": False, "outDir": "compiled"}
    (tmp_path / "tsconfig.json").write_text(json.dumps({**config, "compilerOptions": compiled}))
    (tmp_path / "package.json").write_text('{ "type": "module" }')
    for command in (
        ["node", WEB / "cache-config.mjs", cache, SDL, tmp_path / f"{cache}.ts"],
        [WEB / "node_modules" / ".bin" / "tsc"],
        # Only the build for development warns.
        ["node", "--conditions=development", check, WEB, tmp_path / "compiled" / f"{cache}.js"],
    ):
        ran = subprocess.run(
            list(map(str, command)), cwd=tmp_path, check=False, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
