"""The start page, the playground and the docs: when they are served, and with which headers."""

import base64
import gzip
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import brotli
import httpx
import pytest

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api

SCRIPT = "document.title = 1"
ASSET = "/playground/assets/page-BEM7FxRi.js"
CODE = b"console.log(1)"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def write_built(folder: Path) -> None:
    """Write what `make playground` and `make docs` write, in small."""
    assets, docs = folder / "playground" / "assets", folder / "site" / "adr"
    assets.mkdir(parents=True)
    docs.mkdir(parents=True)
    (folder / "playground" / "index.html").write_text("<h1>Playground</h1>")
    asset = assets / "page-BEM7FxRi.js"
    asset.write_bytes(CODE)
    asset.with_name(f"{asset.name}.br").write_bytes(brotli.compress(CODE))
    asset.with_name(f"{asset.name}.gz").write_bytes(gzip.compress(CODE))
    (folder / "site" / "index.html").write_text(f"<h1>Docs</h1><script>{SCRIPT}</script>")
    (docs / "index.html").write_text("<h1>Decisions</h1>")
    (folder / "playground.log").write_text("private")


@pytest.fixture
async def api(
    databases: Databases, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Api]:
    """Yield the application with everything built."""
    write_built(tmp_path / "build")
    monkeypatch.setattr("app.ROOT", tmp_path)
    async with running_api(databases, clock, playground=True) as started:
        yield started


async def test_nothing_of_it_is_served_unless_the_setting_is_on(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock) as api:
        for path in ("/", "/playground", "/playground/", ASSET, "/docs/", "/docs/index.html"):
            assert (await api.http.get(path)).status_code == 404
        opened = await api.http.get("/graphql", headers=BROWSER)
        assert opened.status_code == 401


async def test_the_start_page_leads_to_everything_and_holds_no_script(api: Api) -> None:
    response = await api.http.get("/", headers=BROWSER)
    assert response.status_code == 200
    for link in ("playground/", "docs/index.html", "docs/front-end/first-day.html", "healthz"):
        assert f'href="{link}"' in response.text
    assert "http://127.0.0.1:8000/graphql" in response.text
    assert "<script" not in response.text
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


async def test_what_is_not_built_is_said_and_not_linked(
    databases: Databases, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ROOT", tmp_path)
    async with running_api(databases, clock, playground=True) as api:
        page = (await api.http.get("/")).text
        assert 'href="playground/"' not in page
        assert 'href="docs/index.html"' not in page
        assert "<code>make playground</code> builds it" in page
        assert "<code>make docs</code> builds" in page
        assert (await api.http.get("/playground/")).status_code == 404
        opened = await api.http.get("/graphql", headers=BROWSER)
        assert (opened.status_code, opened.headers["location"]) == (303, "./")


async def test_a_browser_that_opens_the_endpoint_gets_to_the_playground(api: Api) -> None:
    opened = await api.http.get("/graphql", headers=BROWSER)
    assert (opened.status_code, opened.headers["location"]) == (303, "playground/")
    query = {"query": "{ viewer { name } }"}
    clients = (
        *("application/json", "application/json, text/html", "text/html;q=0"),
        *("text/html;q=0.5, application/graphql-response+json", "*/*"),
    )
    for headers, params in (
        ({}, None),
        (BROWSER, query),
        *(({"Accept": accepted}, None) for accepted in clients),
    ):
        response = await api.http.get("/graphql", headers=headers, params=params)
        assert response.status_code in {401, 406}


@pytest.mark.parametrize(("path", "there"), [("/playground", "playground/"), ("/docs", "docs/")])
async def test_without_the_last_slash_a_relative_redirect_follows(
    api: Api, path: str, there: str
) -> None:
    """Relative, since a proxy may serve the API below a path of its own."""
    response = await api.http.get(path, headers={"Host": "evil.example"})
    assert (response.status_code, response.headers["location"]) == (303, there)


def policy_of(response: httpx.Response) -> dict[str, str]:
    directives = response.headers["content-security-policy"].split("; ")
    return dict(one.partition(" ")[::2] for one in directives)


@pytest.mark.parametrize("path", ["/playground/", "/playground/index.html", ASSET])
async def test_the_playground_may_run_no_inline_script_and_call_no_other_origin(
    api: Api, path: str
) -> None:
    """The policy of a worker is that of its own file, so assets have it too."""
    policy = policy_of(await api.http.get(path))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["worker-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["form-action"] == "'none'"


async def test_the_docs_may_run_exactly_their_own_inline_scripts(api: Api) -> None:
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    for path in ("/docs/", "/docs/index.html", "/docs/adr/"):
        response = await api.http.get(path)
        assert response.status_code == 200
        assert policy_of(response)["script-src"] == f"'self' 'sha256-{digest}'"


async def test_hashed_files_are_cached_for_good_and_pages_are_checked_each_time(api: Api) -> None:
    asset = await api.http.get(ASSET)
    assert asset.headers.get_list("cache-control") == ["public, max-age=31536000, immutable"]
    page = await api.http.get("/playground/")
    assert page.headers.get_list("cache-control") == ["no-cache"]
    again = await api.http.get("/playground/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await api.http.get("/")).headers.get_list("cache-control") == ["no-store"]
    for response in (asset, page, again):
        assert response.headers["x-content-type-options"] == "nosniff"
        assert response.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.5, gzip", "gzip"),
        ("*", "br"),
        ("*, br;;q=0", "gzip"),
        ("identity", None),
    ],
)
async def test_a_file_is_sent_in_the_copy_that_the_client_can_decode(
    api: Api, accepted: str, encoding: str | None
) -> None:
    request = api.http.build_request("GET", ASSET, headers={"Accept-Encoding": accepted})
    response = await api.http.send(request, stream=True)
    sent = b"".join([part async for part in response.aiter_raw()])
    assert response.headers.get("content-encoding") == encoding
    decoded = {"br": brotli.decompress, "gzip": gzip.decompress, None: bytes}[encoding]
    assert decoded(sent) == CODE
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["content-length"] == str(len(sent))
    assert "Accept-Encoding" in response.headers.get_list("vary")


@pytest.mark.parametrize(
    "path",
    [
        "/playground/../playground.log",
        "/playground/%2e%2e/playground.log",
        "/playground/..%2fplayground.log",
        "/playground//../playground.log",
        "/playground/%2fetc/passwd",
        "/playground/assets",
        "/playground/assets/",
        f"{ASSET}.br",
        f"{ASSET}%00",
        "/docs/adr",
        "/docs/missing.html",
    ],
)
async def test_nothing_else_can_be_read(api: Api, path: str) -> None:
    url = httpx.URL("http://api.test").copy_with(raw_path=path.encode())
    response = await api.http.get(url)
    assert response.status_code == 404


@pytest.mark.parametrize("path", ["/", "/playground/", ASSET])
async def test_files_are_only_read(api: Api, path: str) -> None:
    assert (await api.http.post(path)).status_code == 405
    head = await api.http.head(path)
    assert (head.status_code, head.content) == (200, b"")
