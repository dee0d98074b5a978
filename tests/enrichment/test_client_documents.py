"""Fetching documents: metadata from the API, content from the URL that it redirects to."""

from dataclasses import replace

import pytest
from aiohttp import web

from enrichment import errors
from tests.enrichment.wire import KEY, NO_WAITS, CountingLimiter, client_of, scripted

LINK = "https://frontend-doc-api.companieshouse.gov.uk/document/8_jg"


@pytest.fixture
def limiter() -> CountingLimiter:
    return CountingLimiter()


async def test_a_document_link_to_any_host_is_asked_of_the_configured_one(
    limiter: CountingLimiter,
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"path": request.path_qs})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        for link in (LINK, "https://evil.example/document/8_jg", "/document/8_jg"):
            assert await client.document_metadata(link) == {"path": "/document/8_jg"}
        with pytest.raises(errors.InvalidDocumentLink):
            await client.document_metadata("https://evil.example/steal?me=1")
    assert limiter.acquired == 3


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/a",
        "http://10.0.0.1/a",
        "https://s3.eu-west-2.amazonaws.com/a",
        "",
        "/a",
    ],
)
async def test_content_that_redirects_elsewhere_is_refused_without_a_request(
    limiter: CountingLimiter, location: str
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.RedirectRefused):
            await client.document_content(LINK, "application/xhtml+xml")
    assert limiter.acquired == 1


async def test_content_without_a_location_is_refused(limiter: CountingLimiter) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=302)

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.RedirectRefused):
            await client.document_content(LINK, "application/xhtml+xml")


async def test_content_that_comes_without_a_redirect_is_taken(limiter: CountingLimiter) -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.headers["Accept"] == "application/xhtml+xml"
        return web.Response(body=b"<html/>")

    async with scripted(answer) as url, client_of(url, limiter) as client:
        assert await client.document_content(LINK, "application/xhtml+xml") == b"<html/>"


async def test_the_store_is_asked_with_its_signature_verbatim_and_without_the_key(
    limiter: CountingLimiter,
) -> None:
    stored: list[web.Request] = []

    async def store(request: web.Request) -> web.Response:
        stored.append(request)
        return web.Response(body=b"document")

    async with scripted(store) as storage_url:
        target = f"{storage_url}/docs/a%2Bb?X-Amz-Signature=a%2Bb%2Fc%3D&empty="

        async def answer(_: web.Request) -> web.Response:
            return web.Response(
                status=302, headers={"Location": target, "Set-Cookie": "a=b; Path=/"}
            )

        async with scripted(answer) as url, client_of(url, limiter) as client:
            assert await client.document_content(LINK, "application/pdf") == b"document"
    assert stored[0].raw_path == "/docs/a%2Bb?X-Amz-Signature=a%2Bb%2Fc%3D&empty="
    assert "Authorization" not in stored[0].headers
    assert "Cookie" not in stored[0].headers
    assert KEY not in str(dict(stored[0].headers))
    assert limiter.acquired == 1


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
async def test_a_store_that_refuses_is_asked_by_a_new_link_at_most_twice_more(
    limiter: CountingLimiter, status: int
) -> None:
    async def answer(request: web.Request) -> web.Response:
        if request.path.startswith("/document/"):
            return web.Response(status=302, headers={"Location": f"http://{request.host}/stored"})
        return web.Response(status=status, headers={"X-Ratelimit-Remain": "0"})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.StorageFault) as caught:
            await client.document_content(LINK, "application/pdf")
    assert caught.value.status == status
    assert limiter.acquired == 3
    assert limiter.held_off == []


async def test_a_store_that_redirects_again_is_not_followed(limiter: CountingLimiter) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"http://{request.host}/stored"})

    async with scripted(answer) as url, client_of(url, limiter) as client:
        with pytest.raises(errors.RedirectRefused):
            await client.document_content(LINK, "application/pdf")


@pytest.mark.parametrize("is_announced", [False, True])
async def test_a_document_is_cut_off_at_the_cap(
    limiter: CountingLimiter, *, is_announced: bool
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if is_announced:
            response.content_length = 10_001
        await response.prepare(request)
        await response.write(b"x" * 10_001)
        return response

    limits = replace(NO_WAITS, document_bytes=10_000)
    async with scripted(answer) as url, client_of(url, limiter, limits=limits) as client:
        with pytest.raises(errors.DocumentTooLarge):
            await client.document_content(LINK, "application/pdf")
    limits = replace(NO_WAITS, document_bytes=10_001)
    async with scripted(answer) as url, client_of(url, limiter, limits=limits) as client:
        assert len(await client.document_content(LINK, "application/pdf")) == 10_001


@pytest.mark.parametrize("content_type", ["", "x", "text/html\r\nX: y", "text/ html", "a/b/c"])
async def test_what_is_no_content_type_is_never_sent(
    limiter: CountingLimiter, content_type: str
) -> None:
    async with client_of("http://127.0.0.1:1", limiter) as client:
        with pytest.raises(ValueError, match="not a content type"):
            await client.document_content(LINK, content_type)
    assert limiter.acquired == 0
