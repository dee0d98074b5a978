"""Checks and splits the values of settings; each check raises ValueError with what is wanted."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

MAIL_ADDRESS = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+")

POSTGRES_SCHEMES = ("postgres", "postgresql", "asyncpg")

LEGAL_AUDIT_DAYS = 2_192
"""Six years, in days: the database refuses to delete younger audit entries."""

_SHOWN = {
    "organisation_name": "must be plain text without line breaks",
    "organisation_privacy_url": "must begin with http:// or https://, followed by a host",
    "organisation_contact": "must be an email address, or begin with http:// or https://,"
    " followed by a host",
}


def split(text: str) -> list[str]:
    """Return the words of a text that are separated by spaces or commas."""
    return text.replace(",", " ").split()


def networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Return the networks in the value of TRUSTED_PROXIES."""
    try:
        return tuple(ip_network(one) for one in split(text))
    except ValueError:
        wanted = "IP addresses and networks separated by commas, such as 10.0.0.0/8"
        raise ValueError(f"TRUSTED_PROXIES must be {wanted}") from None


def plain_origin(url: str) -> str:
    """Return the value of PUBLIC_URL without a slash at its end."""
    if not is_web_address(url) or "?" in url or "#" in url:
        wanted = "begin with http:// or https://, followed by a host and, if needed, a path"
        raise ValueError(f"PUBLIC_URL must {wanted}")
    return url.rstrip("/")


def known_database(url: str, name: str) -> str:
    """Return the value of the setting `name`, the URL of a database."""
    is_direct = name == "database_direct_url"
    schemes = POSTGRES_SCHEMES if is_direct else ("sqlite", *POSTGRES_SCHEMES)
    if url.partition("://")[0] not in schemes:
        wanted = "postgres://" if is_direct else "sqlite:// or postgres://"
        raise ValueError(f"{name.upper()} must begin with {wanted}")
    return url


def origin_of(url: str) -> str | None:
    """Return the origin of a URL as browsers send it; None if the URL has no host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else None


def check_register(url: str | None, document_url: str | None, *, is_named_twice: bool) -> None:
    """Raise ValueError if the settings about Companies House do not fit together."""
    if document_url and not url:
        raise ValueError("COMPANIES_HOUSE_DOCUMENT_URL needs COMPANIES_HOUSE_URL")
    if is_named_twice:
        raise ValueError(
            "COMPANIES_HOUSE_SANDBOX must not be set together with COMPANIES_HOUSE_API_KEY or"
            " COMPANIES_HOUSE_URL"
        )


def legal_period(days: float) -> float:
    """Return the value of KEEP_AUDIT_DAYS."""
    if 0 < days < LEGAL_AUDIT_DAYS:
        least = f"at least {LEGAL_AUDIT_DAYS} (six years)"
        raise ValueError(f"KEEP_AUDIT_DAYS must be 0, to keep entries for ever, or {least}")
    return days


def email_address(address: str, name: str) -> str:
    """Return the value of the setting `name`, an email address."""
    if not MAIL_ADDRESS.fullmatch(address):
        raise ValueError(f"{name.upper()} must be an email address")
    return address


def shown_text(text: str, name: str) -> str:
    """Return the value of the setting `name`, which describes the organisation."""
    is_name = name == "organisation_name"
    is_shown = is_name and text.isprintable() and text.strip() == text
    is_mail = name == "organisation_contact" and MAIL_ADDRESS.fullmatch(text)
    if is_shown or is_mail or (not is_name and is_web_address(text)):
        return text
    raise ValueError(f"{name.upper()} {_SHOWN[name]}")


def is_web_address(url: str) -> bool:
    """Return whether a text is an http or https URL without a user name."""
    parts = urlsplit(url)
    is_plain = bool(parts.hostname) and not parts.username and url.isprintable() and " " not in url
    return parts.scheme in {"http", "https"} and is_plain


def is_unspecified(host: str) -> bool:
    """Return whether a host means every interface; no client can connect to such an address."""
    return not host.strip("0.:")  # also for short forms of 0.0.0.0


def check_pooler(url: str, pooler: str | None, direct_url: str | None) -> None:
    """Raise ValueError if the settings of a pooler do not fit the database's URL."""
    if url.startswith("sqlite") and (pooler or direct_url):
        both = "DATABASE_POOLER and DATABASE_DIRECT_URL may be set"
        raise ValueError(f"{both} only if DATABASE_URL is a postgres:// address")
    if pooler == "transaction" and not direct_url:
        raise ValueError(
            "DATABASE_POOLER=transaction needs DATABASE_DIRECT_URL: such a pooler delivers no"
            " notifications, so revoked tokens would stay valid"
        )
