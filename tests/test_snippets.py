"""The snippets of README.md and docs/front-end: they are valid, run, and answer as the pages say.

A `graphql` block may be followed by blocks titled `Variables` and `Answer`, in which `cus_…` stands
for the id of a sample customer. A `ts` block is an excerpt of the file that its first line names,
or else complete.
"""

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from graphql import OperationDefinitionNode, OperationType, parse, validate

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import LiveApi, serving, the_schema
from tests.sample_customers import sampled_api

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "examples" / "web"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "front-end").glob("*.md"))]
SOME_CUSTOMER = "cus_…"

FENCE = re.compile(r'^```(\w+)(?: title="(\w+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)
SHELL_CALL = re.compile(
    r"(?:(?P<name>[A-Z]+)=\$\()?\bgql '(?P<text>(?:[^']|'\$[A-Z]+')+)'"
    r"(?: \| grep -o '(?P<id>[^']+)')?"
)
SPLICE = re.compile(r"'\$([A-Z]+)'")
EXCERPT_OF = re.compile(r"// (examples/web/\S+)\n(.*)", re.DOTALL)
GAP = re.compile(r"^\s*// …\n", re.MULTILINE)

needs_compiler = pytest.mark.skipif(
    shutil.which("node") is None or not (WEB / "node_modules" / ".bin" / "tsc").is_file(),
    reason="no Node.js, or examples/web has no packages: make web",
)


@dataclass
class Block:
    language: str
    title: str
    text: str


@dataclass
class Snippet:
    """A document of a page, with the variables and the answer that the page shows."""

    document: str
    variables: str = "{}"
    answer: str | None = None
    shell_name: str | None = None
    id_pattern: str = ""


def blocks_of(page: Path) -> list[Block]:
    return [Block(*found) for found in FENCE.findall(page.read_text())]


def snippets_of(page: Path) -> list[Snippet]:
    found: list[Snippet] = []
    for block in blocks_of(page):
        if block.language == "sh":
            calls = SHELL_CALL.finditer(block.text)
            found += [
                Snippet(call["text"], shell_name=call["name"], id_pattern=call["id"] or "")
                for call in calls
            ]
        elif block.language == "graphql":
            found.append(Snippet(block.text))
        elif block.title == "Variables":
            found[-1].variables = block.text
        elif block.title == "Answer":
            found[-1].answer = block.text
    return found


def ts_blocks() -> list[tuple[Path, str]]:
    return [
        (page, block.text) for page in PAGES for block in blocks_of(page) if block.language == "ts"
    ]


def told(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
async def sampled(databases: Databases, clock: Clock) -> AsyncIterator[LiveApi]:
    async with sampled_api(databases, clock) as live:
        yield live


PAGES_WITH_SNIPPETS = [page for page in PAGES if snippets_of(page)]


def test_most_pages_show_documents() -> None:
    """Guards against a pattern that no longer finds them."""
    assert len(PAGES_WITH_SNIPPETS) >= 7
    assert sum(len(snippets_of(page)) for page in PAGES) >= 17


@pytest.mark.parametrize("page", PAGES_WITH_SNIPPETS, ids=told)
def test_each_document_of_a_page_is_valid(page: Path) -> None:
    schema = the_schema()._schema
    for snippet in snippets_of(page):
        faults = validate(schema, parse(SPLICE.sub("some-id", snippet.document)))
        assert faults == [], snippet.document


async def test_each_query_and_mutation_of_the_pages_runs_as_they_say(sampled: LiveApi) -> None:
    """In the order of each page, with the sample customers."""
    listed = await sampled.data("{ customers(first: 1) { nodes { id } } }")
    customer: str = listed["customers"]["nodes"][0]["id"]
    for page in PAGES_WITH_SNIPPETS:
        shell: dict[str, str] = {}
        for snippet in snippets_of(page):
            await run(sampled, page, snippet, customer, shell)


async def run(
    api: LiveApi, page: Path, snippet: Snippet, customer: str, shell: dict[str, str]
) -> None:
    """Run all operations of a snippet but subscriptions; keep an id that a shell variable takes."""
    text = SPLICE.sub(lambda splice: shell[splice[1]], snippet.document)
    variables = json.loads(snippet.variables.replace(SOME_CUSTOMER, customer))
    for operation in parse(text).definitions:
        assert isinstance(operation, OperationDefinitionNode)
        if operation.operation is OperationType.SUBSCRIPTION:
            continue  # only validated; other tests run such subscriptions
        body = await answer_of(api, text, operation, variables)
        if snippet.answer is not None:
            assert body == json.loads(snippet.answer), told(page)
        else:
            assert "errors" not in body, (told(page), body)
            assert user_errors(body["data"]) == [], told(page)
        if snippet.shell_name:
            found = re.search(snippet.id_pattern, json.dumps(body))
            assert found is not None, (told(page), body)
            shell[snippet.shell_name] = found[0]


async def answer_of(
    api: LiveApi, text: str, operation: OperationDefinitionNode, variables: dict[str, Any]
) -> dict[str, Any]:
    name = operation.name.value if operation.name else None
    content = {"query": text, "variables": variables, "operationName": name}
    headers = {"Authorization": f"Bearer {api.token}"}
    response = await api.http.post("/graphql", json=content, headers=headers)
    body: dict[str, Any] = response.json()
    body.pop("extensions", None)
    return body


def user_errors(data: dict[str, Any]) -> list[Any]:
    return [error for answer in data.values() for error in (answer.get("userErrors") or [])]


@pytest.mark.parametrize(("page", "text"), ts_blocks())
def test_an_excerpt_stands_in_the_file_that_it_names(page: Path, text: str) -> None:
    """Whatever its indentation. A line `// …` stands for lines that are left out."""
    named = EXCERPT_OF.fullmatch(text)
    if named is None:
        return  # it is complete, and compiled below
    rest = without_indentation((ROOT / named[1]).read_text())
    for part in GAP.split(named[2]):
        wanted = without_indentation(dedent(part))
        assert wanted in rest, f"{told(page)}: not in {named[1]}, or not in this order:\n{part}"
        rest = rest.partition(wanted)[2]


def without_indentation(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())


def configure_cache(cache: str, folder: Path) -> None:
    schema, written = ROOT / "schema" / "schema.graphql", folder / "generated" / "cache.ts"
    subprocess.run(["node", "cache-config.mjs", cache, schema, written], cwd=WEB, check=True)


@needs_compiler
def test_complete_typescript_compiles(tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    complete = [text for _, text in ts_blocks() if not EXCERPT_OF.fullmatch(text)]
    assert complete
    for cache in ("apollo", "urql"):
        configure_cache(cache, tmp_path / cache)
    for number, text in enumerate(complete):
        folder = tmp_path / ("apollo" if "@apollo/client" in text else "urql")
        (folder / f"snippet{number}.ts").write_text(text)
    config = {"extends": str(WEB / "tsconfig.json"), "include": ["**/*.ts"]}
    (tmp_path / "tsconfig.json").write_text(json.dumps(config))
    tsc = WEB / "node_modules" / ".bin" / "tsc"
    ran = subprocess.run([tsc], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


DRIVER = """
import { deepEqual } from 'node:assert'
const { address, token, customer, stranger } = JSON.parse(process.argv[2])
globalThis.WebSocket ??= (await import('ws')).WebSocket
globalThis.currentToken = async () => token
const { client } = await import('./client.js')
const { sha256Of } = await import('./sha256Of.js')
const { download } = await import('./download.js')
const found = []
for await (const one of client.iterate({ query: '{ viewer { name } }' })) found.push(one.data)
await client.dispose()
const { createApiClient } = await import('./apiClient.js')
let refusals = 0
const ask = (held) => createApiClient(held, () => (refusals += 1))
  .query('{ viewer { id name } }', {}).toPromise()
deepEqual((await ask(token)).data?.viewer.name, 'Tess Tester')
deepEqual(refusals, 0)
await ask('ccl_' + 'A'.repeat(43))
deepEqual(refusals, 1)
deepEqual(found, [{ viewer: { name: 'Tess Tester' } }])
deepEqual(await sha256Of(new File(['test'], 'test.txt')),
  '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08')
const link = { click: () => {} }
globalThis.document = { createElement: () => link }
const told = []
const outside = { fetch: (path, more) => fetch(`http://${address}${path}`, more),
  readToken: () => token, setProblem: (text) => told.push(text) }
await download(customer, outside)
deepEqual([link.download, told], [`consent-evidence-${customer}.csv`, []])
await download(stranger, outside)
deepEqual(told, ['There is no such customer.'])
"""
"""Runs the snippets: a query over graphql-ws and one by urql, a hash, a download, a refused one."""


@needs_compiler
async def test_typescript_that_needs_no_page_runs_against_the_api(
    sampled: LiveApi, tmp_path: Path
) -> None:
    texts = [text for _, text in ts_blocks()]
    (of_client,) = [text for text in texts if "export const client" in text]
    (of_api_client,) = [text for text in texts if "const ORIGIN" in text]
    (of_hash,) = [text for text in texts if "function sha256Of" in text]
    (both,) = [text for text in texts if "link.click()" in text]
    of_call, _, of_download = both.partition("// …\n")
    listed = await sampled.data("{ customers(first: 1) { nodes { id } } }")
    customer: str = listed["customers"]["nodes"][0]["id"]
    (tmp_path / "node_modules").symlink_to(WEB / "node_modules")
    async with serving(sampled.app) as address:
        sources = {
            "client": of_client.replace("127.0.0.1:8000", address),
            "apiClient": of_api_client.replace("127.0.0.1:8000", address).replace(
                "generated/cache", "generated/cache.js"
            ),
            "sha256Of": of_hash,
            "download": "type Outside = { fetch: typeof fetch; readToken(): string;"
            " setProblem(text: string): void }\nexport async function download(id: string,"
            " { fetch, readToken, setProblem }: Outside) {\n"
            "const path = `/exports/consent-evidence.csv?customerId=${id}&bom=true`\n"
            "const name = `consent-evidence-${id}.csv`\n"
            "async function callApi(path: string,"
            f" init: {{ headers?: Record<string, string> }} = {{}}) {{\n{of_call}}}\n"
            f"try {{\n{of_download}}} catch (error) {{ setProblem((error as Error).message) }}\n"
            "}\n",
        }
        configure_cache("urql", tmp_path)
        for name, text in sources.items():
            (tmp_path / f"{name}.ts").write_text(text)
        config = {"extends": str(WEB / "tsconfig.json"), "include": ["*.ts"], "exclude": []}
        options = {"noEmit": False, "outDir": ".", "rootDir": "."}
        (tmp_path / "tsconfig.json").write_text(json.dumps(config | {"compilerOptions": options}))
        (tmp_path / "package.json").write_text('{"type": "module"}')
        (tmp_path / "driver.js").write_text(DRIVER)
        told_to = {
            "address": address,
            "token": sampled.token,
            "customer": customer,
            "stranger": "cus_nobody",
        }
        for command in (
            [str(WEB / "node_modules" / ".bin" / "tsc")],
            ["node", "driver.js", json.dumps(told_to)],
        ):
            ran = await asyncio.create_subprocess_exec(
                *command,
                cwd=tmp_path,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, _ = await ran.communicate()
            assert ran.returncode == 0, output.decode()
