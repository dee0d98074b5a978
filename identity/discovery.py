"""Fetches the identity provider's discovery document and keys over HTTP."""

from typing import Any

import aiohttp
import orjson
from yarl import URL

from identity.errors import ProviderFault
from identity.provider import Provider

MAX_ANSWER = 262_144
_CHUNK = 16_384
_OK = 200


async def published_keys(session: aiohttp.ClientSession, provider: Provider) -> list[Any]:
    """Return the keys that the provider publishes, as unchecked JSON; raises ProviderFault."""
    url = await _keys_url(session, provider)
    answer = await _json_object(session, url, provider.key_refresh.timeout_s)
    keys = answer.get("keys")
    if not isinstance(keys, list):
        raise ProviderFault("NO_KEYS")
    return keys


async def _keys_url(session: aiohttp.ClientSession, provider: Provider) -> URL:
    if provider.jwks_url is not None:
        return URL(provider.jwks_url, encoded=True)
    about = await _json_object(session, provider.discovery_url, provider.key_refresh.timeout_s)
    if about.get("issuer") != provider.issuer:
        # Keys must not be taken from the discovery document of another issuer.
        raise ProviderFault("WRONG_ISSUER")
    address = about.get("jwks_uri")
    try:
        return provider.trusted(address if isinstance(address, str) else "", "jwks_uri")
    except ValueError:
        raise ProviderFault("UNTRUSTED_KEYS_ADDRESS") from None


async def _json_object(
    session: aiohttp.ClientSession, url: URL, timeout_s: float
) -> dict[str, Any]:
    """Send one GET, without following redirects, and return the JSON object in the answer.

    Raises ProviderFault if there is none, or it takes more than `timeout_s` seconds or MAX_ANSWER
    bytes.
    """
    try:
        async with session.get(
            url,
            # A small compressed answer could become very large when decompressed.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as response:
            if response.status != _OK:
                raise ProviderFault(f"STATUS_{response.status}")
            body = await _bounded(response)
    except TimeoutError:
        raise ProviderFault("TIMED_OUT") from None
    except (aiohttp.ClientError, OSError, ValueError):
        raise ProviderFault("NO_CONNECTION") from None
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ProviderFault("NOT_JSON") from None
    if not isinstance(found, dict):
        raise ProviderFault("NOT_JSON")
    return found


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > MAX_ANSWER:
            raise ProviderFault("TOO_LARGE")
    return bytes(body)
