"""Checks external services: mail server, identity provider and Companies House."""

from typing import TYPE_CHECKING

from commands.findings import Finding
from opening import register_endpoints
from settings import Settings

if TYPE_CHECKING:
    from enrichment.client import CompaniesHouse

ANY_COMPANY = "00000006"
"""A company number to request; the answer `not found` also proves that the API key is accepted."""


class _NoLimit:
    """A limiter that allows the single request of a check, without using the shared budget."""

    async def acquire(self, *, is_search: bool = False) -> None: ...

    async def hold_off(self, seconds: float) -> None: ...

    async def note_fault(self) -> None: ...

    async def note_success(self) -> None: ...


async def check_mail_server(settings: Settings) -> list[Finding]:
    """Return a problem if connecting and signing in to the mail server fails; sends no mail."""
    if settings.smtp_url is None:
        return []
    from notifications.errors import MailDelayed  # noqa: PLC0415  # servers need not load it
    from notifications.mail_transport import transport_of  # noqa: PLC0415  # servers need not load it
    from notifications.smtp_transport import SmtpTransport  # noqa: PLC0415  # servers need not load it

    post = transport_of(settings)
    assert isinstance(post, SmtpTransport)  # noqa: S101  # since its address is set
    try:
        await post.check()
    except MailDelayed as fault:
        message = f"Connecting or signing in to the mail server failed: {fault.code}."
        return [Finding("MAIL_SERVER_UNREACHABLE", "SMTP_URL", message)]
    return []


async def check_provider(settings: Settings) -> list[Finding]:
    """Return a problem if the keys of the identity provider cannot be fetched."""
    if settings.oidc_issuer is None:
        return []
    import aiohttp  # noqa: PLC0415  # servers need not load it

    from identity.discovery import published_keys  # noqa: PLC0415  # servers need not load it
    from identity.errors import ProviderFault  # noqa: PLC0415  # servers need not load it
    from identity.key_set import key_set  # noqa: PLC0415  # servers need not load it
    from identity.provider import provider_of  # noqa: PLC0415  # servers need not load it

    provider = provider_of(settings)
    assert provider is not None  # noqa: S101  # since its issuer is set
    async with aiohttp.ClientSession(trust_env=False) as session:
        try:
            code = "" if key_set(await published_keys(session, provider)).keys else "NO_KEYS"
        except ProviderFault as fault:
            code = fault.code
    message = f"The identity provider's keys cannot be fetched: {code}."
    return [Finding("IDENTITY_PROVIDER_FAILED", "OIDC_ISSUER", message)] if code else []


async def check_register(settings: Settings) -> list[Finding]:
    """Return a problem if Companies House refuses the API key, or does not answer."""
    if settings.companies_house_sandbox or not settings.has_register:
        return []
    from enrichment.client import companies_house  # noqa: PLC0415  # servers need not load it

    async with companies_house(
        endpoints=register_endpoints(settings), api_key=settings.api_key, limiter=_NoLimit()
    ) as client:
        return await _ask(client)


async def _ask(client: "CompaniesHouse") -> list[Finding]:
    from enrichment.errors import (  # noqa: PLC0415  # servers need not load it
        Blocked,
        CompaniesHouseFault,
        NotFound,
    )

    try:
        await client.company_profile(ANY_COMPANY)
    except NotFound:
        return []
    except Blocked as fault:
        message = f"Companies House refuses the API key: {fault.code}."
        return [Finding("REGISTER_KEY_REFUSED", "COMPANIES_HOUSE_API_KEY", message)]
    except CompaniesHouseFault as fault:
        message = f"Companies House does not answer: {fault.code}."
        return [Finding("REGISTER_UNREACHABLE", "COMPANIES_HOUSE_URL", message)]
    return []
