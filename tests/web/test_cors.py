"""CORS: which origins may use the API; simple requests of other origins change nothing."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx
import pytest
from structlog.testing import capture_logs

from settings import Settings
from tests.clock import Clock
from tests.databases import Databases
from tests.graphql_client import Api, connected, running_api, serving, stored
from tests.web.confirmation_pages import ask, guarded
from web.cors import Cors, RefusedOrigins, is_cross_site, parsed_origin

APP, OTHER = "https://app.example", "https://evil.example"
ADVICE = "Pages of this origin may not call the API. To allow it, set CORS_ORIGINS."
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}
USUAL = "Authorization, Content-Type, Idempotency-Key, X-Request-Id"
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
    "Idempotent-Replayed",
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
        ("http://localhost:*", "http://localhost:*"),
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
        "https://app.example:30*",
        "https://",
        "https://a b",
    ],
)
async def test_what_is_no_exact_origin_stops_the_start(
    databases: Databases, clock: Clock, text: str
) -> None:
    with pytest.raises(ValueError, match="CORS_ORIGINS must be origins"):
        Cors([text])
    with pytest.raises(ValueError, match="CORS_ORIGINS must be origins"):
        async with running_api(databases, clock, cors_origins=(text,)):
            pass


@pytest.mark.parametrize("path", ["/graphql", "/schema.graphql", "/exports/x.csv"])
async def test_a_preflight_of_an_allowed_origin_needs_no_token(api: Api, path: str) -> None:
    response = await api.http.options(path, headers={"Origin": APP, **PREFLIGHT})
    assert (response.status_code, response.content) == (204, b"")
    assert allowed(response) == APP
    assert response.headers["access-control-allow-methods"] == "GET, POST"
    assert response.headers["access-control-allow-headers"] == "authorization,content-type"
    assert response.headers["access-control-max-age"] == "7200"
    assert "x-request-id" in response.headers


@pytest.mark.parametrize(
    ("wanted", "answered"),
    [
        (
            "authorization,baggage,content-type,sentry-trace,traceparent",
            "authorization,baggage,content-type,sentry-trace,traceparent",
        ),
        ("apollographql-client-name, X-My_Header", "apollographql-client-name, X-My_Header"),
        (None, USUAL),
        ("", USUAL),
        ("x-one\tx-two", USUAL),  # no list of header names
        ("x" * 4_001, USUAL),
    ],
)
async def test_a_preflight_allows_the_headers_that_it_asks_for(
    api: Api, wanted: str | None, answered: str
) -> None:
    """Tracing and client libraries add headers of their own; none of them grants anything."""
    asked = {} if wanted is None else {"Access-Control-Request-Headers": wanted}
    headers = {"Origin": APP, "Access-Control-Request-Method": "POST", **asked}
    response = await api.http.options("/graphql", headers=headers)
    assert (response.status_code, response.headers["access-control-allow-headers"]) == (
        204,
        answered,
    )


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
    assert (preflight.status_code, allowed(preflight)) == (403, None)
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
        assert preflight.status_code == 403
        assert preflight.text.endswith("Its operator can allow it in CORS_ORIGINS.\n")
        response = await api.post(VIEWER, headers={"Origin": APP})
        for one in (preflight, response):
            assert [name for name in one.headers if name.startswith("access-control")] == []
            assert "vary" not in one.headers


@pytest.mark.parametrize(
    ("origin", "is_allowed"),
    [
        ("http://localhost:5173", True),
        ("http://localhost", True),
        ("http://127.0.0.1:65535", True),
        ("https://localhost:5173", False),
        ("http://localhost.evil.example", False),
        ("http://localhost:5173.evil.example", False),
        ("http://localhost:", False),
        ("http://localhost:123456", False),
        ("http://localhost:*", False),
        ("http://127.0.0.2:5173", False),
    ],
)
async def test_development_lets_local_pages_in_on_any_port(
    databases: Databases, clock: Clock, origin: str, *, is_allowed: bool
) -> None:
    local = Settings(cors_origins=()).for_development.cors_origins
    async with running_api(databases, clock, cors_origins=local) as api:
        expected = origin if is_allowed else None
        assert allowed(await api.post(VIEWER, headers={"Origin": origin})) == expected
        preflight = await api.http.options("/graphql", headers={"Origin": origin, **PREFLIGHT})
        assert (preflight.status_code, allowed(preflight)) == (
            204 if is_allowed else 403,
            expected,
        )
        async with serving(api.app) as address:
            if is_allowed:
                async with connected(address, Origin=origin) as socket:
                    await socket.sign_in(api.token)
                return
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with connected(address, Origin=origin):
                    pass


async def test_a_refused_origin_is_logged_once_with_the_setting_that_allows_it(api: Api) -> None:
    async with serving(api.app) as address:
        with capture_logs() as lines:
            for _ in range(3):
                await api.post(VIEWER, headers={"Origin": OTHER})
                await api.http.options("/graphql", headers={"Origin": OTHER, **PREFLIGHT})
            await api.http.options("/graphql", headers={"Origin": "null", **PREFLIGHT})
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with connected(address, Origin="https://socket.example"):
                    pass
            await api.post(VIEWER, headers={"Origin": APP})
            await api.post(VIEWER, headers={"Origin": "https://api.example"})
            await api.post(VIEWER, headers={"Origin": "http://api.test"})  # the requested host
    assert [
        (line["origin"], line["advice"], line["log_level"])
        for line in lines
        if line["event"] == "origin_refused"
    ] == [(one, ADVICE, "warning") for one in (OTHER, "null", "https://socket.example")]


def test_refused_origins_cannot_fill_the_log() -> None:
    seconds = 0.0
    refused = RefusedOrigins(now=lambda: seconds)
    with capture_logs() as lines:
        for number in range(100):
            refused.note(b"https://%d.example" % number)
        seconds = 59.0
        refused.note(b"https://late.example")
        seconds = 60.0
        refused.note(b"https://0.example" + b"x" * 1_000)
    origins = [line["origin"] for line in lines]
    assert origins[:10] == [f"https://{number}.example" for number in range(10)]
    assert [len(one) for one in origins[10:]] == [200]


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
    assert is_cross_site(headers, "https://api.example") is expected


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
