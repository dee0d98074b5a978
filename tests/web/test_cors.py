"""CORS: which origins may use the API; simple requests of other origins change nothing."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest

from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, connected, running_api, serving, stored
from tests.web.confirmation_pages import ask, guarded
from web.cors import Cors, is_from_elsewhere, parsed_origin

APP, OTHER = "https://app.example", "https://evil.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}
VIEWER = "{ viewer { name } }"
ADD = 'mutation { saveCustomer(input: { name: "A", classCode: "CHARITY" }) { customer { id } } }'
SHOWN = {
    "X-Request-Id",
    "Retry-After",
    "RateLimit",
    "RateLimit-Policy",
    "GraphQL-Cost",
    "WWW-Authenticate",
    "Content-Disposition",
}


@pytest.fixture
async def api(databases: Databases, clock: Clock) -> AsyncIterator[Api]:
    origins = f"{APP}, http://localhost:3000"
    async with running_api(
        databases,
        clock,
        cors_origins=origins,
        public_url="https://api.example",
        auth_failure_limit=1,
    ) as started:
        yield started


def allowed(response: httpx.Response) -> str | None:
    """Return the allowed origin of a response; asserts the other CORS headers."""
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers.get_list("vary") == ["Origin"]
    origin: str | None = response.headers.get("access-control-allow-origin")
    return origin


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://app.example", "https://app.example"),
        ("HTTPS://App.Example:443/", "https://app.example"),
        ("http://localhost:80", "http://localhost"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_an_origin_is_kept_as_browsers_send_it(text: str, expected: str) -> None:
    assert parsed_origin(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "app.example",
        "https://*.app.example",
        "https://app.example/path",
        "https://ann@app.example",
        "https://app.example?x",
        "https://app.example:https",
        "https://",
        "https://a b",
    ],
)
async def test_what_is_no_exact_origin_stops_the_start(
    databases: Databases, clock: Clock, text: str
) -> None:
    with pytest.raises(ValueError, match="CORS_ORIGINS must be schemes, hosts and maybe ports"):
        Cors([text])
    with pytest.raises(ValueError, match="CORS_ORIGINS must be schemes, hosts and maybe ports"):
        async with running_api(databases, clock, cors_origins=(text,)):
            pass


@pytest.mark.parametrize("path", ["/graphql", "/schema.graphql", "/exports/x.csv"])
async def test_a_preflight_of_an_allowed_origin_needs_no_token(api: Api, path: str) -> None:
    response = await api.http.options(path, headers={"Origin": APP, **PREFLIGHT})
    assert (response.status_code, response.content) == (204, b"")
    assert allowed(response) == APP
    assert response.headers["access-control-allow-methods"] == "GET, POST"
    assert response.headers["access-control-allow-headers"] == (
        "Authorization, Content-Type, X-Request-Id"
    )
    assert response.headers["access-control-max-age"] == "7200"
    assert "x-request-id" in response.headers


@pytest.mark.parametrize(
    "origin",
    [
        OTHER,
        "null",
        "*",
        "",
        "http://app.example",
        "https://app.example:8443",
        "https://app.example.evil.example",
        "https://evilapp.example",
        "https://APP.example",
        "https://api.example",
        f"{APP}, {OTHER}",
    ],
)
async def test_another_origin_is_told_nothing(api: Api, origin: str) -> None:
    """Nor are other spellings of an allowed origin, because browsers send only one."""
    preflight = await api.http.options("/graphql", headers={"Origin": origin, **PREFLIGHT})
    assert (preflight.status_code, allowed(preflight)) == (401, None)
    assert "access-control-allow-methods" not in preflight.headers
    assert allowed(await api.post(VIEWER, headers={"Origin": origin})) is None


async def test_options_that_is_no_preflight_is_a_method_like_others(api: Api) -> None:
    response = await api.http.options(
        "/graphql", headers={"Origin": APP, "Authorization": f"Bearer {api.token}"}
    )
    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST")


async def test_an_allowed_origin_may_read_answers_and_their_headers(api: Api) -> None:
    response = await api.post(VIEWER, headers={"Origin": APP})
    assert response.json()["data"] == {"viewer": {"name": "Tess Tester"}}
    assert allowed(response) == APP
    assert set(response.headers["access-control-expose-headers"].split(", ")) == SHOWN
    local = await api.post(VIEWER, headers={"Origin": "http://localhost:3000"})
    assert allowed(local) == "http://localhost:3000"
    assert allowed(await api.post(VIEWER)) is None


async def test_an_allowed_origin_may_read_refusals_and_failures(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = {"Origin": APP, "Accept": "application/json"}
    guess = page | {"Authorization": f"Bearer ccl_{'A' * 43}"}

    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError

    seen = [
        await api.http.post("/graphql", json={"query": VIEWER}, headers=page),
        await api.http.post("/graphql", json={"query": VIEWER}, headers=guess),
        await api.http.post("/graphql", json={"query": VIEWER}, headers=guess),
        await api.http.get("/schema.graphql", headers=guess),
        await api.http.get("/nothing", headers=page),
        await api.http.put("/healthz", headers=page),
    ]
    monkeypatch.setattr("models.tables.access.Principals.of", fail)
    seen.append(await api.http.post("/graphql", json={"query": VIEWER}, headers=guess))
    seen.append(await api.http.get("/schema.graphql", headers=guess))
    assert [allowed(one) for one in seen] == [APP] * 8
    assert [(one.status_code, one.json()["errors"][0]["extensions"]["code"]) for one in seen] == [
        (401, "UNAUTHENTICATED"),
        (401, "UNAUTHENTICATED"),
        (429, "RATE_LIMITED"),
        (429, "RATE_LIMITED"),
        (404, "NOT_FOUND"),
        (405, "BAD_REQUEST"),
        (500, "INTERNAL_ERROR"),
        (500, "INTERNAL_ERROR"),
    ]


async def test_without_an_allow_list_no_page_is_told_anything(
    databases: Databases, clock: Clock
) -> None:
    async with running_api(databases, clock) as api:
        preflight = await api.http.options("/graphql", headers={"Origin": APP, **PREFLIGHT})
        assert preflight.status_code == 401
        response = await api.post(VIEWER, headers={"Origin": APP})
        for one in (preflight, response):
            assert [name for name in one.headers if name.startswith("access-control")] == []
            assert "vary" not in one.headers


@pytest.mark.parametrize(
    ("headers", "is_allowed"),
    [
        ({}, True),  # not a browser
        ({"Origin": APP}, True),
        ({"Origin": "https://api.example"}, True),  # the server's own pages, by PUBLIC_URL
        ({"Origin": "http://{address}"}, True),  # and by the request's host
        ({"Origin": OTHER}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://app.example"}, False),
        ({"Origin": "https://api.example.evil.example"}, False),
    ],
)
async def test_a_page_of_another_origin_opens_no_websocket(
    api: Api, headers: dict[str, str], is_allowed: bool
) -> None:
    async with serving(api.app) as address:
        given = {name: value.format(address=address) for name, value in headers.items()}
        if is_allowed:
            async with connected(address, **given) as socket:
                await socket.sign_in(api.token)
            return
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with connected(address, Authorization=f"Bearer {api.token}", **given):
                pass
        assert refused.value.status == 403


SIMPLE_TYPES = [
    None,
    "text/plain",
    "text/plain; charset=utf-8",
    "text/plain;application/json",
    "text/plain; charset=application/json",
    "text/plain, application/json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-8; application/json",
    "multipart/form-data; boundary=application/json",
    "multipart/form-data; boundary=x; type=application/json",
    "application/jsonp",
    "application/json; charset=utf-16",
    "application/json-patch",
    "",
]
"""Content types that need no preflight, and types similar to JSON."""


@pytest.mark.parametrize("content_type", SIMPLE_TYPES)
async def test_no_simple_request_changes_anything(api: Api, content_type: str | None) -> None:
    """Even if it is authenticated, for example by a proxy that adds the header."""
    headers = {"Authorization": f"Bearer {api.token}", "Origin": OTHER}
    if content_type is not None:
        headers["Content-Type"] = content_type
    before = await stored()
    body = f'{{"query": "{ADD.replace(chr(34), chr(92) + chr(34))}"}}'
    response = await api.http.post("/graphql", content=body.encode(), headers=headers)
    assert response.status_code == 415
    form = {"query": ADD, "operations": body}
    response = await api.http.post("/graphql", data=form, headers=headers)
    assert response.status_code == 415
    assert await stored() == before


@pytest.mark.parametrize("content_type", SIMPLE_TYPES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_no_mutation_goes_by_get_whatever_its_type(
    api: Api, method: str, content_type: str | None
) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    if content_type is not None:
        headers["Content-Type"] = content_type
    before = await stored()
    response = await api.http.request(
        method, "/graphql", params={"query": ADD}, headers=headers, content=b"query=x"
    )
    assert response.status_code == 405
    assert await stored() == before


async def test_a_token_in_a_cookie_or_in_the_address_opens_nothing(api: Api) -> None:
    """Browsers send these automatically, so other sites could use them to act for a user."""
    cookies = {"Cookie": f"Authorization=Bearer {api.token}; token={api.token}"}
    query = {"query": VIEWER, "access_token": api.token, "authorization": f"Bearer {api.token}"}
    response = await api.http.get("/graphql", params=query, headers=cookies)
    assert response.status_code == 401


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),  # a program, or a mail provider's one-click unsubscribe
        (
            {"sec-fetch-site": "same-origin", "origin": "null"},
            False,
        ),  # the confirmation page sends no referrer
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": "same-site"}, True),
        ({"sec-fetch-site": "cross-site", "origin": "https://api.example"}, True),
        ({"sec-fetch-site": "nonsense"}, True),
        ({"origin": "null"}, False),
        ({"origin": "https://api.example"}, False),
        ({"origin": "http://10.0.0.1:8000", "host": "10.0.0.1:8000"}, False),
        ({"origin": OTHER, "host": "10.0.0.1:8000"}, True),
        ({"origin": OTHER}, True),
        ({"origin": ""}, True),
    ],
)
def test_a_form_is_from_elsewhere_when_the_browser_says_so(
    headers: dict[str, str], expected: bool
) -> None:
    assert is_from_elsewhere(headers, "https://api.example") is expected


async def test_another_sites_form_confirms_nothing(api: Api) -> None:
    """R60: another site that knows a link cannot submit its form for a visitor."""
    mail = await ask(api)
    before = await stored()
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": OTHER}):
        response = await api.http.post(mail.path(), headers=headers)
        assert response.status_code == 403
        assert "did not come from our page" in guarded(response).words
    assert await stored() == before
    own = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
    assert (await api.http.post(mail.path(), headers=own)).status_code == 200
