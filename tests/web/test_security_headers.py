"""Security headers of all routes, and the handling of the Host header."""

from collections import Counter
from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.routing import Route, WebSocketRoute

from observability.version import version
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, running_api
from tests.web.confirmation_pages import ask, guarded

ON_ALL = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "x-version": version(),
}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "NONSENSE")
APP = "https://app.example"


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    async with running_api(databases, clock, cors_origins=APP) as started:
        yield started


def checked(response: httpx.Response, scheme: str) -> None:
    """Assert the headers of every response, once each, and the further ones of pages."""
    where = f"{response.request.method} {response.request.url} {response.status_code}"
    headers = response.headers
    assert {name: headers.get(name) for name in ON_ALL} == ON_ALL, where
    assert headers.get("strict-transport-security") == (
        "max-age=31536000" if scheme == "https" else None
    ), where
    assert len(headers["x-request-id"]) == 32, where
    repeated = [name for name, times in Counter(headers.keys()).items() if times > 1]
    assert set(repeated) <= {"vary"}, where
    assert headers.get_list("vary") in (["Origin"], ["Accept-Encoding", "Origin"]), where
    if "text/html" in headers.get("content-type", ""):
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-"), where
        for word in ("unsafe", "*", "http", "data:"):
            assert word not in policy, where
        assert "frame-ancestors 'none'" in policy, where
        assert "form-action 'self'" in policy, where
        assert "permissions-policy" in headers, where
        if response.request.method != "HEAD":
            guarded(response)


async def test_every_answer_of_every_route_has_them(api: Api) -> None:
    mail = await ask(api)
    token = mail.path().rsplit("/", 1)[1]
    paths = {"/graphql", "/nothing", "/", f"/confirm/{token}", "/confirm/x"}
    for route in api.app.routes:
        assert isinstance(route, Route | WebSocketRoute)
        paths.add(route.path.format(token=token, import_id="imp_none"))
    assert {"/healthz", "/readyz", "/schema.graphql", f"/withdraw/{token}"} <= paths
    transport = api.http._transport
    kinds = set()
    for scheme in ("http", "https"):
        async with httpx.AsyncClient(transport=transport, base_url=f"{scheme}://a.test") as http:
            for path in sorted(paths):
                for method in METHODS:
                    for accept in ("application/json", "text/html"):
                        for sign_in in ({}, {"Authorization": f"Bearer {api.token}"}):
                            response = await http.request(
                                method, path, headers={"Accept": accept, **sign_in}
                            )
                            checked(response, scheme)
                            kinds.add(
                                (
                                    response.status_code,
                                    response.headers.get("content-type", "").partition(";")[0],
                                )
                            )
    assert {
        (200, "application/json"),
        (200, "text/html"),
        (200, "text/plain"),
        (400, "text/plain"),
        (401, "application/json"),
        (401, "text/plain"),
        (404, "text/html"),
        (404, "application/json"),
        (405, "application/json"),
        (405, "text/plain"),
        (406, "application/json"),
    } <= kinds


@pytest.mark.parametrize("path", ["/nothing", "/healthz/x", "/graphql/", "/confirm", "//graphql"])
async def test_an_unknown_path_is_not_found_in_the_form_that_was_asked_for(
    api: Api, path: str
) -> None:
    """R95."""
    response = await api.http.get(path, headers={"Accept": "application/json"})
    assert (response.status_code, response.json()) == (
        404,
        {"errors": [{"message": "Not Found.", "extensions": {"code": "NOT_FOUND"}}]},
    )
    response = await api.http.get(path, headers={"Accept": "text/html"})
    assert (response.status_code, response.text) == (404, "Not Found.\n")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "TRACE", "OPTIONS"])
async def test_a_method_that_a_path_does_not_take_is_told_with_those_that_it_takes(
    api: Api, method: str
) -> None:
    headers = {"Accept": "application/json", "Authorization": "Bearer secret", "Cookie": "a=b"}
    response = await api.http.request(method, "/healthz", headers=headers)
    assert (response.status_code, response.json()["errors"][0]["extensions"]) == (
        405,
        {"code": "BAD_REQUEST"},
    )
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert "secret" not in response.text


async def test_nothing_is_made_of_the_host_that_was_asked_for(
    databases: Databases, clock: Clock
) -> None:
    """Links start with PUBLIC_URL, so a caller cannot change where a mail's links lead."""
    async with running_api(databases, clock, public_url="https://api.example") as api:
        api.http.headers.update(
            {
                "Host": "evil.example",
                "X-Forwarded-Host": "evil.example",
                "Forwarded": "host=evil.example",
            }
        )
        mail = await ask(api)
        assert [link.partition("/confirm/")[0] for link in mail.links] == ["https://api.example"]
        assert "evil" not in mail.text + mail.html
        for path in (mail.path(), "/graphql/", "/nothing"):
            response = await api.http.get(path)
            assert "evil" not in response.text
            assert "location" not in response.headers
