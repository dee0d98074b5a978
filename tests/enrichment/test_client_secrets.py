"""The API key and signed links do not appear in logs, errors or requests to other hosts."""

import base64
import logging

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from enrichment import errors
from enrichment.client import CompaniesHouse, new_session
from enrichment.endpoints import Endpoints
from tests.enrichment.wire import KEY, CountingLimiter, client_of, scripted

LINK = "https://frontend-doc-api.companieshouse.gov.uk/document/8_jg"
ENCODED_KEY = base64.b64encode(f"{KEY}:".encode()).decode()


@pytest.fixture
def limiter() -> CountingLimiter:
    return CountingLimiter()


def everything_in(error: BaseException) -> str:
    """Return all text of an exception: messages, attributes, causes and contexts."""
    texts, current = [], [error]
    while current:
        one = current.pop()
        texts.append(f"{one!r} {one} {vars(one)}")
        current += [linked for linked in (one.__cause__, one.__context__) if linked is not None]
    return " ".join(texts)


async def test_neither_key_nor_signature_reaches_a_log_or_an_exception(
    limiter: CountingLimiter, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/content"):
            target = f"http://{request.host}/stored?X-Amz-Signature=SECRETSIGNATURE"
            return web.Response(status=302, headers={"Location": target})
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    with capture_logs() as logs:
        async with scripted(answer) as url, client_of(url, limiter) as client:
            assert KEY not in repr(client)
            with pytest.raises(errors.ConnectionFailed) as profile:
                await client.company_profile("00000101")
            with pytest.raises(errors.ConnectionFailed) as content:
                await client.document_content(LINK, "application/pdf")
    everything = (
        f"{logs} {caplog.text} {everything_in(profile.value)} {everything_in(content.value)}"
    )
    assert {entry["event"] for entry in logs} >= {"companies_house.answered"}
    for secret in (KEY, ENCODED_KEY, "SECRETSIGNATURE", "X-Amz"):
        assert secret not in everything


@pytest.mark.parametrize(
    "key", ["", "with:colon", "with space", "with\nbreak", "k\u00e9y", "x" * 201]
)
async def test_a_key_that_cannot_be_sent_is_refused_without_being_shown(key: str) -> None:
    async with new_session() as one, new_session() as other:
        with pytest.raises(ValueError, match="1 to 200 visible characters") as caught:
            CompaniesHouse(
                one, other, endpoints=Endpoints(), api_key=key, limiter=CountingLimiter()
            )
    assert not key or key not in str(caught.value)


async def test_a_storage_session_with_credentials_is_refused() -> None:
    async with new_session() as one, new_session() as other:
        other.headers["authorization"] = "Basic x"
        for storage in (one, other):
            with pytest.raises(ValueError, match="must not have credentials"):
                CompaniesHouse(
                    one, storage, endpoints=Endpoints(), api_key=KEY, limiter=CountingLimiter()
                )
