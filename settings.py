"""The only reader of the environment: settings, frozen, with secrets that do not print."""

import os
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent
POSTGRES_SCHEMES = ("postgres", "postgresql", "asyncpg")
LEGAL_AUDIT_DAYS = 2_192
"""Six years: the database refuses to delete audit entries that are younger."""
SANDBOX_KEY = "sandbox"
"""The API key sent to a sandbox when none is set; it accepts any."""


class Settings(BaseSettings):
    """What an operator may set, by environment variables of the same names in capitals."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=0, le=65535)
    database_url: str = f"sqlite://{ROOT / 'var' / 'customer-classes.sqlite3'}"
    database_pool_size: int = Field(default=12, ge=6, le=100)
    database_timeout_s: float = Field(default=60, ge=1, le=3_600)
    migration_lock_timeout_s: float = Field(default=10, ge=0.1, le=3_600)
    database_pooler: Literal["none", "transaction"] = "none"
    database_direct_url: str | None = None
    log_format: Literal["readable", "json"] = "readable"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    slow_operation_s: float = Field(default=0, ge=0, le=3_600)
    running_requests: int = Field(default=6, ge=1, le=64)
    writing_requests: int = Field(default=8, ge=1, le=64)
    waiting_requests: int = Field(default=512, ge=1, le=100_000)
    caller_running_requests: int = Field(default=4, ge=1, le=64)
    caller_writing_requests: int = Field(default=6, ge=1, le=64)
    caller_waiting_requests: int = Field(default=128, ge=1, le=100_000)
    max_request_bytes: int = Field(default=1_000_000, ge=1_000, le=100_000_000)
    max_tokens: int = Field(default=5_000, ge=10, le=100_000)
    max_depth: int = Field(default=20, ge=1, le=200)
    max_fields: int = Field(default=2_000, ge=1)
    max_selection_fields: int = Field(default=200, ge=1)
    max_root_fields: int = Field(default=50, ge=1, le=10_000)
    max_aliases: int = Field(default=100, ge=0, le=10_000)
    max_directives: int = Field(default=100, ge=0, le=10_000)
    max_field_directives: int = Field(default=4, ge=0, le=100)
    max_list_entries: int = Field(default=1_000, ge=1, le=100_000)
    max_value_depth: int = Field(default=12, ge=2, le=100)
    max_variable_values: int = Field(default=10_000, ge=1, le=1_000_000)
    max_cost: int = Field(default=100_000, ge=1, le=10**9)
    cost_budget: int = Field(default=10_000_000, ge=0, le=10**12)
    cost_window_s: float = Field(default=60, ge=1, le=86_400)
    query_timeout_s: float = Field(default=30, ge=0, le=3_600)
    introspection: bool = True
    trusted_documents: Path | None = None
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    forwarded_by: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    guesses: int = Field(default=30, ge=1, le=100_000)
    guess_window_s: float = Field(default=60, ge=1, le=86_400)
    most_connections: int = Field(default=10_000, ge=1)
    client_timeout_s: float = Field(default=30, gt=0, le=3600)
    keep_alive_s: int = Field(default=75, ge=1, le=3600)
    drain_s: float = Field(default=0, ge=0, le=600)
    stop_timeout_s: int = Field(default=30, ge=1, le=3600)
    worker_slots: int = Field(default=4, ge=1, le=32)
    worker_lease_s: float = Field(default=15, ge=1, le=600)
    keep_jobs_days: float = Field(default=14, ge=0, le=36_500)
    keep_events_days: float = Field(default=90, ge=0, le=36_500)
    keep_runs_days: float = Field(default=730, ge=0, le=36_500)
    keep_confirmations_days: float = Field(default=1_095, ge=0, le=36_500)
    keep_tokens_days: float = Field(default=730, ge=0, le=36_500)
    keep_budgets_days: float = Field(default=7, ge=0, le=36_500)
    keep_audit_days: float = Field(default=0, ge=0, le=36_500)
    consent_age_days: int = Field(default=730, ge=1, le=36_500)
    companies_house_api_key: SecretStr | None = None
    companies_house_url: str | None = None
    companies_house_sandbox: bool = False
    companies_house_document_url: str | None = None
    companies_house_limit: int = Field(default=600, ge=1, le=1_000_000)
    companies_house_window_s: float = Field(default=300, gt=0, le=86_400)
    company_searches: int = Field(default=30, ge=1, le=10_000)
    bulk_lookup_cooldown_s: float = Field(default=3_600, ge=0, le=30 * 86_400)
    consent_needs_verified_address: bool = False
    personal_data_needs_scope: bool = False
    public_url: str | None = None
    smtp_url: SecretStr | None = None
    smtp_timeout_s: float = Field(default=10, ge=1, le=600)
    mail_from: str | None = None
    mailbox: Path = ROOT / "var" / "mailbox"
    mails_per_partner_hour: int = Field(default=100, ge=1, le=1_000_000)
    mails_per_hour: int = Field(default=2_000, ge=1, le=1_000_000)
    mails_per_mailbox_hour: int = Field(default=5, ge=1, le=10_000)
    confirmation_hours: float = Field(default=72, gt=0, le=24 * 90)
    withdrawal_days: float = Field(default=730, gt=0, le=3650)
    oidc_issuer: str | None = None
    oidc_audience: str | None = None
    oidc_algorithms: str = "RS256,ES256"
    oidc_leeway_s: int = Field(default=60, ge=0, le=600)
    oidc_groups_claim: str = "groups"
    oidc_jwks_url: str | None = None
    oidc_keys_lifetime_s: float = Field(default=600, ge=10, le=86_400)
    oidc_keys_grace_s: float = Field(default=7_200, ge=0, le=7 * 86_400)
    oidc_keys_pause_s: float = Field(default=10, ge=1, le=3_600)
    connection_subscriptions: int = Field(default=50, ge=1, le=10_000)
    credential_subscriptions: int = Field(default=500, ge=1, le=100_000)
    credential_connections: int = Field(default=100, ge=1, le=100_000)

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        scheme = url.partition("://")[0]
        if scheme != "sqlite" and scheme not in POSTGRES_SCHEMES:
            raise ValueError("DATABASE_URL begins with sqlite:// or postgres://")
        return url

    @field_validator("keep_audit_days")
    @classmethod
    def _legal_period(cls, days: float) -> float:
        if 0 < days < LEGAL_AUDIT_DAYS:
            raise ValueError(f"0 for good, or at least {LEGAL_AUDIT_DAYS} days: six years")
        return days

    @field_validator("database_direct_url")
    @classmethod
    def _known_server(cls, url: str | None) -> str | None:
        if url is not None and url.partition("://")[0] not in POSTGRES_SCHEMES:
            raise ValueError("DATABASE_DIRECT_URL begins with postgres://")
        return url

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _origins(cls, given: object) -> object:
        return _split(given) if isinstance(given, str) else given

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _networks(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        try:
            return tuple(ip_network(one) for one in _split(given))
        except ValueError:
            raise ValueError("these are addresses and networks, as 10.0.0.0/8") from None

    @field_validator("public_url")
    @classmethod
    def _plain_origin(cls, url: str | None) -> str | None:
        parts = urlsplit(url or "http://none")
        is_plain = parts.scheme in {"http", "https"} and parts.hostname and not parts.username
        if not is_plain or parts.query or parts.fragment or not (url or "").isprintable():
            raise ValueError("PUBLIC_URL is http:// or https://, a host, and maybe a path")
        return None if url is None else url.rstrip("/")

    @model_validator(mode="after")
    def _direct_address(self) -> Self:
        is_lite = self.database_url.startswith("sqlite")
        if is_lite and (self.database_pooler != "none" or self.database_direct_url):
            raise ValueError("DATABASE_POOLER and DATABASE_DIRECT_URL need a postgres:// address")
        if self.database_pooler == "transaction" and not self.database_direct_url:
            raise ValueError(
                "DATABASE_POOLER=transaction needs DATABASE_DIRECT_URL: such a pooler delivers no"
                " notifications, so revoked tokens would go on working"
            )
        return self

    @model_validator(mode="after")
    def _both_urls(self) -> Self:
        if self.companies_house_document_url and not self.companies_house_url:
            raise ValueError("COMPANIES_HOUSE_DOCUMENT_URL needs COMPANIES_HOUSE_URL")
        return self

    @model_validator(mode="after")
    def _payable(self) -> Self:
        if 0 < self.cost_budget < self.max_cost:
            raise ValueError("COST_BUDGET is 0 for none, or at least MAX_COST")
        return self

    @model_validator(mode="after")
    def _whole_provider(self) -> Self:
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            raise ValueError("OIDC_ISSUER and OIDC_AUDIENCE need each other")
        return self

    @model_validator(mode="after")
    def _one_register(self) -> Self:
        if self.companies_house_sandbox and self._names_register:
            raise ValueError(
                "COMPANIES_HOUSE_SANDBOX excludes COMPANIES_HOUSE_API_KEY and COMPANIES_HOUSE_URL"
            )
        return self

    @property
    def uses_own_sandbox(self) -> bool:
        """Tell whether this process brings its own Companies House, with made-up companies."""
        return self.companies_house_sandbox

    @property
    def has_register(self) -> bool:
        """Tell whether companies can be looked up; otherwise lookups wait until they can be."""
        return self._names_register or self.companies_house_sandbox

    @property
    def _names_register(self) -> bool:
        return self.companies_house_api_key is not None or self.companies_house_url is not None

    @property
    def for_development(self) -> Self:
        """The same settings, with a sandbox where no register is named."""
        return self.model_copy(update={"companies_house_sandbox": not self._names_register})

    @property
    def api_key(self) -> str:
        """Give the key to send; a sandbox takes any."""
        key = self.companies_house_api_key
        return SANDBOX_KEY if key is None else key.get_secret_value()

    @property
    def smtp_address(self) -> str | None:
        """Give the address of the mail server, password and all; none means the mailbox."""
        return None if self.smtp_url is None else self.smtp_url.get_secret_value()

    @property
    def links_begin_with(self) -> str:
        """Give what links in mails begin with: where people reach this service.

        Without PUBLIC_URL that is the address of this machine itself, which a server that listens
        on all addresses answers at too.
        """
        host = "localhost" if _is_unspecified(self.host) else self.host
        host = f"[{host}]" if ":" in host else host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def has_links(self) -> bool:
        """Tell whether links in mails can be written: not while the port is still to be found."""
        return self.public_url is not None or self.port != 0

    @property
    def own_origin(self) -> str | None:
        """Give the origin of PUBLIC_URL as browsers send it; none if only the Host header tells."""
        parts = urlsplit(self.public_url or "")
        return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else None

    @property
    def page_origins(self) -> tuple[str, ...]:
        """Give the origins whose pages may open a WebSocket, beside the host that is asked."""
        return (*self.cors_origins, *filter(None, (self.own_origin,)))

    @property
    def guess_window(self) -> timedelta:
        """Give the time in which an address may fail as often as `guesses` says."""
        return timedelta(seconds=self.guess_window_s)

    @property
    def link_lifetimes(self) -> tuple[timedelta, timedelta]:
        """Give how long the links of a mail work: those that confirm, and those that withdraw."""
        return timedelta(hours=self.confirmation_hours), timedelta(days=self.withdrawal_days)

    @property
    def worker_lease(self) -> timedelta:
        """Give how long a job stays with a worker that shows no sign of life."""
        return timedelta(seconds=self.worker_lease_s)

    @property
    def retention(self) -> dict[str, timedelta | None]:
        """Return how long rows are kept by what they are; None, which 0 days mean, for good."""
        days = {
            "jobs": self.keep_jobs_days,
            "events": self.keep_events_days,
            "runs": self.keep_runs_days,
            "confirmations": self.keep_confirmations_days,
            "tokens": self.keep_tokens_days,
            "budgets": self.keep_budgets_days,
            "audit": self.keep_audit_days,
        }
        return {name: timedelta(days=kept) if kept else None for name, kept in days.items()}

    @property
    def oldest_consent(self) -> timedelta:
        """Give the age from which on consent should be renewed."""
        return timedelta(days=self.consent_age_days)

    @property
    def cost_window(self) -> timedelta:
        """Give the time in which somebody's points come back."""
        return timedelta(seconds=self.cost_window_s)

    @property
    def bulk_lookup_cooldown(self) -> timedelta:
        """Return the time until all customers of a class may be looked up again."""
        return timedelta(seconds=self.bulk_lookup_cooldown_s)

    @property
    def companies_house_window(self) -> timedelta:
        """Give the window of the allowance."""
        return timedelta(seconds=self.companies_house_window_s)


def environment_names() -> frozenset[str]:
    """Return the names of the environment's variables that are set, ours and others."""
    return frozenset(name for name, value in os.environ.items() if value)


def wanted_log_format() -> Literal["readable", "json"]:
    """Read the format of logs alone, for telling that other settings make no sense."""
    try:
        return _LogFormat().log_format
    except ValueError:
        return "readable"


class _LogFormat(BaseSettings):
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")
    log_format: Literal["readable", "json"] = "readable"


def _is_unspecified(host: str) -> bool:
    """Tell whether a host to listen on stands for all addresses, at which nobody can be reached."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host.strip("0.")  # also the short forms of 0.0.0.0


def _split(text: str) -> list[str]:
    """Split a list at commas or blanks."""
    return text.replace(",", " ").split()
