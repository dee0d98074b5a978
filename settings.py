"""The only reader of the environment: settings, immutable, with secrets that are never printed."""

import os
import re
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent
POSTGRES_SCHEMES = ("postgres", "postgresql", "asyncpg")
LEGAL_AUDIT_DAYS = 2_192
"""Six years: the database refuses to delete audit entries that are younger."""
SANDBOX_KEY = "sandbox"
"""The API key that a sandbox is sent if none is set."""
MAIL_ADDRESS = re.compile(r"[^@\s<>\"]+@[^@\s<>\"]+\.[^@\s<>\"]+")


class Settings(BaseSettings):
    """The settings; each is read from the environment variable of its name in capitals."""

    model_config = SettingsConfigDict(
        frozen=True, env_ignore_empty=True, extra="ignore", use_attribute_docstrings=True
    )

    host: str = "127.0.0.1"
    """Address to listen on; `worker --health-port` uses it too. `0.0.0.0` is every interface."""
    port: int = Field(default=8000, ge=0, le=65535)
    """TCP port to listen on; 0 picks a free one, and a worker then needs `PUBLIC_URL` for mails."""
    database_url: str = f"sqlite://{ROOT / 'var' / 'customer-classes.sqlite3'}"
    """Database to use: `sqlite://<path>` for one machine, `postgres://…` for production."""
    database_pool_size: int = Field(default=12, ge=6, le=100)
    """PostgreSQL connections of each process; a third of them are kept for reads."""
    database_timeout_s: float = Field(default=60, ge=1, le=3_600)
    """Seconds that a PostgreSQL statement may take before it is cancelled."""
    migration_lock_timeout_s: float = Field(default=10, ge=0.1, le=3_600)
    """Seconds that a migration waits for a lock before it stops and names the lock's holder."""
    database_pooler: Literal["none", "transaction"] = "none"
    """Set to `transaction` if `DATABASE_URL` leads to a pooler in that mode, such as pgbouncer."""
    database_direct_url: str | None = None
    """Address of the PostgreSQL server itself, past a pooler: for LISTEN and migrations.

    Unset: `DATABASE_URL`. Required with `DATABASE_POOLER=transaction`.
    """
    log_format: Literal["readable", "json"] = "readable"
    """Format of log lines on standard error: for people, or one JSON object per line."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged."""
    slow_operation_s: float = Field(default=0, ge=0, le=3_600)
    """Operations that take this many seconds or more are logged as warnings; 0 logs none."""
    running_requests: int = Field(default=6, ge=1, le=64)
    """Queries that one process runs at the same time."""
    writing_requests: int = Field(default=8, ge=1, le=64)
    """Mutations that one process runs at the same time, beside the queries."""
    waiting_requests: int = Field(default=512, ge=1, le=100_000)
    """Requests that may wait for a slot, for all callers together; more are answered 503."""
    caller_running_requests: int = Field(default=4, ge=1, le=64)
    """Queries of one user or partner that run at the same time; keep below `RUNNING_REQUESTS`."""
    caller_writing_requests: int = Field(default=6, ge=1, le=64)
    """Mutations of one user or partner that run at the same time; keep below `WRITING_REQUESTS`."""
    caller_waiting_requests: int = Field(default=128, ge=1, le=100_000)
    """Requests of one user or partner that may wait for a slot; more are answered 429."""
    max_request_bytes: int = Field(default=1_000_000, ge=1_000, le=100_000_000)
    """Largest request body and largest WebSocket message, in bytes."""
    max_tokens: int = Field(default=5_000, ge=10, le=100_000)
    """Most lexical tokens (names, values, punctuation) in one GraphQL document."""
    max_depth: int = Field(default=20, ge=1, le=200)
    """Deepest nesting of fields, and of fragments within fragments."""
    max_fields: int = Field(default=2_000, ge=1)
    """Most fields in one operation; the fields of a fragment count each time it is used."""
    max_selection_fields: int = Field(default=200, ge=1)
    """Most fields in one selection set."""
    max_root_fields: int = Field(default=50, ge=1, le=10_000)
    """Most root fields in one operation."""
    max_aliases: int = Field(default=100, ge=0, le=10_000)
    """Most aliases in one operation."""
    max_directives: int = Field(default=100, ge=0, le=10_000)
    """Most directives in one operation."""
    max_field_directives: int = Field(default=4, ge=0, le=100)
    """Most directives in one place, such as on one field."""
    max_list_entries: int = Field(default=1_000, ge=1, le=100_000)
    """Most entries in one list or object of the arguments and variables."""
    max_value_depth: int = Field(default=12, ge=2, le=100)
    """Deepest nesting of lists and objects in arguments and variables."""
    max_variable_values: int = Field(default=10_000, ge=1, le=1_000_000)
    """Most values in all lists and objects of the variables together."""
    max_cost: int = Field(default=100_000, ge=1, le=10**9)
    """Most points that one operation may request."""
    cost_budget: int = Field(default=10_000_000, ge=0, le=10**12)
    """Points that a user or partner may spend in `COST_WINDOW_S`; 0 is no limit."""
    cost_window_s: float = Field(default=60, ge=1, le=86_400)
    """Seconds in which a spent budget of points fills up again."""
    query_timeout_s: float = Field(default=30, ge=0, le=3_600)
    """Seconds that a query may wait and run, and that a mutation may wait; 0 is no limit."""
    introspection: bool = True
    """Whether signed-in callers may read the schema. If not, errors suggest no names either."""
    trusted_documents: Path | None = None
    """Folder or JSON file with the only documents that are executed. Unset: any document is."""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose web pages may call the API, as `https://app.example`, separated by commas."""
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    """Proxies whose forwarded headers are believed: addresses and networks, as `10.0.0.0/8`."""
    forwarded_by: Literal["x-forwarded", "forwarded"] = "x-forwarded"
    """Headers that these proxies set: `X-Forwarded-For` and `-Proto`, or `Forwarded` (RFC 7239)."""
    auth_failure_limit: int = Field(default=30, ge=1, le=100_000)
    """Wrong tokens and links that one address may try in `AUTH_FAILURE_WINDOW_S`."""
    auth_failure_window_s: float = Field(default=60, ge=1, le=86_400)
    """Seconds after which an address may try that many wrong tokens and links again."""
    max_connections: int = Field(default=10_000, ge=1)
    """Most client connections of one process; more are answered 503 with Retry-After."""
    client_timeout_s: float = Field(default=30, gt=0, le=3600)
    """Seconds that a client has to send a head, to send a body, and to read any of the answer."""
    keep_alive_s: int = Field(default=75, ge=1, le=3600)
    """Seconds that an idle connection stays open; set the proxy's own idle time lower."""
    drain_s: float = Field(default=0, ge=0, le=600)
    """Seconds after SIGTERM in which requests are still served, while `/readyz` says `draining`."""
    stop_timeout_s: int = Field(default=30, ge=1, le=3600)
    """Seconds after that which running requests have to end."""
    worker_slots: int = Field(default=4, ge=1, le=32)
    """Jobs of each kind (lookups, mails) that one process runs at the same time."""
    worker_lease_s: float = Field(default=15, ge=1, le=600)
    """Seconds without a heartbeat after which a worker's jobs go to another worker."""
    keep_jobs_days: float = Field(default=14, ge=0, le=36_500)
    """Days until finished jobs are deleted; 0 keeps them for ever."""
    keep_events_days: float = Field(default=90, ge=0, le=36_500)
    """Days until events are deleted; 0 keeps them for ever."""
    keep_runs_days: float = Field(default=730, ge=0, le=36_500)
    """Days until lookups are deleted, except each customer's newest; 0 keeps them for ever."""
    keep_confirmations_days: float = Field(default=1_095, ge=0, le=36_500)
    """Days until confirmations without a working link are deleted; 0 keeps them for ever."""
    keep_tokens_days: float = Field(default=730, ge=0, le=36_500)
    """Days until expired and revoked access tokens are deleted; 0 keeps them for ever."""
    keep_budgets_days: float = Field(default=7, ge=0, le=36_500)
    """Days until budgets of points that are full again are deleted; 0 keeps them for ever."""
    keep_audit_days: float = Field(default=0, ge=0, le=36_500)
    """Days until audit entries are deleted: 2192 (six years) or more; 0 keeps them for ever."""
    consent_age_days: int = Field(default=730, ge=1, le=36_500)
    """Age in days from which consent carries the advisory `CONSENT_OUTDATED`."""
    companies_house_api_key: SecretStr | None = None
    """REST API key of Companies House. Unset, without an address or the sandbox: lookups wait."""
    companies_house_url: str | None = None
    """Origin of the Public Data API. Unset: that of Companies House; set it to use a sandbox."""
    companies_house_sandbox: bool = False
    """Whether to fill customers with made-up data from a sandbox in this process (development)."""
    companies_house_document_url: str | None = None
    """Origin of the Document API. Unset: `COMPANIES_HOUSE_URL`, or that of Companies House."""
    companies_house_limit: int = Field(default=600, ge=1, le=1_000_000)
    """Requests that the API key may make in `COMPANIES_HOUSE_WINDOW_S`; 97.5 % of them are used."""
    companies_house_window_s: float = Field(default=300, gt=0, le=86_400)
    """Seconds in which Companies House counts requests."""
    company_searches: int = Field(default=30, ge=1, le=10_000)
    """Searches by company name that one user or partner may make per minute in one process."""
    bulk_lookup_cooldown_s: float = Field(default=3_600, ge=0, le=30 * 86_400)
    """Seconds until `requestEnrichment` may look up all customers of a class again; 0 is no limit.

    `restartEnrichments` waits as long before it repeats a lookup that ended PARTIAL or NOT_FOUND.
    """
    consent_needs_verified_address: bool = False
    """Whether an account's consent covers only contacts whose email address is verified."""
    personal_data_needs_scope: bool = False
    """Whether personal data is masked for tokens without the scope `personal_data:read`."""
    public_url: str | None = None
    """Address at which people reach this service; links in mails begin with it.

    Unset: `http://HOST:PORT`, with `localhost` if `HOST` is every interface.
    """
    organisation_name: str | None = Field(default=None, max_length=100)
    """Name by which customers know you: who asks, in mails and on pages. Unset: neutral words."""
    organisation_privacy_url: str | None = Field(default=None, max_length=500)
    """Address (http or https) of your privacy notice, linked in mails and pages. Unset: no link."""
    organisation_contact: str | None = Field(default=None, max_length=500)
    """Where to ask questions: an email address or a URL, shown in mails and pages. Unset: none."""
    smtp_url: SecretStr | None = None
    """Mail server: `smtp://`, `smtp+starttls://` or `smtps://`, user, password, host and port.

    Unset: mails are written to files in `MAILBOX` and not sent.
    """
    smtp_timeout_s: float = Field(default=10, ge=1, le=600)
    """Seconds in which the mail server must accept a mail; otherwise it is sent again later."""
    mail_from: str | None = None
    """Sender of mails, as `Name <address>`. Unset: `no-reply@` the host of `PUBLIC_URL`."""
    mailbox: Path = ROOT / "var" / "mailbox"
    """Folder to which mails are written if no mail server is set."""
    mails_per_partner_hour: int = Field(default=100, ge=1, le=1_000_000)
    """Mails that one partner may request in any hour."""
    mails_per_hour: int = Field(default=2_000, ge=1, le=1_000_000)
    """Mails that all callers together may request in any hour."""
    mails_per_mailbox_hour: int = Field(default=5, ge=1, le=10_000)
    """Mails that one recipient gets in any hour, from all requesters; further mails wait."""
    confirmation_hours: float = Field(default=72, gt=0, le=24 * 90)
    """Hours that a confirmation link works, from when its mail is sent."""
    withdrawal_days: float = Field(default=730, gt=0, le=3650)
    """Days that a withdrawal link works, from when its mail is sent."""
    oidc_issuer: str | None = None
    """Issuer of the OpenID Connect provider whose tokens sign in, exactly as it names itself."""
    oidc_audience: str | None = None
    """Audience (`aud`) that these tokens must have; required with `OIDC_ISSUER`."""
    oidc_algorithms: str = "RS256,ES256"
    """Signature algorithms to accept: RS, PS or ES with 256, 384 or 512, Ed25519, EdDSA."""
    oidc_leeway_s: int = Field(default=60, ge=0, le=600)
    """Seconds by which the provider's clock may differ from ours."""
    oidc_groups_claim: str = "groups"
    """Claim that lists the groups of a user."""
    oidc_jwks_url: str | None = None
    """Address of the provider's signing keys. Unset: as its discovery document says."""
    oidc_keys_lifetime_s: float = Field(default=600, ge=10, le=86_400)
    """Seconds after which signing keys are fetched again, in the background."""
    oidc_keys_grace_s: float = Field(default=7_200, ge=0, le=7 * 86_400)
    """Seconds beyond that in which known keys are still used while the provider is down."""
    oidc_keys_pause_s: float = Field(default=10, ge=1, le=3_600)
    """Shortest time between two fetches of signing keys, in seconds."""
    connection_subscriptions: int = Field(default=50, ge=1, le=10_000)
    """Operations that one WebSocket may run at the same time."""
    credential_subscriptions: int = Field(default=500, ge=1, le=100_000)
    """Operations that all WebSockets of one user or partner may run in one process."""
    credential_connections: int = Field(default=100, ge=1, le=100_000)
    """WebSockets that one user or partner may open to one process."""

    @field_validator("database_url", "database_direct_url")
    @classmethod
    def _known_database(cls, url: str | None, field: ValidationInfo) -> str | None:
        is_direct = field.field_name == "database_direct_url"
        schemes = POSTGRES_SCHEMES if is_direct else ("sqlite", *POSTGRES_SCHEMES)
        if url is not None and url.partition("://")[0] not in schemes:
            wanted = "postgres://" if is_direct else "sqlite:// or postgres://"
            raise ValueError(f"{str(field.field_name).upper()} must begin with {wanted}")
        return url

    @field_validator("keep_audit_days")
    @classmethod
    def _legal_period(cls, days: float) -> float:
        if 0 < days < LEGAL_AUDIT_DAYS:
            raise ValueError(
                f"KEEP_AUDIT_DAYS must be 0, to keep entries for ever, or at least"
                f" {LEGAL_AUDIT_DAYS} (six years)"
            )
        return days

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
            raise ValueError(
                "TRUSTED_PROXIES must be addresses and networks, as 10.0.0.0/8"
            ) from None

    @field_validator("public_url")
    @classmethod
    def _plain_origin(cls, url: str | None) -> str | None:
        if url is not None and (not _is_web_address(url) or "?" in url or "#" in url):
            raise ValueError("PUBLIC_URL must be http:// or https://, a host, and maybe a path")
        return None if url is None else url.rstrip("/")

    @field_validator("organisation_name", "organisation_privacy_url", "organisation_contact")
    @classmethod
    def _can_be_shown(cls, text: str | None, field: ValidationInfo) -> str | None:
        is_name = field.field_name == "organisation_name"
        is_shown = is_name and text is not None and text.isprintable() and text.strip() == text
        is_mail = field.field_name == "organisation_contact" and MAIL_ADDRESS.fullmatch(text or "")
        if text is None or is_shown or is_mail or (not is_name and _is_web_address(text)):
            return text
        wanted = {
            "organisation_name": "must be plain text without line breaks",
            "organisation_privacy_url": "must be http:// or https:// and a host",
            "organisation_contact": "must be an email address, or http:// or https:// and a host",
        }
        raise ValueError(f"{str(field.field_name).upper()} {wanted[str(field.field_name)]}")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        is_lite = self.database_url.startswith("sqlite")
        if is_lite and (self.database_pooler != "none" or self.database_direct_url):
            raise ValueError("DATABASE_POOLER and DATABASE_DIRECT_URL need a postgres:// address")
        if self.database_pooler == "transaction" and not self.database_direct_url:
            raise ValueError(
                "DATABASE_POOLER=transaction needs DATABASE_DIRECT_URL: such a pooler delivers no"
                " notifications, so revoked tokens would go on working"
            )
        if self.companies_house_document_url and not self.companies_house_url:
            raise ValueError("COMPANIES_HOUSE_DOCUMENT_URL needs COMPANIES_HOUSE_URL")
        if 0 < self.cost_budget < self.max_cost:
            raise ValueError("COST_BUDGET must be 0, for no limit, or at least MAX_COST")
        if (self.oidc_issuer is None) != (self.oidc_audience is None):
            raise ValueError("OIDC_ISSUER and OIDC_AUDIENCE need each other")
        if self.companies_house_sandbox and self._names_register:
            raise ValueError(
                "COMPANIES_HOUSE_SANDBOX excludes COMPANIES_HOUSE_API_KEY and COMPANIES_HOUSE_URL"
            )
        return self

    @property
    def has_register(self) -> bool:
        """Whether companies can be looked up; otherwise lookups wait."""
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
        """The key to send to Companies House; a sandbox accepts any."""
        key = self.companies_house_api_key
        return SANDBOX_KEY if key is None else key.get_secret_value()

    @property
    def smtp_address(self) -> str | None:
        """The URL of the mail server with its password; None if mails are written to files."""
        return None if self.smtp_url is None else self.smtp_url.get_secret_value()

    @property
    def links_begin_with(self) -> str:
        """What links in mails begin with; without PUBLIC_URL, the address of this machine."""
        host = "localhost" if _is_unspecified(self.host) else self.host
        host = f"[{host}]" if ":" in host else host
        return self.public_url or f"http://{host}:{self.port}"

    @property
    def has_links(self) -> bool:
        """Whether links in mails can be written; not while a free port is still to be found."""
        return self.public_url is not None or self.port != 0

    @property
    def own_origin(self) -> str | None:
        """The origin of PUBLIC_URL as browsers send it; None if only the Host header tells."""
        parts = urlsplit(self.public_url or "")
        return f"{parts.scheme}://{parts.netloc}".lower() if parts.netloc else None

    @property
    def page_origins(self) -> tuple[str, ...]:
        """The origins whose pages may open a WebSocket, beside the requested host itself."""
        return (*self.cors_origins, *filter(None, (self.own_origin,)))

    @property
    def link_lifetimes(self) -> tuple[timedelta, timedelta]:
        """How long the links of a mail work: those that confirm, and those that withdraw."""
        return timedelta(hours=self.confirmation_hours), timedelta(days=self.withdrawal_days)

    @property
    def retention(self) -> dict[str, timedelta | None]:
        """How long rows of each kind are kept; None, which 0 days stand for, is for ever."""
        names = ("jobs", "events", "runs", "confirmations", "tokens", "budgets", "audit")
        days = {name: getattr(self, f"keep_{name}_days") for name in names}
        return {name: timedelta(days=kept) if kept else None for name, kept in days.items()}


def environment_names() -> frozenset[str]:
    """Return the names of all environment variables that are set to a text."""
    return frozenset(name for name, value in os.environ.items() if value)


def wanted_log_format() -> Literal["readable", "json"]:
    """Return LOG_FORMAT alone, which is needed to report that other settings are invalid."""
    try:
        return _LogFormat().log_format
    except ValueError:
        return "readable"


class _LogFormat(BaseSettings):
    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore")
    log_format: Literal["readable", "json"] = "readable"


def _is_web_address(url: str) -> bool:
    parts = urlsplit(url)
    is_plain = bool(parts.hostname) and not parts.username and url.isprintable() and " " not in url
    return parts.scheme in {"http", "https"} and is_plain


def _is_unspecified(host: str) -> bool:
    """Tell whether a host stands for every interface; no client can connect to such an address."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return not host.strip("0.")  # also the short forms of 0.0.0.0


def _split(text: str) -> list[str]:
    return text.replace(",", " ").split()
