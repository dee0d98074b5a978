"""Compression of answers: which are compressed, as what, and that streams are not held back."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Callable

import brotli
import httpx
import pytest
import zstandard
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from tests.graphql_client import Api
from tests.listening import ENOUGH_S, listening
from tests.web.confirmation_pages import ask
from web.compression import Compressed

LONG = "{ __schema { types { name } } }"
SHORT = "{ viewer { name } }"
CSV = "/exports/delivery-exposure.csv?fromAt=2026-01-01T00:00:00Z&untilAt=2026-02-01T00:00:00Z"
ALL = "gzip, deflate, br, zstd"
DECODED: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "zstd": lambda sent: zstandard.ZstdDecompressor().decompressobj().decompress(sent),
}


async def sent(api: Api, path: str, query: str | None = None, **headers: str) -> httpx.Response:
    """Send a request; return the response, whose content is as it was sent."""
    request = api.http.build_request(
        "GET" if query is None else "POST",
        path,
        headers={"Authorization": f"Bearer {api.token}", **headers},
        json=None if query is None else {"query": query},
    )
    if "accept-encoding" not in {name.lower() for name in headers}:
        del request.headers["Accept-Encoding"]  # httpx sends one by default
    response = await api.http.send(request, stream=True)
    response._content = b"".join([part async for part in response.aiter_raw()])
    return response


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        (ALL, "zstd"),  # what current browsers send over HTTPS
        ("gzip, deflate, br", "gzip"),
        ("GZIP;q=0.5", "gzip"),
        ("br", "br"),
        ("*", "zstd"),
        ("zstd;q=0, br;q=1.0, *;q=0.1", "br"),
        ("zstd;q=0.1, gzip;q=0.5, br;q=0.5", "gzip"),
        ("gzip;q=0.5, identity", None),
        ("gzip, identity", "gzip"),
        ("gzip;;q=0", None),
        ("gzip;foo=bar;q=0", None),
        ("gzip; Q=0.5; foo", "gzip"),
        ("gzip;q=1.5", None),
        ("gzip;q=0, gzip", None),
        ("zstd;q=0.000, gzip; q=0 ,br", "br"),
        ("*;q=0", None),
        ("gzip;q=nonsense", None),
        ("identity", None),
        ("", None),
    ],
)
@pytest.mark.parametrize("media_type", ["application/json", "application/graphql-response+json"])
async def test_a_long_answer_is_compressed_as_its_client_accepts(
    api: Api, accepted: str, encoding: str | None, media_type: str
) -> None:
    plain = await sent(api, "/graphql", LONG, Accept=media_type)
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"
    response = await sent(api, "/graphql", LONG, Accept=media_type, **{"Accept-Encoding": accepted})
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["content-length"] == str(len(response.content))
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    types = b'{"data":{"__schema":{"types":[{"name":'
    assert types in plain.content
    assert types in DECODED[encoding](response.content)
    assert (len(response.content) < len(plain.content) / 2) is (encoding is not None)


async def test_several_headers_count_as_one(api: Api) -> None:
    headers = [
        ("Authorization", f"Bearer {api.token}"),
        ("Accept-Encoding", "gzip;q=0.5"),
        ("Accept-Encoding", "br"),
    ]
    response = await api.http.get("/schema.graphql", headers=headers)
    assert response.headers["content-encoding"] == "br"


async def test_a_short_answer_is_sent_as_it_is(api: Api) -> None:
    response = await sent(api, "/graphql", SHORT, **{"Accept-Encoding": ALL})
    assert "content-encoding" not in response.headers
    assert b'"Tess Tester"' in response.content


async def test_the_schema_and_exports_are_compressed_too(api: Api) -> None:
    schema = await sent(api, "/schema.graphql", **{"Accept-Encoding": "br"})
    assert schema.headers["content-encoding"] == "br"
    assert b"type Query" in brotli.decompress(schema.content)
    export = await sent(api, CSV, **{"Accept-Encoding": "gzip"})
    assert export.status_code == 200, export.content
    assert export.headers["content-encoding"] == "gzip"
    assert gzip.decompress(export.content).startswith(b"customerId,contactId,")


async def test_the_pages_of_links_are_never_compressed(api: Api) -> None:
    """R60: they hold the link's secret beside what a client sends."""
    mail = await ask(api)
    for path in (mail.path(), "/confirm/unknown"):
        page = await sent(api, path, **{"Accept-Encoding": ALL})
        assert "content-encoding" not in page.headers
        assert len(page.content) > 1_000


@pytest.mark.parametrize(
    "media_type", ["text/event-stream", 'multipart/mixed; boundary="-"', "text/csv"]
)
@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd"])
async def test_each_part_of_a_stream_arrives_before_the_next_is_made(
    media_type: str, encoding: str
) -> None:
    wanted = asyncio.Event()

    async def parts() -> AsyncIterator[bytes]:
        for part in (b"one ", b"two ", b"three"):
            yield part
            await asyncio.wait_for(wanted.wait(), ENOUGH_S)
            wanted.clear()

    async def streaming(scope: Scope, receive: Receive, send: Send) -> None:
        await StreamingResponse(parts(), media_type=media_type)(scope, receive, send)

    read = {
        "gzip": zlib.decompressobj(31).decompress,
        "br": brotli.Decompressor().process,
        "zstd": zstandard.ZstdDecompressor().decompressobj().decompress,
    }[encoding]
    arrived = []
    async with (
        listening(Compressed(streaming)) as address,
        httpx.AsyncClient(base_url=f"http://{address}") as http,
        http.stream("GET", "/", headers={"Accept-Encoding": encoding}) as response,
    ):
        assert response.headers["content-encoding"] == encoding
        async for sent_part in response.aiter_raw():
            text = read(sent_part)
            if text:
                arrived.append(text)
                wanted.set()
    assert arrived == [b"one ", b"two ", b"three"]
