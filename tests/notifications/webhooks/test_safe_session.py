"""Nothing on loopback is reached by a webhook, however its URL names it."""

import socket
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from models import WebhookEndpoint
from models.storage.secret_cipher import SecretCipher
from models.tables.webhook import WebhookOptions
from notifications.webhooks.poster import Poster
from notifications.webhooks.safe_session import PublicResolver, UnsafeTargetError, open_session
from tests.clock import Clock
from tests.webhook_receiver import OPTIONS, receiving


class Names(AbstractResolver):
    """Answers with the next of some lists of addresses."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self._answers.pop(0)
        ]

    async def close(self) -> None:
        """Close nothing."""


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", "[::1]", "①②⑦.⓪.⓪.①"),  # noqa: S104  # refused
        *("localhost", "0x7f000001", "2130706433", "0177.0.0.1", "127.1", "0"),
    ],
)
async def test_loopback_is_not_dialled(host: str) -> None:
    async with receiving() as receiver, open_session(allows_private=False) as session:
        port = receiver.url.split(":")[2].split("/")[0]
        with pytest.raises((aiohttp.ClientError, OSError, ValueError)):
            await session.post(f"http://{host}:{port}/", data=b"", allow_redirects=False)
        assert receiver.taken == []


async def test_a_name_that_turns_private_is_refused_when_dialled() -> None:
    async with receiving() as receiver:
        port = receiver.url.split(":")[2].split("/")[0]
        names = Names(["127.0.0.1"])
        async with open_session(allows_private=False, resolver=names) as session:
            session.connector._resolver = names  # type: ignore[union-attr]  # as if the check of names were passed
            with pytest.raises(aiohttp.ClientConnectorError) as refused:
                await session.post(f"http://partner.example.com:{port}/", data=b"")
        assert isinstance(refused.value.os_error, UnsafeTargetError)
        assert receiver.taken == []


@pytest.mark.parametrize("answer", [["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["::ffff:10.0.0.1"]])
async def test_an_answer_with_any_private_address_is_refused(answer: list[str]) -> None:
    with pytest.raises(UnsafeTargetError):
        await PublicResolver(Names(answer)).resolve("partner.example.com")
    found = await PublicResolver(Names(["8.8.8.8"])).resolve("partner.example.com")
    assert [one["host"] for one in found] == ["8.8.8.8"]


@pytest.mark.parametrize("url", ["http://partner.example.com/", "https://127.0.0.1/", "https://x/"])
async def test_a_stored_url_that_is_no_longer_allowed_is_not_posted_to(
    url: str, clock: Clock
) -> None:
    assert await _posted(url, clock, Names()) == "UNSAFE_TARGET"


async def test_the_outcome_says_that_the_target_is_unsafe(clock: Clock) -> None:
    names = Names(["10.0.0.1"])
    assert await _posted("https://partner.example.com/", clock, names) == "UNSAFE_TARGET"


async def test_redirects_and_proxies_are_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving() as receiver, receiving() as other:
        monkeypatch.setenv("HTTP_PROXY", other.url)
        monkeypatch.setenv("http_proxy", other.url)
        receiver.always = 302
        async with open_session(allows_private=True) as session:
            posted = await session.post(receiver.url, data=b"", allow_redirects=False)
            assert posted.status == 302
        assert other.taken == []


async def test_an_unreadable_secret_sends_nothing(clock: Clock) -> None:
    async with receiving() as receiver, open_session(allows_private=True) as session:
        endpoint = WebhookEndpoint(url=receiver.url, secret="1.AAAA")
        result = await Poster(session, OPTIONS, clock).post(endpoint, "evt_1", b"{}")
        assert (result.error, receiver.taken) == ("SECRET_UNREADABLE", [])


async def _posted(url: str, clock: Clock, names: Any) -> str | None:
    cipher = SecretCipher()
    endpoint = WebhookEndpoint(url=url, secret=cipher.encrypt("whsec_c2VjcmV0", "x"))
    async with open_session(allows_private=False, resolver=names) as session:
        poster = Poster(session, WebhookOptions(cipher), clock)
        return (await poster.post(endpoint, "evt_1", b"{}")).error
