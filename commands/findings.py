"""Finds problems that settings would cause in production, for the log and `manage.py check`."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import ip_network
from urllib.parse import urlsplit

from commands.unknown_variables import resembling
from settings import Settings

SQLITE = "SQLITE"
UNKNOWN_VARIABLE = "UNKNOWN_VARIABLE"
BEYOND_CONNECTIONS = 64
"""The number of files that a process opens besides connections to clients and database."""
RENAMED = {
    "GUESSES": "AUTH_FAILURE_LIMIT",
    "GUESS_WINDOW_S": "AUTH_FAILURE_WINDOW_S",
    "MOST_CONNECTIONS": "MAX_CONNECTIONS",
}
"""The present name of a setting, by a former name."""
EVERYBODY = (ip_network("0.0.0.0/0"), ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem or a hint, with the environment variable to change, if there is one.

    A hint does not make `manage.py check` fail.
    """

    code: str
    variable: str | None
    message: str
    is_hint: bool = False


Rule = Callable[[Settings], Finding | None]


def findings_of(settings: Settings, names: Iterable[str]) -> list[Finding]:
    """Return the problems of settings, and of names of environment variables, without I/O."""
    found = [rule(settings) for rule in RULES]
    return [one for one in found if one is not None] + unknown_variables(names)


def unknown_variables(names: Iterable[str]) -> list[Finding]:
    """Return a problem for each name that is probably a misspelt or old name of a setting."""
    names = set(names)
    renamed = [
        Finding(
            UNKNOWN_VARIABLE,
            old,
            f"{old} has no effect, because the setting is called {new} now. Rename it.",
        )
        for old, new in RENAMED.items()
        if old in names
    ]
    return renamed + [
        Finding(
            UNKNOWN_VARIABLE,
            name,
            f"{name} is not a setting and has no effect. Did you mean {nearest}?",
        )
        for name, nearest in resembling(names - RENAMED.keys(), Settings.model_fields).items()
    ]


def _register(settings: Settings) -> Finding | None:
    if settings.companies_house_sandbox:
        return Finding(
            "SANDBOX",
            "COMPANIES_HOUSE_SANDBOX",
            "Customers get made-up company data from the local sandbox. Unset"
            " COMPANIES_HOUSE_SANDBOX and set COMPANIES_HOUSE_API_KEY.",
        )
    if not settings.has_register:
        return Finding(
            "NO_REGISTER_KEY",
            "COMPANIES_HOUSE_API_KEY",
            "Customers are not looked up at Companies House: lookups wait until"
            " COMPANIES_HOUSE_API_KEY is set.",
        )
    if settings.companies_house_api_key is None:
        return Finding(
            "NO_REGISTER_KEY",
            "COMPANIES_HOUSE_API_KEY",
            "Requests to COMPANIES_HOUSE_URL carry the API key of a sandbox. Set"
            " COMPANIES_HOUSE_API_KEY.",
        )
    return None


def _mail(settings: Settings) -> Finding | None:
    if settings.smtp_url is not None:
        return None
    return Finding(
        "NO_MAIL_SERVER",
        "SMTP_URL",
        f"Mails are written to files in {settings.mailbox} and not sent. Set SMTP_URL.",
    )


def _webhooks(settings: Settings) -> Finding | None:
    if settings.webhook_private_targets:
        return Finding(
            "PRIVATE_WEBHOOKS",
            "WEBHOOK_PRIVATE_TARGETS",
            "Webhooks may be sent to addresses of your own network, by anybody who may save an"
            " endpoint. Unset WEBHOOK_PRIVATE_TARGETS.",
        )
    if settings.webhook_keys is None:
        return Finding(
            "NO_WEBHOOK_KEYS",
            "WEBHOOK_KEYS",
            "Secrets of webhooks are stored unencrypted. Set WEBHOOK_KEYS to a long random text.",
            is_hint=True,
        )
    return None


def _database(settings: Settings) -> Finding | None:
    if not settings.database_url.startswith("sqlite"):
        return None
    return Finding(
        SQLITE,
        "DATABASE_URL",
        "SQLite serves only one machine and one writer at a time. Set DATABASE_URL to a"
        " postgres:// address.",
    )


def _public_url(settings: Settings) -> Finding | None:
    if not settings.has_links:
        return Finding(
            "NO_PUBLIC_URL",
            "PUBLIC_URL",
            "Links in mails lead to a port of this machine that is chosen at start, which"
            " recipients cannot open. Set PUBLIC_URL to the https:// address of this service.",
        )
    if settings.public_url is None:
        return Finding(
            "NO_PUBLIC_URL",
            "PUBLIC_URL",
            f"Links in mails lead to {settings.links_begin_with}, which recipients cannot open."
            " Set PUBLIC_URL to the https:// address of this service.",
        )
    if urlsplit(settings.public_url).scheme != "https":
        return Finding(
            "PUBLIC_URL_IS_HTTP",
            "PUBLIC_URL",
            "Links in mails are plain HTTP, so others on the network can read them. Set PUBLIC_URL"
            " to an https:// address.",
        )
    return None


def _proxies(settings: Settings) -> Finding | None:
    if any(network in EVERYBODY for network in settings.trusted_proxies):
        return Finding(
            "EVERYBODY_IS_TRUSTED",
            "TRUSTED_PROXIES",
            "All networks are trusted proxies, so clients can claim any network address, and failed"
            " sign-ins are not limited. Set TRUSTED_PROXIES to the addresses of your proxies.",
        )
    is_https = urlsplit(settings.public_url or "").scheme == "https"
    if is_https and not settings.trusted_proxies:
        return Finding(
            "NO_TRUSTED_PROXY",
            "TRUSTED_PROXIES",
            "PUBLIC_URL is https, but no proxy is trusted: all clients seem to have the network"
            " address of your HTTPS proxy. Set TRUSTED_PROXIES to this address.",
        )
    return None


def _organisation(settings: Settings) -> Finding | None:
    if settings.organisation_name is not None:
        return None
    return Finding(
        "NO_ORGANISATION_NAME",
        "ORGANISATION_NAME",
        "Mails and confirmation pages do not name your organisation. Set ORGANISATION_NAME to the"
        " name by which your customers know you.",
        is_hint=True,
    )


def _metrics(settings: Settings) -> Finding | None:
    if not settings.are_metrics_public:
        return None
    return Finding(
        "PUBLIC_METRICS",
        "METRICS_PORT",
        "Everybody who reaches the API can read the metrics, because METRICS_PORT is PORT. Set"
        " METRICS_PORT to another port.",
    )


RULES: tuple[Rule, ...] = (
    *(_register, _mail, _webhooks, _database, _public_url, _proxies, _metrics, _organisation),
)


def settings_named(text: str) -> list[str]:
    """Return the names of the settings that a text mentions in capitals, in lower case."""
    words = set(re.findall(r"[A-Z][A-Z_]+", text))
    return [name for name in Settings.model_fields if name.upper() in words]


def too_few_files(settings: Settings, limit: int) -> Finding | None:
    """Return a problem if `limit`, the maximum number of open files, is too low.

    MAX_CONNECTIONS needs more.
    """
    needed = settings.max_connections + settings.database_pool_size + BEYOND_CONNECTIONS
    if limit >= needed:
        return None
    return Finding(
        "TOO_FEW_FILES",
        "MAX_CONNECTIONS",
        f"A process may open {limit} files, and {settings.max_connections} connections need"
        f" {needed}. Raise the limit (ulimit -n) or lower MAX_CONNECTIONS.",
    )
